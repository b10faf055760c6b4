"""Group commit: what all executions propose while one commit is in flight goes into the next.

Owns who writes: a thread of its own, or, where nothing else is to be written, the thread that
has something, which saves the hand-over. Of a batch that cannot be written only the guilty
execution suffers. Knows nothing of machines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from dataflows.errors import SchedulerStopped
from interpreter.scheduler.held import Held
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Done, Proposal, StartRequest, by_execution, done_of, draft_of, size_of
from interpreter.scheduler.turns import Turns
from interpreter.scheduler.writer import Writer
from interpreter.store.journal import LeaseLost
from interpreter.store.patience import PatientConnection

__all__ = ["Committer"]

_MOST_ROWS = 2_000
_MOST_BYTES = 8_000_000
_LOOK = 0.1


class Committer:
    """Writes what is proposed.

    :ivar turns: for who is to write an execution's entry in its place.
    :param deliver: called with what each commit came to, in the order of commits.
    :param delivered: called after that, but not where ``write_now`` was.
    :param refuse: called with an execution that cannot be written, and why.
    """

    def __init__(
        self,
        connect: Callable[[str], PatientConnection],
        lease: Lease,
        holdings: Holdings,
        deliver: Callable[[Done], None],
        delivered: Callable[[], None],
        refuse: Callable[[Held, str], None],
        monitor: Monitor,
    ) -> None:
        self._lease = lease
        self._deliver = deliver
        self._delivered = delivered
        self._refuse = refuse
        self._monitor = monitor
        self._queue: SimpleQueue[Proposal | StartRequest | None] = SimpleQueue()
        self._writer = Writer(connect, lease, holdings, monitor)
        self._writing = threading.Lock()
        self.turns = Turns(self._writing, self.propose)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="dataflows committer", daemon=True)
        self._thread.start()

    def propose(self, proposal: Proposal | StartRequest) -> None:
        """Have it written with the next commit."""
        self._queue.put(proposal)
        if self._closed:
            self._refuse_starts(self._what_is_left())

    def write_now(self, proposal: Proposal) -> bool:
        """Write it on the caller's thread and deliver what that came to; False where others write, or wait to."""
        if not self._writing.acquire(blocking=False):
            return False
        try:
            if not self._queue.empty():
                return False
            self._commit_or_lose([proposal])
            return True
        finally:
            self._writing.release()
            self.turns.begin()

    def close(self, seconds: float = 0.0) -> None:
        """Write what has been proposed, for so long at most and while the lease is valid, and stop."""
        deadline = time.monotonic() + seconds
        self._queue.put(None)
        while not self._is_at_rest():
            if time.monotonic() > deadline or not self._lease.is_valid():
                self._writer.give_up()
        self._writer.close()
        self._closed = True
        self._refuse_starts(self._what_is_left())

    def _is_at_rest(self) -> bool:
        """Whether nobody writes; nobody will from then on, since what who writes must hold is not given back."""
        self._thread.join(timeout=_LOOK)
        return not self._thread.is_alive() and self._writing.acquire(timeout=_LOOK)

    def _refuse_starts(self, taken: Iterable[Proposal | StartRequest | None]) -> None:
        for item in taken:
            if isinstance(item, StartRequest) and not item.promise.done():
                item.promise.set_exception(SchedulerStopped("the scheduler closed before the start was written"))

    def _what_is_left(self) -> Iterator[Proposal | StartRequest | None]:
        with suppress(Empty):
            while True:
                yield self._queue.get_nowait()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        ends = False
        while not ends and (first := self._queue.get()) is not None:
            with self._writing:
                taken, ends = self._take_what_waits(first)
                self._commit_or_lose(taken)
            self.turns.begin()
            self._delivered()
            ends = ends or self._writer.is_given_up

    def _take_what_waits(self, first: Proposal | StartRequest) -> tuple[list[Proposal | StartRequest], bool]:
        taken, size = [first], size_of(first)
        while len(taken) < _MOST_ROWS and size < _MOST_BYTES:
            try:
                following = self._queue.get_nowait()
            except Empty:
                return taken, False
            if following is None:
                return taken, True
            taken.append(following)
            size += size_of(following)
        return taken, False

    # Writing, by one thread at a time -----------------------------------------------------------

    def _commit_or_lose(self, taken: list[Proposal | StartRequest]) -> None:
        """After a fault of ours nobody knows what was told of the commit: all that is held is let go with the lease."""
        try:
            self._commit(taken)
        except BaseException as error:
            self._monitor.emit("thread-failed", thread="committer", error=error)
            self._lease.lost(self._lease.scheduler)
            self._refuse_starts(taken)

    def _commit(self, taken: list[Proposal | StartRequest]) -> None:
        while not self._lease.wait_registered(_LOOK) and not self._writer.is_given_up:
            pass
        if self._writer.is_given_up:
            self._refuse_starts(taken)
            return
        if self.turns.concern and not (taken := self.turns.sift(taken)):
            return
        scheduler = self._lease.scheduler
        draft = draft_of(taken, scheduler)
        try:
            committed = self._writer.write(draft, scheduler)
        except LeaseLost:
            self._lease.lost(scheduler)
            for request in draft.starts.values():
                self._queue.put(request)  # under the next number
        except Exception as error:  # the database does not take it, or it cannot even be sent
            self._split(taken, scheduler, error)
        else:
            self._deliver(done_of(draft, scheduler, committed))
            for execution_id, request in draft.starts.items():
                request.promise.set_result(execution_id in committed.started)

    def _split(self, taken: list[Proposal | StartRequest], scheduler: int, error: Exception) -> None:
        """Write each execution's proposals on their own, so that only the guilty one suffers."""
        groups = by_execution(taken)
        if len(groups) > 1:
            self._monitor.emit("commit-split", error=error, executions=len(groups))
            for group in groups:
                self._commit(group)
        elif self._writer.is_given_up:
            self._refuse_starts(taken)
        else:
            self._blame(taken, scheduler, error)

    def _blame(self, taken: list[Proposal | StartRequest], scheduler: int, error: Exception) -> None:
        for item in taken:
            if isinstance(item, StartRequest):
                item.promise.set_exception(error)
            elif item.held.scheduler == scheduler:
                self._refuse(item.held, f"the database refused its entries: {error}")
                return
