"""What is to happen at a certain time, the earliest first.

Owns the order. What is no longer wanted stays in the heap and is dropped when its time comes:
whoever set it asks the execution then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Timers"]

T = TypeVar("T")


class Timers(Generic[T]):
    """A heap of items with the time at which each is due."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, T]] = []
        self._count = count()

    def set(self, due: datetime, item: T) -> None:
        """Give the item back when it is due."""
        heapq.heappush(self._heap, (due, next(self._count), item))

    def take_due(self, now: datetime) -> Iterator[tuple[datetime, T]]:
        """Take out what is due, with the time at which it was due."""
        while self._heap and self._heap[0][0] <= now:
            due, _, item = heapq.heappop(self._heap)
            yield due, item

    def seconds_to_next(self, now: datetime) -> float | None:
        """How long until the next is due; None: there is none."""
        return max(0.0, (self._heap[0][0] - now).total_seconds()) if self._heap else None
