"""JSON that came from outside, read with suspicion.

Owns what is taken for JSON here: RFC 8259 in UTF-8 without what its readers do not agree on (a key twice,
``NaN``, a number out of range, half a surrogate pair). What comes out is stored as JSON, exactly.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import accumulate
from math import isfinite
from typing import Any

from interpreter.service.problems import Problem

__all__ = ["check_media_type", "parse"]

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A string, also one that has no end: so that each byte is looked at once, whatever the body is."""

_NOT_A_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON_TYPE = re.compile(r"application/(?:[\w.!#$&^+-]+\+)?json", re.ASCII)


def check_media_type(content_type: str | None) -> None:
    """See that the body says that it is JSON in UTF-8. :raises Problem: it does not."""
    kind, *parameters = (content_type or "").lower().split(";")
    charset = [each.strip() for each in parameters if each.strip().startswith("charset=")]
    if not _JSON_TYPE.fullmatch(kind.strip()) or charset not in ([], ["charset=utf-8"], ['charset="utf-8"']):
        raise Problem("unsupported-media-type", "Send JSON in UTF-8, with Content-Type: application/json.")


def parse(body: bytes, depth: int) -> Any:
    """The value that the body is.

    :param depth: how deep lists and objects may nest; seen to before it is parsed.
    :raises Problem: it is no such JSON; the detail says where.
    """
    if _depth(body) > depth:
        raise Problem("malformed", f"Lists and objects may nest {depth} deep; these nest deeper.")
    try:
        text = body.decode("utf-8")
        value = _read(text)
    except UnicodeDecodeError as error:
        raise Problem("malformed", f"The body is no UTF-8: byte {error.start} is wrong.") from None
    except ValueError as error:
        raise Problem("malformed", f"The body is no JSON that is taken here: {error}.") from None
    if "\\u" in text and _holds_surrogate(value):
        raise Problem("malformed", "A text in the body has half a surrogate pair, which is no character.")
    return value


def _depth(body: bytes) -> int:
    brackets = _STRING.sub(b"", body).translate(None, _NOT_A_BRACKET)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _whole_number(text: str) -> int:
    if len(text) > 1_000:
        raise ValueError(f"a number of {len(text):,} digits is out of range")
    return int(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {twice[:80]!a} stands twice in an object")
    return made


_read = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_whole_number, parse_constant=_no_number
).decode


def _holds_surrogate(value: Any) -> bool:
    """No recursion is too deep here: the depth has been seen to."""
    if isinstance(value, str):
        return _SURROGATE.search(value) is not None
    if isinstance(value, dict):
        return any(map(_holds_surrogate, value)) or any(map(_holds_surrogate, value.values()))
    return isinstance(value, list) and any(map(_holds_surrogate, value))
