"""How the services count requests: by the minute, by what was used in a sliding time, by a bucket that refills.

Pure arithmetic over a clock.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

from examples.services.clock import ServiceClock

__all__ = ["Bucket", "MinuteWindows", "SlidingUsage", "Window"]

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
    """So many requests a token in each minute of the clock; those that are too many are not counted.

    :param minute: how many seconds a minute has here; whole ones, as its end is told so.
    """

    def __init__(self, limit: int, clock: ServiceClock, minute: int = MINUTE) -> None:
        self._limit = limit
        self._clock = clock
        self._minute = minute
        self._counts: defaultdict[tuple[str, int], int] = defaultdict(int)

    def count(self, token: str) -> Window:
        """Count one request of this token."""
        minute = math.floor(self._clock.timestamp() / self._minute)
        reset = (minute + 1) * self._minute
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


class Bucket:
    """Points that calls take out, and that flow back at a steady rate.

    :ivar size: points that it holds at most.
    :ivar rate: points that flow back each second.
    """

    def __init__(self, size: int, rate: int, clock: ServiceClock) -> None:
        self.size = size
        self.rate = rate
        self._clock = clock
        self._left = float(size)
        self._at = clock.timestamp()

    def available(self) -> float:
        """How many points it holds now."""
        now = self._clock.timestamp()
        self._left = min(self.size, self._left + (now - self._at) * self.rate)
        self._at = now
        return self._left

    def take(self, points: int) -> bool:
        """Take them out if they are there."""
        is_enough = self.available() >= points
        self._left -= points if is_enough else 0
        return is_enough
