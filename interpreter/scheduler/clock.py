"""The database's clock, as a scheduler knows it between two looks.

The host's wall clock takes no part: it may jump. What is added to the last time that the
database told is the monotonic time that has passed since.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

__all__ = ["DatabaseClock"]


class DatabaseClock:
    """Set by every answer of the database that carries its time."""

    def __init__(self, now: datetime) -> None:
        self._known = (now.astimezone(UTC), time.monotonic())

    def set(self, now: datetime) -> None:
        """The database has just said that it is ``now``."""
        self._known = (now.astimezone(UTC), time.monotonic())

    def now(self) -> datetime:
        """The database's time, aware, in UTC; late by at most the trip of the last answer."""
        told, at = self._known
        return told + timedelta(seconds=time.monotonic() - at)
