"""An entry of a journal in one line, for people.

Owns the words. They are those of the fact's class, so that a new kind of fact needs none of its own.
"""

from __future__ import annotations

import re
from typing import Any

from dataflows.outcome import Error
from interpreter.machine import Entry, Started, format_position

__all__ = ["tell"]

_LONGEST = 200
_CAPITAL = re.compile(r"(?<=.)(?=[A-Z])")


def tell(entry: Entry) -> str:
    """Its number, where it stands, what it is, and the value in it; shortened."""
    fact = entry.fact
    position = format_position(getattr(fact, "position", ()))
    words = _CAPITAL.sub(" ", type(fact).__name__).lower()
    line = f"{entry.seq:>5}  {position:<8}  {words} {getattr(fact, 'name', '')}".rstrip()
    value = _value(fact)
    return line if value is None else f"{line}  {value[:_LONGEST]}{'…' if len(value) > _LONGEST else ''}"


def _value(fact: Any) -> str | None:
    if isinstance(fact, Started):
        named = (f"{name}={value!r}" for name, value in fact.kwargs.items())
        return f"({', '.join([*map(repr, fact.args), *named])})"
    outcome = getattr(fact, "outcome", None)
    if outcome is not None:
        return f"raised {outcome.exception!r}" if isinstance(outcome, Error) else repr(outcome.value)
    error = getattr(fact, "error", None)
    payload = getattr(fact, "payload", error)
    return None if payload is None else repr(payload)
