"""Who writes an execution's entries, if for a moment it is not the committer.

Owns the turns: an execution's next number is given either by whoever drafts batches, or by the one
who has its turn. What is proposed for it meanwhile waits, and goes into the first batch afterwards.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from interpreter.scheduler.held import Held
from interpreter.scheduler.proposals import Proposal, StartRequest

__all__ = ["Turns"]


@dataclass(eq=False, slots=True)
class Turn:
    """One turn.

    :ivar begun: no batch in flight holds anything of the execution, and none will.
    :ivar withdrawn: nobody waits for it any more.
    :ivar kept: what was proposed for the execution since it began.
    :ivar behind: the turns that are asked for meanwhile, of the same execution.
    """

    held: Held
    begun: threading.Event = field(default_factory=threading.Event)
    withdrawn: bool = False
    kept: list[Proposal] = field(default_factory=list)
    behind: list[Turn] = field(default_factory=list)


class Turns:
    """The turns of all executions; each has one at a time.

    :param writing: the lock under which batches are drafted and written.
    :param propose: the committer's door.
    """

    def __init__(self, writing: threading.Lock, propose: Callable[[Proposal], None]) -> None:
        self._writing = writing
        self._propose = propose
        self._lock = threading.Lock()
        self._asked: deque[Turn] = deque()
        self._taken: dict[Held, Turn] = {}
        self._over: list[Proposal] = []  # kept in turns that have ended

    @property
    def concern(self) -> bool:
        """Whether a batch that is drafted now is to be sifted."""
        return bool(self._taken or self._over)

    @contextmanager
    def turn(self, held: Held, longest: float) -> Iterator[bool]:
        """Within, the execution's entries are the caller's to write; False if that was not so in so many seconds.

        It begins when the batch in flight has been written, which may wait for a lock that the caller keeps.
        """
        turn = Turn(held)
        self._asked.append(turn)
        self.begin()
        try:
            yield turn.begun.wait(longest)
        finally:
            self._end(turn)

    def begin(self) -> None:
        """Begin what was asked for. Called by whoever asks, and by whoever has written a batch, thereafter."""
        while self._asked and self._writing.acquire(blocking=False):
            try:
                while self._asked:
                    self._begin(self._asked.popleft())
            finally:
                self._writing.release()

    def sift(self, taken: Iterable[Proposal | StartRequest]) -> list[Proposal | StartRequest]:
        """What may be written now: first what waited for turns that have ended, then the rest but what has to wait."""
        with self._lock:
            over, self._over = self._over, []
            return [item for item in (*over, *taken) if not self._keep(item)]

    def _keep(self, item: Proposal | StartRequest) -> bool:
        turn = None if isinstance(item, StartRequest) else self._taken.get(item.held)
        if turn is None or isinstance(item, StartRequest):
            return False
        turn.kept.append(item)
        return True

    def _begin(self, turn: Turn) -> None:
        with self._lock:
            if turn.withdrawn:
                return
            current = self._taken.setdefault(turn.held, turn)
            if current is turn:
                turn.begun.set()
            else:
                current.behind.append(turn)

    def _end(self, turn: Turn) -> None:
        with self._lock:
            turn.withdrawn = True
            if self._taken.get(turn.held) is turn:
                self._over += turn.kept  # before the next line: what comes later must not overtake it
                del self._taken[turn.held]
            self._asked.extend(turn.behind)
        if turn.kept:
            self._propose(Proposal(turn.held))  # nothing, so that the committer looks
        self.begin()
