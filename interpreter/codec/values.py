"""Values: which encoding each one takes, and back.

Owns the choice and the message of a refusal. Knows neither format.
"""

from __future__ import annotations

from typing import Any

from dataflows.errors import CannotRestore, CannotStore
from interpreter.codec import pickling, plain
from interpreter.codec.encoded import DILL, ERROR, JSON, LARGEST, Encoded
from interpreter.codec.exceptions import decode_error
from interpreter.codec.names import dotted
from interpreter.codec.places import parts_of, walk
from interpreter.codec.seals import seal, unseal

__all__ = ["decode", "encode"]


def encode(value: object, what: str, *, codec: str = "auto") -> Encoded:
    """The value as it is stored, which decodes to an equal value of the same types.

    :param what: for messages: ``"the result of step 'fetch-item'"``.
    :param codec: ``"auto"``; or ``"json"``, which refuses what JSON cannot hold exactly.
    :raises CannotStore: it holds what is no value (a lock, a lambda, a generator, an instance of a local
        class), nests too deeply, or is larger than ``LARGEST``; the message says where.
    :raises ValueError: there is no such codec.
    """
    if codec not in ("auto", "json"):
        raise ValueError(f"codec is 'auto' or 'json', not {codec!r}")
    data = _write_json(value, what)
    if data is not None:
        encoded = Encoded(JSON, data)
    elif codec == "json":
        raise CannotStore(_json_refusal(value, what))
    else:
        encoded = Encoded(DILL, seal(_pickle(value, what)))
    if len(encoded.data) > LARGEST:
        raise CannotStore(_size_refusal(len(encoded.data), what))
    return encoded


def decode(encoded: tuple[str, bytes]) -> Any:
    """A fresh value at each call; for the encoding ``error``, the exception.

    :param encoded: ``Encoded``, or the bare pair, which is quicker to make.
    :raises CannotRestore: a class of it is not found in this process, or no longer takes what was stored;
        or the bytes are damaged.
    """
    encoding, data = encoded
    try:
        if encoding == JSON:
            return plain.read(data)
        if encoding == DILL:
            return pickling.load(unseal(data))
    except CannotRestore:
        raise
    except Exception as error:
        raise CannotRestore(_restore_refusal(error)) from error
    if encoding == ERROR:
        return decode_error(Encoded(encoding, data))
    raise CannotRestore(f"the encoding {encoding!r} is not known to this version of dataflows; upgrade it")


def _write_json(value: object, what: str) -> bytes | None:
    try:
        return plain.write(value)
    except RuntimeError as error:
        advice = "a thread that outlives the step, perhaps; return a copy"
        raise CannotStore(f"cannot store {what}: it changed meanwhile ({error}): {advice}") from error


def _pickle(value: object, what: str) -> bytes:
    try:
        return pickling.dump(value)
    except pickling.Unstorable as error:
        refused = error
    # Out here the refusal is not dragged along as context: its traceback may be thousands of frames long.
    place, node = _place_of(refused.culprit, value)
    raise CannotStore(_refusal(what, place, node, refused.reason)) from refused.__cause__


def _place_of(culprit: object, value: object) -> tuple[str, object]:
    """Where the culprit stands, or the first instance of it if it is a class."""
    for place, node in walk(value, parts_of):
        if node is culprit or type(node) is culprit:
            return place, node
    return ("" if culprit is value else "something in it"), culprit


def _refusal(what: str, place: str, node: object, reason: str) -> str:
    name = dotted(type(node).__module__, type(node).__qualname__)
    return f"cannot store {what}: {place.strip() or 'the value'} is of type {name}: {reason}"


def _json_refusal(value: object, what: str) -> str:
    found = plain.flaw(value)
    if found is None:
        return f"cannot store {what} as JSON: it is too large, or nests deeper than {plain.DEEPEST} levels"
    place, node, reason = found
    return f"{_refusal(what, place, node, reason)} (only JSON is allowed here)"


def _size_refusal(size: int, what: str) -> str:
    advice = "keep it in a file or a bucket, and return where it is"
    return f"cannot store {what}: it takes {size:,} bytes, more than the {LARGEST:,} that are stored; {advice}"


def _restore_refusal(error: Exception) -> str:
    advice = "import what defines its classes, in the version that stored it"
    return f"a stored value cannot be rebuilt in this process ({type(error).__name__}: {error}); {advice}"
