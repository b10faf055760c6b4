"""Reading what strangers have written: JSON of bounded depth, plain words, and keys made of them.

Owns the refusals of whatever is no delivery. Knows no service.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote

from dataflows.connectors.sources.delivery import Delivery
from dataflows.errors import InvalidEvent

__all__ = [
    "FORM",
    "body_hash",
    "check_word",
    "identifier",
    "number_or_word",
    "part",
    "read_form",
    "read_json",
    "read_object",
    "text_or_none",
    "uri",
    "word",
]

DEEPEST = 100
"""Levels of lists and objects within each other; what is deeper would fail later, where it is written again."""

LONGEST_IDENTIFIER = 200

MOST_FIELDS = 100

FORM = "application/x-www-form-urlencoded"
"""The media type of ``read_form``."""

_WORD = re.compile(r"[A-Za-z0-9._/~+@-]{1,120}")
_URI = re.compile(r"[!-~]{1,500}")


def read_json(body: bytes, what: str) -> Any:
    """The content of a JSON text in UTF-8, -16 or -32.

    :param what: for messages: ``"a GitHub delivery"``.
    :raises InvalidEvent: it is none, or nests deeper than ``DEEPEST``, or holds a number that JSON does not have.
    """
    try:
        content = _decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"{what} is JSON; this body is not: {error!s:.200}") from None
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_too_deep(content):
        raise InvalidEvent(f"{what} nests at most {DEEPEST} levels; this body nests deeper")
    return content


def read_object(body: bytes, what: str) -> dict[str, Any]:
    """The fields of a JSON object.

    :raises InvalidEvent: as ``read_json``, or it is no object.
    """
    content = read_json(body, what)
    if not isinstance(content, dict):
        raise InvalidEvent(f"{what} is a JSON object, not {type(content).__name__}")
    return content


def read_form(body: bytes, what: str) -> dict[str, str]:
    """The fields of a form, ``application/x-www-form-urlencoded``.

    :raises InvalidEvent: a field comes twice, there are more than ``MOST_FIELDS``, or it is not UTF-8.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise InvalidEvent(f"{what} is a form; this body is not: {error!s:.200}") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidEvent(f"{what} is a form that has each field once; in this body one comes twice")
    return fields


def word(content: Mapping[str, Any], name: str, what: str) -> str:
    """The field of that name, a plain word of at most 120 characters.

    :raises InvalidEvent: it is none, or missing.
    """
    return check_word(content.get(name), name, what)


def check_word(value: object, name: str, what: str) -> str:
    """The value, a plain word.

    :raises InvalidEvent: it is none.
    """
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise InvalidEvent(f"{what} has a plain word as its {name!r}; this one has {value!a:.99}")
    return value


def number_or_word(value: object) -> str | None:
    """A whole number or a plain word, as a text; None for anything else. Services number things either way."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30:
        return str(value)
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def text_or_none(value: object) -> str | None:
    """A text of 1 to 500 characters, none of which controls anything; None for anything else."""
    return value if isinstance(value, str) and 0 < len(value) <= 500 and value.isprintable() else None


def part(content: object, *names: str) -> dict[str, Any]:
    """The object below those names; empty if there is none."""
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def uri(value: object, otherwise: str) -> str:
    """The value, if it can be an event's source: 1 to 500 printable ASCII characters."""
    return value if isinstance(value, str) and _URI.fullmatch(value) else otherwise


def identifier(*parts: str, key: str = "") -> str:
    """A key made of the parts: no other parts make the same. At most 200 printable ASCII characters, without blanks.

    Parts are joined by colons, and characters that could be mistaken are written as ``%3A``. What is
    too long is cut short, and ends in a hash of the whole.

    :param parts: none of them empty.
    :param key: one that was made so; it is put behind them as it is.
    """
    quoted = [quote(one, safe="/@+", errors="surrogatepass") for one in parts]
    joined = ":".join([*quoted, key] if key else quoted)
    if len(joined) <= LONGEST_IDENTIFIER:
        return joined
    digest = sha256(joined.encode()).hexdigest()
    return f"{joined[: LONGEST_IDENTIFIER - len(digest) - 2]}::{digest}"


def body_hash(delivery: Delivery) -> str:
    """What tells a delivery that has no id from others: ``sha256-`` and the hash of its body."""
    return f"sha256-{sha256(delivery.body).hexdigest()}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_constant(text[:20])


_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).decode


def _is_too_deep(content: Any) -> bool:
    level = [content]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(content: Any) -> list[Any]:
    below = content.values() if isinstance(content, dict) else content
    return [inner for inner in below if isinstance(inner, list | dict)]
