"""What may happen next in a simulated world, and when.

Owns the order: the earliest first, and at one moment by rank.
Knows no machine.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from itertools import count

from interpreter.machine import Fact

__all__ = ["Agenda", "Happening", "Rank"]


class Rank(IntEnum):
    """What comes first of what happens at one moment."""

    FORCED = 0
    """Nothing is left to decide: the workflow has ended, a step is being stopped."""
    MESSAGE = 1
    """The inbox is drained before timers fire, so a signal that is not late wins over its deadline."""
    ATTEMPT = 2
    TIMER = 3


@dataclass(frozen=True, slots=True, eq=False)
class Happening:
    """Something that happens at a moment, if it is still wanted then.

    :ivar about: the position of an action, or the name of a message.
    :ivar happen: makes the fact to journal; None if something has only begun.
    """

    about: Hashable
    at: datetime
    rank: Rank
    happen: Callable[[], Fact | None] = field(repr=False)


class Agenda:
    """Happenings, by what they are about."""

    def __init__(self) -> None:
        self._wanted: dict[Hashable, list[Happening]] = {}
        self._heap: list[tuple[datetime, int, int, Happening]] = []
        self._count = count()

    def put(self, about: Hashable, happenings: Sequence[Happening]) -> None:
        """These may happen there, and nothing else that was said before."""
        self._wanted[about] = list(happenings)
        for happening in happenings:
            heapq.heappush(self._heap, (happening.at, happening.rank, next(self._count), happening))

    def drop(self, about: Hashable) -> None:
        """Nothing is wanted there any more."""
        self._wanted.pop(about, None)

    def remove(self, happening: Happening) -> None:
        """It happens now."""
        self._wanted[happening.about].remove(happening)

    def next(self) -> Happening | None:
        """The earliest that is still wanted; it stays."""
        while self._heap:
            happening = self._heap[0][-1]
            if happening in self._wanted.get(happening.about, ()):
                return happening
            heapq.heappop(self._heap)
        return None

    def __iter__(self) -> Iterator[Happening]:
        """All that may happen, in the order in which it was said."""
        return (happening for happenings in self._wanted.values() for happening in happenings)
