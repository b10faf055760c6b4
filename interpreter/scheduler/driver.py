"""Drives the machines of the executions that this scheduler holds, on one thread at a time.

Owns the loop, and what is held: what has arrived is done in its order, and what is due is fired.
What follows from an arrival stands in ``arrivals``, how an execution is let go in ``departures``.
Whatever is to become a fact is proposed to the committer, and seen only when it comes back committed.

There is a thread for it; but who has just committed something and finds nobody driving drives
that itself, since a hand-over between threads costs as much as the driving.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any

from interpreter.machine import Machine, Status
from interpreter.scheduler.applier import Applier
from interpreter.scheduler.arrivals import Arrivals, Part
from interpreter.scheduler.cache import Cache
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.departures import Departures
from interpreter.scheduler.dispatcher import Dispatcher
from interpreter.scheduler.held import Held
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.limits import HistoryLimit
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Done, Proposal, StartRequest
from interpreter.scheduler.watchdog import Replaced, Watchdog
from interpreter.store.records import Written
from interpreter.store.rows import Row

__all__ = ["Driver"]

_LONGEST_WAIT = 3600.0


class Driver:
    """The thread that machines run on.

    :param propose: the committer's door.
    :param look_at_inbox: asks for the unread messages of an execution, which arrive by ``on_messages``.
    :param let_go: told the due time of an execution that is suspended, and None when there is room for another,
        or for another suspect.
    :param ended: told an execution's status, with its result row when it ends and its problem when it is blocked.
    :param begun_again: told an execution, and how many generations it has had, when it begins another.
    :param cached: how many machines of suspended executions are kept.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        clock: DatabaseClock,
        limit: HistoryLimit,
        cached: int,
        watchdog: Watchdog,
        monitor: Monitor,
        *,
        propose: Callable[[Proposal], None],
        look_at_inbox: Callable[[str], None],
        let_go: Callable[[datetime | None], None],
        ended: Callable[[str, Status, Row | str], None],
        begun_again: Callable[[str, int], None],
    ) -> None:
        self._dispatcher = dispatcher
        self._monitor = monitor
        self.held = Holdings()
        self._posted: deque[Part] = deque()
        self._next: deque[Iterator[Part]] = deque()  # parts of what is being done
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._asleep_until = 0.0  # monotonic
        self._closing = False
        self.applier = applier = Applier(watchdog, monitor)
        self.cache = Cache(cached, applier.abandon)
        self.departures = Departures(
            *(self.held, applier, dispatcher, self.cache, clock, monitor),
            propose=propose,
            let_go=let_go,
            ended=ended,
            begun_again=begun_again,
        )
        self.arrivals = Arrivals(
            *(self.held, applier, dispatcher, self.departures, clock, limit),
            propose=propose,
            look_at_inbox=look_at_inbox,
            let_go=let_go,
            then=self._next.append,
        )

    def start(self) -> None:
        """Begin to drive; called again by the watchdog, it leaves a stuck thread behind and goes on in a new one."""
        self._driving = threading.Lock()  # a stuck thread keeps the former one
        self._thread = threading.Thread(target=self._run, name="dataflows driver", daemon=True)
        self._thread.start()

    def post(self, method: Callable[..., None], *arguments: Any) -> None:
        """Have a method called by whoever drives: an ``on_…`` of the arrivals, as a rule."""
        self._posted.append((method, arguments))
        self.wake()

    def wake(self) -> None:
        """There is something to drive."""
        self._wakes.put(None)

    @property
    def is_idle(self) -> bool:
        """Whether nobody drives, and nothing waits to be driven."""
        return not (self._posted or self._driving.locked())

    def drive_here(self) -> None:
        """Drive what has just been delivered, on the caller's thread, if nobody else drives and nothing else waits."""
        driving = self._driving
        if not driving.acquire(blocking=False):
            self.wake()
            return
        try:
            if len(self._posted) == 1 and not self._next and driving is self._driving:
                self._drive_one()
        except Replaced:
            return  # it was stuck, and the watchdog has left this thread behind
        finally:
            driving.release()
        if self._posted or self._wakes_too_late():
            self.wake()

    def hold(self, held: Held, entries: Sequence[Written], arrived: Sequence[Written]) -> None:
        """An execution was claimed. It counts as held at once, on whatever thread this is called."""
        self._hold(held)
        self.post(self.arrivals.on_claimed, held, entries, arrived)

    def deliver(self, done: Done) -> None:
        """A group commit has happened, and ``wake`` or ``drive_here`` will follow.

        It comes in the order of commits. What it started counts as held at once, on whatever thread this is called.
        """
        started = [(_held_from_the_start(done, request), request) for request in done.started]
        for held, _ in started:
            self._hold(held)
        self._posted.append((self.arrivals.on_committed, (done, started)))

    def _hold(self, held: Held) -> None:
        if (displaced := self.held.add(held)) is not None:
            self.post(self.arrivals.on_displaced, displaced)

    def close(self) -> None:
        """Drive nothing more, and let the workflows go."""
        self._closing = True
        self.wake()
        while self._thread.is_alive():
            self._thread.join(timeout=1)  # it may be replaced while we wait

    # Whoever drives -----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while self._go_round():
                pass
        except Replaced:
            return  # another thread has taken over; what this one was stuck in is not its to touch any more

    def _go_round(self) -> bool:
        """Drive and sleep; False: that was the last time for this thread."""
        with self._driving:
            if self._thread is not threading.current_thread():  # replaced, maybe while it waited for a stuck one's lock
                self.wake()  # what woke this one was for the thread in its place
                return False
            if self._closing:
                self._end_all()
                return False
            self._drive()
            pause = self._pause()
        with suppress(Empty):
            self._wakes.get(timeout=pause)
        return True

    def _drive_one(self) -> None:
        """Do what was posted first, with its parts, and no more: who drives beside its own work has that to do."""
        self._do(*self._posted.popleft())
        while (part := self._next_part()) is not None:
            self._do(*part)

    def _drive(self) -> None:
        """Do all there is to do: first what is due, then the parts of what was begun, then what was posted."""
        while True:
            for held, position in self._dispatcher.take_due():
                self._do(self._dispatcher.fire, (held, position))
            part = self._next_part() or (self._posted.popleft() if self._posted else None)
            if part is None:
                return
            self._do(*part)

    def _next_part(self) -> Part | None:
        """Made only now: thousands that wait would keep the garbage collector busy."""
        while self._next:
            part = next(self._next[0], None)
            if part is not None:
                return part
            self._next.popleft()
        return None

    def _pause(self) -> float:
        pause = self._dispatcher.seconds_to_next()
        pause = _LONGEST_WAIT if pause is None else min(pause, _LONGEST_WAIT)
        self._asleep_until = time.monotonic() + pause
        return pause

    def _wakes_too_late(self) -> bool:
        """Whether something has been set that is due before the driver's own thread looks again."""
        pause = self._dispatcher.seconds_to_next()
        return pause is not None and time.monotonic() + pause < self._asleep_until

    def _end_all(self) -> None:
        self._drive()
        self.departures.drop_all(list(self.held.values()))
        self.cache.clear()

    def _do(self, method: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        """A fault of ours must not end the thread that all others need."""
        try:
            method(*arguments)
        except Replaced:
            raise
        except BaseException as error:  # code of authors is run where a value is encoded, and may raise anything
            self._monitor.emit("thread-failed", thread="driver", error=error)
            if arguments and isinstance(held := arguments[0], Held) and self.held.has(held):
                reason = traceback.format_exception_only(error)[-1].strip()
                self.departures.block(held, f"the scheduler could not go on with it: {reason}")


def _held_from_the_start(done: Done, request: StartRequest) -> Held:
    start = request.start
    held = Held(done.scheduler, start.execution_id, 1, Machine(request.workflow), is_awaited=start.is_awaited)
    held.seq, held.last_at = 2, done.begun_at
    return held
