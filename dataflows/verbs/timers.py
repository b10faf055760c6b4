"""Time that passes: ``sleep`` and ``sleep_until``."""

from __future__ import annotations

from datetime import datetime

from dataflows.commands import Sleep, SleepUntil
from dataflows.duration import Duration, to_timedelta
from dataflows.names import check_name

__all__ = ["sleep", "sleep_until"]


def sleep(name: str, duration: Duration, /) -> Sleep:
    """Go on when ``duration`` has passed; the time is the database's, and restarts do not restart it.

    :raises ValueError: negative or no duration. Zero is legal.
    """
    check_name(name, "a sleep's name")
    return Sleep(name, to_timedelta(duration))


def sleep_until(name: str, when: datetime, /) -> SleepUntil:
    """Go on at ``when``, an aware ``datetime``; at once if it has passed.

    :raises ValueError: ``when`` has no time zone.
    """
    check_name(name, "a sleep's name")
    if not isinstance(when, datetime):
        raise TypeError(f"sleep_until({name!r}) takes a datetime, not {type(when).__name__}")
    if when.utcoffset() is None:
        raise ValueError(f"sleep_until({name!r}) takes an aware datetime; {when!r} has no time zone")
    return SleepUntil(name, when)
