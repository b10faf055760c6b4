"""What is stored, as text for people.

Owns the short form that history tables show. It runs no code of what is stored, and its text
is one line of printable characters: no terminal or page can be taken in by it.
"""

from __future__ import annotations

import json

from interpreter.codec.encoded import ERROR, JSON, Encoded
from interpreter.codec.names import dotted

__all__ = ["describe"]


def describe(encoded: Encoded, limit: int = 200) -> str:
    """JSON as it is, an error as ``Type: message``, anything else as its encoding and size.

    :param limit: the most characters, an ellipsis included.
    """
    if encoded.encoding == JSON:
        text = encoded.data[: limit + 1].decode("ascii", "replace")
    elif encoded.encoding == ERROR:
        text = _describe_error(encoded.data)[: limit + 1]
    else:
        text = f"<{encoded.encoding}, {len(encoded.data):,} bytes>"
    text = "".join(character if character.isprintable() else _escape(character) for character in text)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _describe_error(data: bytes) -> str:
    try:
        error = json.loads(data)
        name = dotted(error["module"], error["qualname"])
        return f"{name}: {error['text']}" if error["text"] else name
    except (ValueError, KeyError, TypeError):
        return f"<error, {len(data):,} bytes, unreadable>"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
