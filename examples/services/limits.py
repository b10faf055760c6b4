"""How the two services count requests: by the minute, and by what was used in a sliding time.

Pure arithmetic over a clock.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

from examples.services.clock import ServiceClock

__all__ = ["MinuteWindows", "SlidingUsage", "Window"]

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Window:
    """Where a token stands in its minute, after a request.

    :ivar remaining: how many more are allowed; -1 if this one was too many.
    :ivar reset: Unix seconds at which the next minute begins.
    """

    limit: int
    remaining: int
    reset: int


class MinuteWindows:
    """So many requests a token in each minute of the clock; those that are too many are not counted."""

    def __init__(self, limit: int, clock: ServiceClock) -> None:
        self._limit = limit
        self._clock = clock
        self._counts: defaultdict[tuple[str, int], int] = defaultdict(int)

    def count(self, token: str) -> Window:
        """Count one request of this token."""
        minute = math.floor(self._clock.timestamp() / MINUTE)
        reset = (minute + 1) * MINUTE
        if self._counts[token, minute] >= self._limit:
            return Window(self._limit, -1, reset)
        self._counts[token, minute] += 1
        return Window(self._limit, self._limit - self._counts[token, minute], reset)


class SlidingUsage:
    """How many requests came within the last five minutes, one unit each."""

    SPAN = 300.0

    def __init__(self, limit: int, clock: ServiceClock) -> None:
        self.limit = limit
        self._clock = clock
        self._times: deque[float] = deque()

    def count(self) -> int:
        """Count one request, and return how many units have been used, this one included."""
        now = self._clock.timestamp()
        while self._times and self._times[0] <= now - self.SPAN:
            self._times.popleft()
        self._times.append(now)
        return len(self._times)

    def reset(self) -> int:
        """Unix seconds at which nothing of what was used so far counts any more."""
        latest = self._times[-1] if self._times else self._clock.timestamp()
        return math.ceil(latest + self.SPAN)
