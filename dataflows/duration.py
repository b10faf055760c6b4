"""Lengths of time as authors write them: ``"1h30m"``, seconds, ``timedelta``.

Owns the spelling and the bounds; knows no clock.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TypeAlias

__all__ = ["Duration", "to_optional_timedelta", "to_text", "to_timedelta"]

Duration: TypeAlias = str | int | float | timedelta
"""``"24h"``, ``"1h30m"``, ``"500ms"`` (units w d h m s ms); a number of seconds; a ``timedelta``."""

LONGEST = timedelta(days=365_250)
"""A thousand years: further would pass the year 9999, which ``datetime`` cannot hold."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[wdhms])\s*")


def to_timedelta(duration: Duration) -> timedelta:
    """The duration as a ``timedelta``, zero or more.

    :raises ValueError: negative, not finite, over a thousand years, or a text that is no duration.
    :raises TypeError: anything but ``str``, ``int``, ``float`` or ``timedelta`` (``True`` is no number here).
    """
    length = _parse(duration) if isinstance(duration, str) else _from_number(duration)
    if length < timedelta(0) or (isinstance(duration, float) and duration < 0):  # also what is rounded to none
        raise ValueError(f"a duration must not be negative: {duration!r}")
    if length > LONGEST:
        raise ValueError(f"a duration must not be longer than a thousand years: {duration!r}")
    return length


def to_optional_timedelta(duration: Duration | None) -> timedelta | None:
    """``to_timedelta``, where None stands for no limit."""
    return None if duration is None else to_timedelta(duration)


def to_text(length: timedelta) -> str:
    """A length that is not negative, as ``to_timedelta`` reads it: ``"1h30m"``."""
    rest, parts = length // timedelta(microseconds=1), []
    for unit in ("d", "h", "m"):
        number, rest = divmod(rest, timedelta(**{_UNITS[unit]: 1}) // timedelta(microseconds=1))
        parts += [f"{number}{unit}"] if number else []
    if rest or not parts:
        parts.append(f"{rest / 1_000_000:.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)


def _from_number(duration: float | timedelta) -> timedelta:
    if isinstance(duration, timedelta):
        return duration
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise TypeError(f'a duration is "1h30m", seconds or a timedelta, not {type(duration).__name__}: {duration!r}')
    if not abs(duration) <= LONGEST.total_seconds() * 2:  # NaN is not, either; an int may be too large for a float
        raise ValueError(f"a duration must be finite and under a thousand years: {duration!r}")
    return timedelta(seconds=duration)


def _parse(text: str) -> timedelta:
    total, end = timedelta(0), 0
    stripped = text.strip()
    for part in _PART.finditer(stripped):
        if part.start() != end:
            break
        end = part.end()
        try:
            total += timedelta(**{_UNITS[part[2]]: float(part[1])})
        except OverflowError:
            raise ValueError(f"a duration must not be longer than a thousand years: {text!r}") from None
    if not stripped or end != len(stripped):
        raise ValueError(f'not a duration: {text!r}; write it like "90s", "1h30m" or "7d" (units w d h m s ms)')
    return total
