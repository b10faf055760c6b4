"""JSON, where decoding gives back an equal value of the same types at every depth.

Owns that question and both directions. The rules are by exact type: ``json`` would write a
tuple, an ``IntEnum`` or a key ``1`` just as well, and give something else back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import Any

from interpreter.codec.places import Part, walk
from interpreter.codec.stack import on_fresh_stack
from interpreter.codec.tagged import MARK, fields_of, is_registered, tag, untag

__all__ = ["DEEPEST", "flaw", "read", "write"]

DEEPEST = 900
"""How deep lists and dicts may nest in JSON: what the standard parser reads under the usual recursion limit."""

_MOST_CONTAINERS = 2_000_000
# A list that holds itself twice doubles at each level, so that depth alone would not end the survey.

_SCALARS = frozenset({str, int, float, bool, type(None)})

# ASCII keeps NUL and lone surrogates. Cycles are found by the survey, for less.
_to_ascii = json.JSONEncoder(check_circular=False, allow_nan=False, separators=(",", ":")).encode
_to_text = json.JSONEncoder(check_circular=False, ensure_ascii=False).encode
_plain = json.JSONDecoder()
_tagged = json.JSONDecoder(object_hook=untag)

_NOTHING = b"null"

_MARK_IN_JSON = f'"{MARK}"'
_SPLIT_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def write(value: object) -> bytes | None:
    """The value as JSON in ASCII, or None if JSON does not hold it exactly."""
    if value is None:  # which most steps come to
        return _NOTHING
    try:
        return _write(value)
    except RecursionError:
        return on_fresh_stack(_write_if_not_too_deep, value)


def read(data: bytes) -> Any:
    """A fresh value.

    :raises ValueError: the bytes are no JSON.
    :raises CannotRestore: it has a tag that nobody knows.
    """
    if data == _NOTHING:
        return None
    text = data.decode()
    decoder = _tagged if _MARK_IN_JSON in text else _plain
    try:
        value, end = decoder.raw_decode(text)  # which looks for no white space, since none is written
        return value if end == len(text) else decoder.decode(text)
    except RecursionError:
        return on_fresh_stack(decoder.decode, text)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            raise
        return _read_long_numbers(text)


def _write(value: object) -> bytes | None:
    has_registered = _survey(value)
    if has_registered is None:
        return None
    if not has_registered:
        text = _dump(value)
        if text is None or _MARK_IN_JSON not in text:
            return None if text is None else text.encode()
    tagged = tag(value)
    text = _dump(tagged) if _survey(tagged) is not None else None
    return None if text is None else text.encode()


def _write_if_not_too_deep(value: object) -> bytes | None:
    try:
        return _write(value)
    except RecursionError:
        return None


def _survey(value: object) -> bool | None:
    """Whether the value holds registered types; None if it holds what JSON does not.

    Level by level, without recursion: a cycle shows as depth. Every value passes here, so this is one
    function, and plain loops: most containers are small, and a comprehension is a call for each.
    """
    if type(value) in _SCALARS:
        return False
    level, count, has_registered = [value], 0, False
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            parts: Any = item
            if type(item) is dict:
                for key in item:
                    if type(key) is not str:
                        return None
                parts = item.values()
            elif type(item) is not list:
                if not is_registered(type(item)):
                    return None
                has_registered, parts = True, ()
            for part in parts:
                if type(part) not in _SCALARS:
                    below.append(part)  # noqa: PERF401 - for every value that is stored: a generator would cost more
        count += len(below)
        if not below or count > _MOST_CONTAINERS:
            return has_registered if not below else None
        level = below
    return None


def _dump(value: object) -> str | None:
    try:
        text = _to_ascii(value)
    except ValueError:  # NaN or infinity, or an int of more digits than Python likes to write
        return None
    if "\\ud" in text and _SPLIT_PAIR.search(_to_text(value)):
        return None  # two surrogates that JSON would join to one character
    return text


def _read_long_numbers(text: str) -> Any:
    # Written where the limit of digits is higher than here. Decimal has none.
    return json.loads(text, object_hook=untag, parse_int=lambda digits: int(Decimal(digits)))


def flaw(value: object) -> tuple[str, object, str] | None:
    """The place in the value, the object there and the reason why JSON does not hold it; None where none is found."""
    for place, node in walk(value, _parts):
        if reason := _reason(node):
            return place, node, reason
    return None


def _parts(node: Any) -> Iterator[Part]:
    if is_registered(type(node)):
        node = fields_of(node)
    if type(node) is dict:
        yield from ((f"[{key!r}]", item) for key, item in node.items())
    elif type(node) is list:
        yield from ((f"[{index}]", item) for index, item in enumerate(node))


def _reason(node: Any) -> str | None:
    kind = type(node)
    if kind is dict:
        odd = [key for key in node if type(key) is not str]
        return f"its key {odd[0]!r} is no str" if odd else None
    if kind not in _SCALARS:
        return None if kind is list or is_registered(kind) else "JSON would not give that type back"
    if kind is float and not isfinite(node):
        return f"JSON has no {node}"
    if kind is not bool and kind is not float and node is not None and _dump(node) is None:
        return "it has too many digits" if kind is int else "JSON would join two surrogates to one character"
    return None
