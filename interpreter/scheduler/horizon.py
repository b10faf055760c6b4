"""How far back a claim has to look.

What was due long ago has been claimed long ago, but while somebody keeps an old snapshot open the index still
holds the dead rows of all of it, and a claim that began at the oldest would walk over them each time. Owns the
moment at which a look begins, and how often one goes over everything all the same: a start that was committed long
after it was made is older than what was claimed since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from interpreter.scheduler.clock import DatabaseClock
from interpreter.store.records import Claimed

__all__ = ["Horizon", "Look"]

_MARGIN = timedelta(seconds=5)
"""What became due so shortly before a look may have been committed after it."""

_SELDOM = 50
"""Looks at everything take this fraction of the time: where one takes a millisecond, nearly every look is one."""

_LONGEST = 30.0
"""Seconds that something may be overlooked which is old: it was paused and is resumed, or locked at the last look."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look that has begun.

    :ivar since: what became due before is not looked at; None: all is.
    """

    since: datetime | None
    asked: datetime
    began: float


class Horizon:
    """Tells each look where to begin, by what the looks before it found.

    :param monotonic: seconds, from wherever.
    """

    def __init__(self, clock: DatabaseClock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._since: datetime | None = None
        self._known: frozenset[tuple[str, int]] = frozenset()
        self._look_at_all = 0.0

    def begin(self, known: Collection[tuple[str, int]]) -> Look:
        """A look for executions of these workflow versions; of new ones, everything is looked at."""
        began = self._monotonic()
        if began >= self._look_at_all or not self._known.issuperset(known):
            self._since, self._known = None, frozenset(known)
        return Look(self._since, self._clock.now(), began)

    def end(self, look: Look, claimed: Sequence[Claimed], most: int) -> None:
        """What the look came to; ``most`` is how many it would have taken."""
        if look.since is None:
            now = self._monotonic()
            self._look_at_all = now + min((now - look.began) * _SELDOM, _LONGEST)
        if len(claimed) < most:
            self._since = look.asked - _MARGIN
        elif claimed[0].latest_due is not None:
            self._since = claimed[0].latest_due
