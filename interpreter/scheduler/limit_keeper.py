"""Asks the database for turns at limits, on a thread of its own: what all executions ask for meanwhile is one round.

Owns the thread, its connection, the time at which somebody may have a turn again, and the look now and then after
what nobody gives back. A scheduler that knows no limit has neither. What a turn is for is not known here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any

from psycopg import Connection

from dataflows.limits import Limit
from dataflows.outcome import Outcome, Value
from interpreter.machine import Position, format_position
from interpreter.scheduler.ending import end
from interpreter.scheduler.errands import UnderWay
from interpreter.scheduler.held import Held
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.store import limits
from interpreter.store.limits import WHOLE, Place, Round

__all__ = ["Ask", "LimitKeeper", "place_of"]

_MOST_AT_ONCE = 500
_LOOK_AFTER = 5.0
"""Seconds between looks after what schedulers that died, or people, have left."""

_PATIENCE = 3.0
"""Seconds that a last round may take when the scheduler closes."""

_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_A_MOMENT = timedelta(milliseconds=1)


@dataclass(eq=False, slots=True)
class Ask(UnderWay):
    """Somebody wants a turn.

    :ivar terms: the limit itself, where it is a workflow's own.
    """

    limit: str
    terms: Limit | None


class LimitKeeper:
    """Has rounds.

    :param known: the limits that this scheduler was given.
    :param answer: called, on the thread, with an ask and whether it is its turn.
    :param looked_after: called, on the thread, now and then: who waits and is held is to ask again.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        lease: Lease,
        known: Mapping[str, Limit],
        answer: Callable[[Ask, Outcome[bool]], None],
        looked_after: Callable[[], None],
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._lease = lease
        self._unsaid = dict(known)
        self._answer = answer
        self._looked_after = looked_after
        self._monitor = monitor
        self._queue: SimpleQueue[Callable[[_Gathered], None] | None] = SimpleQueue()
        self._next: dict[str, datetime] = {}
        self._look_after_at = 0.0  # monotonic
        self._connection: Connection[Any] | None = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin, unless it has."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="dataflows limits", daemon=True)
                self._thread.start()

    def ask(self, ask: Ask) -> None:
        """Somebody wants a turn; ``answer`` is told whether it has it. One that has to wait is woken some time."""
        self.start()
        self._queue.put(lambda gathered: gathered.ask(ask))

    def drop(self, place: Place, limit: str) -> None:
        """Nobody wants that turn any more."""
        self._queue.put(lambda gathered: gathered.drop(place, limit))

    def hold_back(self, limit: str, until: datetime) -> None:
        """Nobody is to have a turn before then."""
        self._queue.put(lambda gathered: gathered.hold_back(limit, until))

    def look_at(self, limit: str, is_proof: bool) -> None:
        """A turn is over: somebody else may have one.

        :param is_proof: it was made use of, and nobody said to wait.
        """
        self._queue.put(lambda gathered: gathered.look_at(limit, is_proof))

    def close(self) -> None:
        """Give others the turns that have become free, and end."""
        with self._lock:
            self._closed.set()
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            end(thread, lambda: self._connection, _PATIENCE)
        if self._connection is not None:
            self._connection.close()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = _PAUSE
        gathered = _Gathered()
        while not gathered.ends:
            try:
                self._gather(gathered)
                self._work(gathered)
            except Exception as error:
                self._monitor.thread_failed("limits", error)
                if self._closed.wait(pause):
                    return  # what is left undone is seen by whoever looks after limits next
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                pause, gathered = _PAUSE, _Gathered(ends=gathered.ends)

    def _gather(self, gathered: _Gathered) -> None:
        """What waits, or else what comes before there is something to do by itself."""
        timeout = 0.0 if gathered.is_begun else self._seconds_to_wait()
        try:
            item = self._queue.get(timeout=timeout) if timeout > 0 else self._queue.get_nowait()
            while item is not None and len(gathered.asks) < _MOST_AT_ONCE:
                item(gathered)
                gathered.is_begun = True
                item = self._queue.get_nowait()
        except Empty:
            return
        if item is None:
            gathered.ends = True
        else:
            item(gathered)

    def _seconds_to_wait(self) -> float:
        seconds = self._look_after_at - time.monotonic()
        if self._next:
            seconds = min(seconds, (min(self._next.values()) - self._lease.clock.now() + _A_MOMENT).total_seconds())
        return max(0.0, seconds)

    def _work(self, gathered: _Gathered) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect("limits")
        if self._unsaid:
            limits.know_limits(self._connection, self._unsaid)
            self._unsaid = {}
        if is_time := time.monotonic() >= self._look_after_at:
            gathered.round.looked_at.update(limits.look_after(self._connection))
        now = self._lease.clock.now()
        gathered.round.looked_at.update(name for name, due in self._next.items() if due <= now)
        self._play(self._connection, gathered)
        if is_time:
            self._look_after_at = time.monotonic() + _LOOK_AFTER
            self._looked_after()

    def _play(self, connection: Connection[Any], gathered: _Gathered) -> None:
        scheduler, round = self._lease.scheduler, gathered.round
        asked = {place_of(ask.held, ask.position): ask for ask in gathered.asks if ask.held.scheduler == scheduler}
        round.asked = [(ask.limit, place) for place, ask in asked.items()]
        if not (names := round.names):
            return
        turns = limits.play(connection, scheduler, round)
        for name in names:
            self._next.pop(name, None)
        self._next |= turns.next
        for place, is_turn in turns.answers.items():
            self._answer(asked[place], Value(is_turn))


class _Gathered:
    """What the next round is about, and who waits for its answers."""

    def __init__(self, ends: bool = False) -> None:
        self.round = Round()
        self.asks: list[Ask] = []
        self.is_begun = False
        self.ends = ends

    def ask(self, ask: Ask) -> None:
        self.asks.append(ask)
        if ask.terms is not None:
            self.round.known[ask.limit] = ask.terms

    def drop(self, place: Place, limit: str) -> None:
        self.round.dropped.append(place)
        self.round.looked_at.add(limit)

    def look_at(self, limit: str, is_proof: bool) -> None:
        self.round.looked_at.add(limit)
        if is_proof:
            self.round.proven.add(limit)

    def hold_back(self, limit: str, until: datetime) -> None:
        untils = self.round.held_back
        untils[limit] = max(until, untils.get(limit, until))


def place_of(held: Held, position: Position) -> Place:
    """What a ticket is for."""
    return Place(held.id, *((held.generation, format_position(position)) if position else WHOLE))
