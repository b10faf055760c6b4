"""Group commit: what all executions propose while one commit is in flight goes into the next.

Owns the numbers (``seq``) of entries, the writing, and what is done when writing fails: a
conflict is repeated, a broken connection is asked what it had done, and of a batch that cannot
be written only the guilty execution suffers. Knows nothing of machines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
from psycopg import Connection, errors

from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from dataflows.workflow import Workflow
from interpreter.machine.status import Status
from interpreter.scheduler.held import Held
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.store import journal
from interpreter.store.journal import LeaseLost
from interpreter.store.records import Batch, Committed, Line, Move, Start, Written
from interpreter.store.rows import Row

__all__ = ["Committer", "Done", "Proposal", "StartRequest"]

_MOST_ROWS = 2_000
_MOST_BYTES = 8_000_000
_REPEATED = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)
_LONGEST_PAUSE = 1.0
_LOOK = 0.1
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Proposal:
    """What an execution would have written.

    :ivar row: a journal entry.
    :ivar floor: the entry's time is not before this.
    :ivar message: the number of the inbox message that the entry journals.
    :ivar move: a new status, in the same commit.
    """

    held: Held
    row: Row | None = None
    floor: datetime | None = None
    message: int | None = None
    move: Move | None = None


@dataclass(slots=True)
class StartRequest:
    """An execution to be started and held at once; the future tells whether the id was free."""

    start: Start
    workflow: Workflow[..., Any]
    future: Future[bool]


@dataclass(slots=True)
class Done:
    """What a commit came to, for the driver.

    :ivar entries: each execution's new entries, in order.
    :ivar moves: each execution that was to move, and whether it did.
    :ivar gone: those that are held no longer, though they did not move.
    :ivar started: the starts that were made, under this scheduler's number and at ``begun_at``.
    """

    scheduler: int
    now: datetime
    begun_at: datetime
    entries: dict[Held, list[Written]] = field(default_factory=dict)
    moves: list[tuple[Held, Move, bool]] = field(default_factory=list)
    gone: list[Held] = field(default_factory=list)
    started: list[StartRequest] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """A batch, and whose lines it holds.

    :ivar starts: by execution id; of each there is one at a time.
    :ivar gone: what turned out to be held no longer.
    """

    batch: Batch = field(default_factory=Batch)
    lines: dict[Held, list[Line]] = field(default_factory=dict)
    moves: dict[Held, Move] = field(default_factory=dict)
    starts: dict[str, StartRequest] = field(default_factory=dict)
    gone: list[Held] = field(default_factory=list)


class Committer:
    """Writes what is proposed, on a thread and a connection of its own.

    :param deliver: called with what each commit came to.
    :param refuse: called with an execution that cannot be written, and why.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        lease: Lease,
        deliver: Callable[[Done], None],
        refuse: Callable[[Held, str], None],
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._lease = lease
        self._deliver = deliver
        self._refuse = refuse
        self._monitor = monitor
        self._queue: SimpleQueue[Proposal | StartRequest | None] = SimpleQueue()
        self._connection = connect("committer")
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dataflows committer", daemon=True)
        self._thread.start()

    def propose(self, proposal: Proposal | StartRequest) -> None:
        """Have it written with the next commit."""
        self._queue.put(proposal)

    def close(self, seconds: float = 0.0) -> None:
        """Write what has been proposed, for so long at most and while the lease is valid, and stop."""
        deadline = time.monotonic() + seconds
        self._queue.put(None)
        while self._thread.is_alive():
            if time.monotonic() > deadline or not self._lease.is_valid():
                self._give_up()
            self._thread.join(timeout=_LOOK)
        self._closed.set()
        self._connection.close()
        self._refuse_starts()

    def _give_up(self) -> None:
        """Whatever is being written may wait for a lock that somebody keeps."""
        self._closed.set()
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=1.0)

    def _refuse_starts(self, taken: Iterable[Proposal | StartRequest] = ()) -> None:
        for item in [*taken, *self._what_is_left()]:
            if isinstance(item, StartRequest) and not item.future.done():
                item.future.set_exception(SchedulerStopped("the scheduler closed before the start was written"))

    def _what_is_left(self) -> Iterator[Proposal | StartRequest | None]:
        while not self._queue.empty():
            yield self._queue.get_nowait()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            taken, ends = self._take_what_waits(first)
            self._commit(taken)
            if ends or self._closed.is_set():
                break

    def _take_what_waits(self, first: Proposal | StartRequest) -> tuple[list[Proposal | StartRequest], bool]:
        taken, size = [first], _size(first)
        while len(taken) < _MOST_ROWS and size < _MOST_BYTES:
            try:
                following = self._queue.get_nowait()
            except Empty:
                return taken, False
            if following is None:
                return taken, True
            taken.append(following)
            size += _size(following)
        return taken, False

    def _commit(self, taken: list[Proposal | StartRequest]) -> None:
        while not (self._closed.is_set() or self._lease.wait_registered(_LOOK)):
            pass
        if self._closed.is_set():
            self._refuse_starts(taken)
            return
        scheduler = self._lease.scheduler
        draft = draft_of(taken, scheduler)
        try:
            committed = self._write(draft, scheduler)
        except LeaseLost:
            self._lease.lost(scheduler)
            for request in draft.starts.values():
                self._queue.put(request)  # under the next number
        except Exception as error:  # the database does not take it, or it cannot even be sent
            self._split(taken, scheduler, error)
        else:
            self._finish(draft, scheduler, committed)

    def _finish(self, draft: Draft, scheduler: int, committed: Committed) -> None:
        done = Done(scheduler, committed.now, committed.begun_at)
        for held, lines in draft.lines.items():
            written = [Written(line.seq, max(committed.now, line.floor), line.row) for line in lines]
            held.seq, held.last_at, held.deaths = lines[-1].seq, written[-1].at, 0
            done.entries[held] = written
        done.moves = [(held, move, held.id in committed.moved) for held, move in draft.moves.items()]
        done.gone = draft.gone
        for held in [*done.gone, *(held for held, _, moved in done.moves if moved)]:
            held.scheduler = 0  # whatever is proposed for it from now on comes too late
        done.started = [draft.starts[execution_id] for execution_id in committed.started]
        self._deliver(done)
        for execution_id, request in draft.starts.items():
            request.future.set_result(execution_id in committed.started)

    # When writing fails -------------------------------------------------------------------------

    def _write(self, draft: Draft, scheduler: int) -> Committed:
        pause, is_in_doubt = 0.01, False
        while True:
            try:
                if is_in_doubt and (found := self._ask_what_was_done(draft.batch, scheduler)):
                    return found
                committed = journal.commit(self._connection, scheduler, draft.batch)
                if is_in_doubt:  # an earlier try may have ended only now, and have left this one nothing to do
                    return self._ask_what_was_done(draft.batch, scheduler) or committed
                draft.gone = self._find_gone(draft, committed, scheduler)
            except psycopg.Error as error:
                if not self._is_worth_repeating(error, is_in_doubt):
                    raise
                self._monitor.emit("commit-repeated", error=error)
            else:
                return committed
            is_in_doubt = is_in_doubt or self._connection.closed
            self._closed.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _find_gone(self, draft: Draft, committed: Committed, scheduler: int) -> list[Held]:
        """What did not move has a new message, as a rule; or it is not held any more, since a person took it away."""
        stayed = [held for held in draft.moves if held.id not in committed.moved]
        still_held = journal.find_held(self._connection, scheduler, [held.id for held in stayed]) if stayed else ()
        return [held for held in stayed if held.id not in still_held]

    def _is_worth_repeating(self, error: psycopg.Error, is_in_doubt: bool) -> bool:
        """Conflicts, and whatever is the matter with the server rather than with what is written."""
        if self._closed.is_set() or isinstance(error, errors.ProgramLimitExceeded):
            return False
        if isinstance(error, errors.UniqueViolation):  # its own first try, which ended only now
            return is_in_doubt
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or self._connection.closed
        return isinstance(error, _REPEATED) or lost

    def _ask_what_was_done(self, batch: Batch, scheduler: int) -> Committed | None:
        """A commit whose answer was lost may have happened, whole, or not at all; on a fresh connection one asks."""
        if self._connection.closed:
            self._connection = self._reconnect()
        journal.check_lease(self._connection, scheduler)  # else what is there may be another's
        lines = [(line.execution_id, line.generation, line.seq) for line in batch.lines]
        begun = [(start.execution_id, 1, 2) for start in batch.starts]
        there = journal.find_committed(self._connection, [*lines, *begun])
        moving = [move.execution_id for move in batch.moves if move.status is not Status.RUNNING]
        starting = [start.execution_id for start in batch.starts]
        held = journal.find_held(self._connection, scheduler, [*moving, *starting])
        moved, started = frozenset(moving) - held, held.intersection(starting)
        if not (there.keys() & lines if lines else moved or started):
            return None
        # Only a line whose floor is later carries a later time than the commit.
        now = min((there[key] for key in lines), default=self._lease.clock.now())
        return Committed(now, min((there[key] for key in begun if key[0] in started), default=now), moved, started)

    def _reconnect(self) -> Connection[Any]:
        pause = 0.05
        while True:
            try:
                return self._connect("committer")
            except DatabaseUnavailable as error:
                self._monitor.emit("database-unreachable", error=error)
                if self._closed.wait(pause):
                    raise psycopg.OperationalError("the scheduler has closed") from error
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _split(self, taken: list[Proposal | StartRequest], scheduler: int, error: Exception) -> None:
        """Write each execution's proposals on their own, so that only the guilty one suffers."""
        groups = _by_execution(taken)
        if len(groups) > 1:
            self._monitor.emit("commit-split", error=error, executions=len(groups))
            for group in groups:
                self._commit(group)
            return
        if self._closed.is_set():
            self._refuse_starts(taken)
            return
        for item in taken:
            if isinstance(item, StartRequest):
                item.future.set_exception(error)
            elif item.held.scheduler == scheduler:
                self._refuse(item.held, f"the database refused its entries: {error}")
                return


