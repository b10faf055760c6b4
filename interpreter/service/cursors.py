"""Cursors: where in a list a page has ended, as the address of the next page says it.

Owns their form. A place is what the list is ordered by, and no number of lines: what was deleted since shifts nothing.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Any

from interpreter.service.members import Members
from interpreter.service.problems import Problem

__all__ = ["cursor_of", "read_cursor"]


def cursor_of(*place: datetime | str) -> str:
    """The cursor of a line, from the values that its list is ordered by."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in place]
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(query: Members, *kinds: type[datetime | str]) -> Any:
    """The values in the parameter ``cursor``, as a tuple; None if it is not there.

    :param kinds: of the values.
    :raises Problem: no page has ended with it.
    """
    if (cursor := query.value("cursor")) is None:
        return None
    try:
        parts = _as_list(json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        return tuple(_read(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (ValueError, TypeError, RecursionError):
        raise Problem("invalid", "The parameter 'cursor' is not one that a page ended with.") from None


def _as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _read(part: Any, kind: type[datetime | str]) -> datetime | str:
    if kind is datetime:
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment
    if not isinstance(part, str) or "\0" in part:
        raise TypeError("no text that a database takes")
    part.encode()  # nor does it take a lone surrogate
    return part
