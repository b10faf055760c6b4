"""The clock of a local service: real time, which can be put forward, and made to run faster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["ServiceClock"]


class ServiceClock:
    """Tells the time that a service believes it is. Windows of rate limits pass by advancing it.

    :param pace: how many of its seconds pass in one of ours.
    """

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._began = time.time()
        self._ahead = 0.0
        self._changed = threading.Condition()

    def advance(self, seconds: float) -> None:
        """Put it forward; a service's clock never goes back."""
        if seconds < 0:
            raise ValueError(f"a clock is put forward only; got {seconds!r}")
        with self._changed:
            self._ahead += seconds
            self._changed.notify_all()

    def timestamp(self) -> float:
        """Unix seconds."""
        return self._began + (time.time() - self._began) * self._pace + self._ahead

    def now(self) -> datetime:
        """The same as an aware ``datetime`` in UTC."""
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def wait_until(self, moment: float, unless: Callable[[], bool]) -> bool:
        """Wait for that timestamp, and answer whether it has come; ``unless`` ends it, when ``wake`` is called."""
        with self._changed:
            while not unless() and (left := moment - self.timestamp()) > 0:
                self._changed.wait(left / self._pace)
            return not unless()

    def wake(self) -> None:
        """Have those who wait ask again whether they still should."""
        with self._changed:
            self._changed.notify_all()