def draft_of(taken: Iterable[Proposal | StartRequest], scheduler: int) -> Draft:
    """Give each entry its number. What is held under another number than ``scheduler`` is lost, and left out."""
    draft = Draft()
    for item in taken:
        if isinstance(item, StartRequest):
            draft.starts[item.start.execution_id] = item
            draft.batch.starts.append(item.start)
        elif item.held.scheduler == scheduler:
            _add(draft, item)
    draft.batch.moves += draft.moves.values()  # one for each, since no statement may write twice to one row
    for held in draft.lines:
        if held.deaths and held not in draft.moves:
            draft.batch.moves.append(Move(held.id, Status.RUNNING, progress=True))
    return draft


def _add(draft: Draft, proposal: Proposal) -> None:
    held = proposal.held
    if proposal.row is not None:
        lines = draft.lines.setdefault(held, [])
        seq, last_at = (lines[-1].seq, lines[-1].floor) if lines else (held.seq, held.last_at or _LONG_AGO)
        floor = last_at if proposal.floor is None else max(last_at, proposal.floor)
        line = Line(held.id, held.generation, seq + 1, floor, proposal.row)
        lines.append(line)
        draft.batch.lines.append(line)
        if proposal.message is not None:
            draft.batch.reads.append((held.id, proposal.message, line.seq))
    if proposal.move is not None:
        move = proposal.move
        if held in draft.lines and held.deaths:
            move = move._replace(progress=True)
        draft.moves[held] = move


def _size(item: Proposal | StartRequest) -> int:
    data = item.start.data if isinstance(item, StartRequest) else item.row.data if item.row is not None else None
    return len(data or b"")


def _by_execution(taken: Iterable[Proposal | StartRequest]) -> list[list[Proposal | StartRequest]]:
    groups: dict[str, list[Proposal | StartRequest]] = {}
    for item in taken:
        key = item.start.execution_id if isinstance(item, StartRequest) else item.held.id
        groups.setdefault(key, []).append(item)
    return list(groups.values())
