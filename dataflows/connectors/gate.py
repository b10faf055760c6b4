"""Until when a service is to be left in peace; shared by all threads that call it with one credential."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

__all__ = ["Gate"]


class Gate:
    """Until when a service asked to be left in peace, by a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._opens_at = -math.inf
        self._lock = threading.Lock()

    def close_for(self, seconds: float) -> None:
        """Stay closed at least this long from now."""
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock() + seconds)

    def seconds_left(self) -> float:
        """How long it stays closed; 0 if it is open."""
        return max(0.0, self._opens_at - self._clock())
