"""Whatever was stored or raised, as text that a terminal can be trusted with.

Owns the escaping. Names, payloads and errors come from anywhere: a control character in one of them
must neither move a cursor nor hide a line.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["as_json", "inert", "local_time", "relative_to_here"]


def inert(text: object) -> str:
    """The text with every character that is not printable shown as an escape; line breaks stay."""
    return "\n".join(map(_inert_line, str(text).split("\n")))


def _inert_line(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in line)


def as_json(value: Any, indent: int | None = None) -> str:
    """The value as JSON, in ASCII, which is inert.

    A dataclass is shown as an object, a time in ISO 8601, what JSON has no form for by its ``repr``.
    """
    try:
        return json.dumps(value, indent=indent, default=_plain, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(repr(value))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def local_time(moment: datetime | str | None, timespec: str = "seconds") -> str:
    """The moment on this machine's clock; "" for None."""
    if moment is None:
        return ""
    aware = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return aware.astimezone().replace(tzinfo=None).isoformat(" ", timespec)


def relative_to_here(place: str) -> str:
    """``file:line: text`` with the file as seen from the current directory, if it is below it."""
    return place.removeprefix(f"{Path.cwd()}/")
