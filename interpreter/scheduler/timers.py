"""What is to happen at a certain time, the earliest first.

Owns the order. What is no longer wanted stays in the heap for a while; whoever set it tells how
much of that there is, and it is swept out before it is more than what is wanted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from typing import Generic, TypeVar

__all__ = ["Timers"]

T = TypeVar("T")

_FEW = 64


class Timers(Generic[T]):
    """A heap of items with the time at which each is due.

    :param is_wanted: whether an item is still wanted at the time for which it was set.
    """

    def __init__(self, is_wanted: Callable[[T, datetime], bool]) -> None:
        self._heap: list[tuple[datetime, int, T]] = []
        self._count = count()
        self._is_wanted = is_wanted
        self._unwanted = 0

    def set(self, due: datetime, item: T) -> None:
        """Give the item back when it is due."""
        heapq.heappush(self._heap, (due, next(self._count), item))

    def forget(self, number: int) -> None:
        """So many more items are wanted no longer."""
        self._unwanted += number
        if self._unwanted > _FEW and self._unwanted * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if self._is_wanted(entry[2], entry[0])]
            heapq.heapify(self._heap)
            self._unwanted = 0

    def take_due(self, now: datetime) -> Iterator[T]:
        """Take out what is due and still wanted."""
        while self._heap and self._heap[0][0] <= now:
            due, _, item = heapq.heappop(self._heap)
            if self._is_wanted(item, due):
                yield item

    def seconds_to_next(self, now: datetime) -> float | None:
        """How long until the next is due; None: there is none."""
        return max(0.0, (self._heap[0][0] - now).total_seconds()) if self._heap else None
