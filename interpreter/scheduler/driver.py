"""Drives the machines of the executions that this scheduler holds, on one thread at a time.

Owns the machines: it applies what was committed, has the dispatcher carry out what they then
ask for, and lets go what has nothing to do. Whatever is to become a fact is proposed to the
committer, and seen only when it comes back committed.

There is a thread for it; but who has just committed something and finds nobody driving drives
that itself, since a hand-over between threads costs as much as the driving.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any

from dataflows.errors import Mismatch
from dataflows.logs import replaying
from dataflows.outcome import Outcome
from interpreter.machine import Machine, Status
from interpreter.scheduler.cache import Cache
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.dispatcher import Dispatcher
from interpreter.scheduler.errands import Errand
from interpreter.scheduler.held import Held, LiveAttempt
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Done, Proposal, StartRequest
from interpreter.scheduler.watchdog import Replaced, Stuck, Watchdog
from interpreter.store.records import Message, Move, Outside, Written
from interpreter.store.rows import Row, storable_text, to_entry

__all__ = ["Driver"]

_WORTH_KEEPING = timedelta(seconds=1)
"""What is due within this time is not worth letting go and claiming again."""

_LONGEST_WAIT = 3600.0


class Driver:
    """The thread that machines run on.

    :param propose: the committer's door.
    :param look_at_inbox: asks for the unread messages of an execution, which arrive by ``on_messages``.
    :param let_go: told the due time of an execution that is suspended, and None when there is room for another,
        or for another suspect.
    :param ended: told an execution's status, with its result row when it ends and its problem when it is blocked.
    """

    def __init__(
        self,
        clock: DatabaseClock,
        propose: Callable[[Proposal], None],
        look_at_inbox: Callable[[str], None],
        let_go: Callable[[datetime | None], None],
        ended: Callable[[str, Status, Row | str], None],
        cached: int,
        watchdog: Watchdog,
        monitor: Monitor,
    ) -> None:
        self.held = Holdings()
        self.dispatcher: Dispatcher  # set before the thread starts: each needs the other
        self._clock = clock
        self._propose = propose
        self._look_at_inbox = look_at_inbox
        self._let_go = let_go
        self._ended = ended
        self.cache = Cache(cached, self._abandon)
        self._watchdog = watchdog
        self._monitor = monitor
        self._posted: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._next: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # parts of what is being done
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._asleep_until = 0.0  # monotonic
        self._closing = False

    def start(self) -> None:
        """Begin to drive; called again by the watchdog, it leaves a stuck thread behind and goes on in a new one."""
        self._driving = threading.Lock()  # a stuck thread keeps the former one
        self._thread = threading.Thread(target=self._run, name="dataflows driver", daemon=True)
        self._thread.start()

    def post(self, method: Callable[..., None], *arguments: Any) -> None:
        """Have one of the ``on_…`` methods called by whoever drives."""
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
            if len(self._posted) == 1:
                self._drive()
        except Replaced:
            return  # it was stuck, and the watchdog has left this thread behind
        finally:
            driving.release()
        if self._posted or self._wakes_too_late():
            self.wake()

    def hold(self, held: Held, entries: list[Written], arrived: list[Written]) -> None:
        """An execution was claimed. It counts as held at once, on whatever thread this is called."""
        self._hold(held)
        self.post(self.on_claimed, held, entries, arrived)

    def deliver(self, done: Done) -> None:
        """A group commit has happened, and ``wake`` or ``drive_here`` will follow.

        It comes in the order of commits. What it started counts as held at once, on whatever thread this is called.
        """
        started = [(_held_from_the_start(done, request), request) for request in done.started]
        for held, _ in started:
            self._hold(held)
        self._posted.append((self.on_committed, (done, started)))

    def _hold(self, held: Held) -> None:
        if (displaced := self.held.add(held)) is not None:
            self.post(self.on_displaced, displaced)

    def close(self) -> None:
        """Drive nothing more, and let the workflows go."""
        self._closing = True
        self.wake()
        while self._thread.is_alive():
            self._thread.join(timeout=1)  # it may be replaced while we wait

    # Whoever drives -----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._closing and self._thread is threading.current_thread():
                with self._driving:
                    self._drive()
                    pause = self._pause()
                with suppress(Empty):
                    self._wakes.get(timeout=pause)
            if self._thread is threading.current_thread():
                with self._driving:
                    self._end_all()
            else:
                self.wake()  # that was for the thread in this one's place
        except Replaced:
            return  # another thread has taken over; what this one was stuck in is not its to touch any more

    def _drive(self) -> None:
        """Do all there is to do: first what is due, then the parts of what was begun, then what was posted."""
        while True:
            for held, position in self.dispatcher.take_due():
                self._do(self.dispatcher.fire, (held, position))
            if self._next:
                self._do(*self._next.popleft())
            elif self._posted:
                self._do(*self._posted.popleft())
            else:
                return

    def _pause(self) -> float:
        pause = self.dispatcher.seconds_to_next()
        pause = _LONGEST_WAIT if pause is None else min(pause, _LONGEST_WAIT)
        self._asleep_until = time.monotonic() + pause
        return pause

    def _wakes_too_late(self) -> bool:
        """Whether something has been set that is due before the driver's own thread looks again."""
        pause = self.dispatcher.seconds_to_next()
        return pause is not None and time.monotonic() + pause < self._asleep_until

    def _end_all(self) -> None:
        self._drive()
        self._drop_all(list(self.held.values()))
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
                self.block(held, f"the scheduler could not go on with it: {reason}")

    # What arrives -------------------------------------------------------------------------------

    def on_claimed(self, held: Held, entries: list[Written], arrived: list[Written]) -> None:
        """An execution is held from now on: bring its machine to where it stood, then apply what is new."""
        if not self.held.has(held):  # the lease was lost on its way here
            self._abandon(held.id, held.machine)
            return
        held.seq, held.last_at = ((*entries, *arrived)[-1][:2]) if entries or arrived else (held.seq, held.last_at)
        if not (self._replay(held, entries) and self._apply(held, arrived)):
            return
        if held.machine.outcome is not None and not held.machine.open:
            self._end(held, entries[-1].row)  # by its journal it has ended: a person has changed its status
            return
        if not held.machine.has_begun:  # after what arrived, so that what was cancelled before it began runs no step
            self._note(held, Row("begun"))
        held.machine.actions()
        self.dispatcher.carry_out(held, list(held.machine.open.values()))
        self._rest(held)

    def on_messages(self, messages: Iterable[Message], outside: Mapping[str, Outside]) -> None:
        """The unread messages of some executions, and what else was done to each from outside."""
        known = {held: outside[id] for id in outside if (held := self.held.get(id)) is not None}
        if len(known) < len(outside):  # let go since they were asked for: they are to be claimed
            self._let_go(self._clock.now())
        for held, done in known.items():
            self.dispatcher.obey(held, done)
        for message in messages:
            if (held := self.held.get(message.execution_id)) is not None and not held.paused:
                self._read(held, message)
        for held, done in known.items():
            held.inbox_seq = max(held.inbox_seq, done.inbox_seq)
            self._rest(held)

    def on_committed(self, done: Done, started: Iterable[tuple[Held, StartRequest]]) -> None:
        """A group commit has happened: now the machines may see it."""
        self._clock.set(done.now)
        for held, request in started:
            self._next.append((self._on_started, (held, request, done.begun_at)))
        for held, entries in done.entries.items():
            self._next.append((self._on_entries, (held, entries)))
        for held in done.gone:
            self._next.append((self._on_gone, (held,)))
        for held, move, moved in done.moves:
            self._next.append((self._on_moved, (held, move, moved)))
        for parent in done.told:
            self._look_at_inbox(parent)

    def on_refused(self, held: Held, problem: str) -> None:
        """The database does not take what this execution would have written."""
        if self.held.has(held):
            self.block(held, problem)

    def on_begun(self, attempt: LiveAttempt) -> None:
        """An attempt with a time limit has begun to run."""
        if self.held.has(attempt.held):
            self.dispatcher.limit(attempt)

    def on_lost(self, scheduler: int) -> None:
        """The lease is lost: nothing is held any more that was claimed under this number."""
        self._drop_all(self.held.lose(scheduler))

    def on_displaced(self, held: Held) -> None:
        """It was lost, or let go, and before that was noticed here it is held again."""
        self.dispatcher.discard(held)
        self._abandon(held.id, held.machine)

    def on_errand_done(self, held: Held, errand: Errand, outcome: Outcome[Any]) -> None:
        """What was asked of the database beside the journal is done."""
        self.dispatcher.relations.finish(errand, outcome)
        if self.held.has(held):
            self._rest(held)

    def on_left_behind(self, execution_id: str, problem: str) -> None:
        """The watchdog has left the thread behind that was stuck in this execution."""
        if (held := self.held.get(execution_id)) is not None:
            self.block(held, problem)

    def _on_started(self, held: Held, request: StartRequest, begun_at: datetime) -> None:
        if not self.held.has(held):
            return
        started = Row("started", encoding=request.start.encoding, data=request.start.data)
        if self._apply(held, [Written(1, begun_at, started), Written(2, begun_at, Row("begun"))]):
            self._go_on(held)

    def _on_entries(self, held: Held, entries: list[Written]) -> None:
        if not self.held.has(held) or held.broken:
            return
        for entry in entries:
            held.account_for(entry.row)
        if held.is_suspect:
            held.is_suspect = False
            self._let_go(None)
        if self._apply(held, entries):
            self._go_on(held)

    def _on_moved(self, held: Held, move: Move, moved: bool) -> None:
        if not self.held.has(held):
            return
        if moved:
            self._drop(held)
            self._say_goodbye(held, move)
        else:
            held.leaving = False
            deferred, held.deferred = held.deferred, []
            for message in deferred:
                self._read(held, message)
            self._look_at_inbox(held.id)

    def _on_gone(self, held: Held) -> None:
        if self.held.has(held):
            self._drop_all([held])
            self._let_go(None)

    # Driving ------------------------------------------------------------------------------------

    def _apply(self, held: Held, entries: Iterable[Written]) -> bool:
        """Feed committed entries to the machine; False if the execution had to be blocked."""
        try:
            with self._watchdog.watching(held.id) as drive:
                for seq, at, row in entries:
                    drive.goes_on()
                    held.machine.apply(to_entry(seq, at, row))
        except (Mismatch, Stuck) as problem:
            self.block(held, str(problem))
            return False
        except KeyboardInterrupt:  # its own: the real one goes to the main thread
            self.block(held, "the workflow raised KeyboardInterrupt, which is not its to raise")
            return False
        return True

    def _replay(self, held: Held, entries: Iterable[Written]) -> bool:
        """Apply what was applied before, here or elsewhere; the workflow's logger keeps silent."""
        token = replaying.set(True)
        try:
            return self._apply(held, entries)
        finally:
            replaying.reset(token)

    def _go_on(self, held: Held) -> None:
        self.dispatcher.carry_out(held, held.machine.actions())
        self._rest(held)

    def _note(self, held: Held, row: Row, message: int | None = None) -> None:
        held.expect(row)
        self._propose(Proposal(held, row, message=message))

    def _read(self, held: Held, message: Message) -> None:
        """A message enters the journal, once."""
        if held.leaving:
            held.deferred.append(message)
        elif message.number > held.read:
            held.read = message.number
            held.inbox_seq = max(held.inbox_seq, message.number)
            self._note(held, message.row, message.number)

    # Letting go ---------------------------------------------------------------------------------

    def block(self, held: Held, problem: str) -> None:
        """The execution cannot go on until a person has looked at it."""
        self.dispatcher.discard(held)
        held.leaving = held.broken = True
        self._propose(Proposal(held, move=Move(held.id, Status.BLOCKED, problem=storable_text(problem))))

    def _end(self, held: Held, row: Row) -> None:
        held.leaving, held.result = True, row
        self._propose(Proposal(held, move=Move(held.id, Status(row.kind))))

    def _rest(self, held: Held) -> None:
        """Let the execution go, if for the next while it only waits."""
        if held.leaving or held.is_busy or self.dispatcher.stopping:
            return
        due, now = held.due, self._clock.now()
        if held.paused:  # what is left, and what comes meanwhile, is found when it is resumed
            due = now
        elif due is not None and due <= now + _WORTH_KEEPING:
            return
        held.leaving = True
        inbox_seq = None if held.paused else held.inbox_seq
        self._propose(Proposal(held, move=Move(held.id, Status.SUSPENDED, due, inbox_seq)))

    def _say_goodbye(self, held: Held, move: Move) -> None:
        if move.status is Status.SUSPENDED:
            self.cache.keep(held.id, held.generation, held.machine)
            self._let_go(self._clock.now() if held.deferred else move.due_at)  # a message came just then
            return
        self._abandon(held.id, held.machine)
        self._let_go(None)
        if move.problem is not None:
            self._monitor.emit("blocked", execution=held.id, workflow=held.workflow.name, problem=move.problem)
        self._ended(held.id, move.status, move.problem or held.result or "")

    def _drop_all(self, lost: Iterable[Held]) -> None:
        for held in lost:
            self._drop(held)
            self._abandon(held.id, held.machine)

    def _abandon(self, execution_id: str, machine: Machine) -> None:
        """A workflow's ``finally`` may compute for ever as well as any other part of it."""
        try:
            with self._watchdog.watching(execution_id):
                machine.abandon()
        except Stuck as stuck:
            self._monitor.emit("drive-stuck", execution=execution_id, problem=stuck)

    def _drop(self, held: Held) -> None:
        self.held.remove(held)
        self.dispatcher.discard(held)


def _held_from_the_start(done: Done, request: StartRequest) -> Held:
    start = request.start
    held = Held(done.scheduler, start.execution_id, 1, Machine(request.workflow), is_awaited=start.is_awaited)
    held.seq, held.last_at = 2, done.begun_at
    return held
