"""What a machine asks of the database beside the journal: done on a few threads, so that no drive waits for it.

Owns the threads, their connections, and the patience: an errand is repeated while the database is
away, and dropped when another may hold its execution. Each may be done twice, here or elsewhere;
what it does is an operation's to know, and what comes of it the relations'.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import psycopg

from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import Position
from interpreter.requests import Operation
from interpreter.scheduler.held import Held
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.store.faults import is_of_the_server
from interpreter.verbs import BlockingPool

__all__ = ["Errand", "Errands", "UnderWay"]

_MOST_THREADS = 4
_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(eq=False, slots=True)
class UnderWay:
    """Something that is asked of the database for a command of an execution.

    :ivar finish: told what that came to, on the driver's thread, if the execution is still held.
    """

    held: Held
    position: Position
    finish: Callable[[Outcome[Any]], None]


@dataclass(eq=False, slots=True)
class Errand(UnderWay):
    """Something to be done.

    :ivar begin: gives the operation to perform, a fresh one at each try.
    :ivar outlives: it is done, too, when its execution has ended meanwhile.
    """

    begin: Callable[[], Operation[Any]]
    outlives: bool = False


class Errands:
    """Does errands, up to four at once, first come, first served.

    A scheduler that has none to do has no thread and no connection for them.

    :param patience: seconds that the database may be silent.
    :param done: called, on any thread, with an errand and what it came to.
    """

    def __init__(
        self,
        database: str,
        patience: float,
        lease: Lease,
        done: Callable[[Errand, Outcome[Any]], None],
        monitor: Monitor,
    ) -> None:
        self._database = database
        self._patience = patience
        self._lease = lease
        self._done = done
        self._monitor = monitor
        self._queue: SimpleQueue[Errand | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._open = 0
        self._closed = threading.Event()

    def submit(self, errand: Errand) -> None:
        """Do it as soon as a thread is free."""
        with self._lock:
            if self._closed.is_set():
                return
            self._open += 1
            if not self._threads:
                self._pool = BlockingPool(self._database, patience=self._patience)
            if self._open > self._threads and self._threads < _MOST_THREADS:
                self._threads += 1
                threading.Thread(target=self._run, name="dataflows errands", daemon=True).start()
            self._queue.put(errand)

    def close(self) -> None:
        """Do nothing more; what is under way is left to whoever holds its execution next."""
        with self._lock:
            self._closed.set()
            threads = self._threads
        for _ in range(threads):
            self._queue.put(None)
        if threads:
            self._pool.close()

    def _run(self) -> None:
        while (errand := self._queue.get()) is not None:
            outcome = self._do(errand)
            with self._lock:
                self._open -= 1
            if outcome is not None:
                self._done(errand, outcome)

    def _do(self, errand: Errand) -> Outcome[Any] | None:
        """What it came to; None: it is not wanted here any more."""
        pause = _PAUSE
        while self._lease.wait_valid() and self._is_wanted(errand):
            try:
                return Value(self._pool.perform(errand.begin()))
            except SchedulerStopped:
                return None
            except BaseException as error:  # code of authors is run where a value is encoded, and may raise anything
                if not _is_worth_repeating(error):
                    return Error(error)
                self._monitor.emit("database-unreachable", error=error)
            if self._closed.wait(pause):
                return None
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    def _is_wanted(self, errand: Errand) -> bool:
        held = errand.held
        return held.scheduler == self._lease.scheduler or (errand.outlives and held.has_ended)


def _is_worth_repeating(error: BaseException) -> bool:
    return isinstance(error, DatabaseUnavailable) or (isinstance(error, psycopg.Error) and is_of_the_server(error))
