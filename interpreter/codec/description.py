"""What is stored, as text for people.

Owns the short form that history tables show. It runs no code of what is stored, and its text
is one line of printable characters: no terminal or page can be taken in by it.
"""

from __future__ import annotations

import json

from interpreter.codec.encoded import ERROR, JSON, Encoded
from interpreter.codec.names import dotted

__all__ = ["describe", "describe_error"]


def describe(encoded: Encoded, limit: int = 200, size: int | None = None) -> str:
    """JSON as it is, an error as ``Type: message``, anything else as its encoding and size.

    :param limit: the most characters, an ellipsis included.
    :param size: how many bytes there are, where the data is only their beginning.
    """
    size = len(encoded.data) if size is None else size
    if encoded.encoding == JSON:
        text = encoded.data[: limit + 1].decode("ascii", "replace")
    elif encoded.encoding == ERROR:
        text = _describe_error(encoded.data, size)[: limit + 1]
    else:
        text = f"<{encoded.encoding}, {size:,} bytes>"
    text = "".join(character if character.isprintable() else _escape(character) for character in text)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def describe_error(encoded: Encoded) -> dict[str, str]:
    """The ``type``, ``message`` and ``traceback`` of a stored exception; the exception is not made.

    :raises ValueError: the data is no stored exception.
    """
    try:
        error = json.loads(encoded.data)
        name = dotted(error["module"], error["qualname"])
        return {"type": name, "message": error["text"], "traceback": error.get("traceback", "")}
    except (KeyError, TypeError, RecursionError) as problem:
        raise ValueError("the data is no stored exception") from problem


def _describe_error(data: bytes, size: int) -> str:
    try:
        error = describe_error(Encoded(ERROR, data))
    except ValueError:
        return f"<error, {size:,} bytes, unreadable>" if size == len(data) else f"<error, {size:,} bytes>"
    return f"{error['type']}: {error['message']}" if error["message"] else error["type"]


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
