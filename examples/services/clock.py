"""The clock of a local service: real time, which can be put forward."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["ServiceClock"]


class ServiceClock:
    """Tells the time that a service believes it is. Windows of rate limits pass by advancing it."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def advance(self, seconds: float) -> None:
        """Put it forward; a service's clock never goes back."""
        if seconds < 0:
            raise ValueError(f"a clock is put forward only; got {seconds!r}")
        self._ahead += seconds

    def timestamp(self) -> float:
        """Unix seconds."""
        return time.time() + self._ahead

    def now(self) -> datetime:
        """The same as an aware ``datetime`` in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)
