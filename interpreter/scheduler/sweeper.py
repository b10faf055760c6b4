"""Deletes what executions that begin again and again have left behind: the journals of their former generations.

Owns how much of that is kept. It has a thread of its own, since a long journal takes a while to delete and no commit
is to wait for that, and a connection while there is something to do. What a crash leaves undone is done the next time
that the execution begins again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from psycopg import Connection

from interpreter.scheduler.ending import end
from interpreter.scheduler.monitor import Monitor
from interpreter.store import journal

__all__ = ["Sweeper"]

_KEPT = 2
"""Former generations whose journals stay: enough to see with what the present one began, also after a retry of it."""

_MOST = 1_000
"""Entries that one statement deletes."""

_LINGER = 1.0
"""Seconds that the connection is kept when there is nothing more to do."""


class Sweeper:
    """Deletes as it is told."""

    def __init__(self, connect: Callable[[str], Connection[Any]], monitor: Monitor) -> None:
        self._connect = connect
        self._monitor = monitor
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._closed = False
        self._connection: Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="dataflows sweeper", daemon=True)
        self._thread.start()

    def sweep(self, execution_id: str, former: int) -> None:
        """An execution that has had so many generations has begun another."""
        if former > _KEPT:
            self._queue.put(execution_id)

    def close(self) -> None:
        """Delete nothing more."""
        self._closed = True
        self._queue.put(None)
        end(self._thread, lambda: self._connection)

    def _run(self) -> None:
        while not self._closed and (execution_id := self._queue.get()) is not None:
            try:
                with self._connect("sweeper") as self._connection:
                    self._sweep_all(self._connection, execution_id)
            except Exception as error:  # whatever it is, nobody waits for this
                self._monitor.emit("sweep-failed", error=error)

    def _sweep_all(self, connection: Connection[Any], first: str) -> None:
        """The first, and those that come before the connection has been idle for a while."""
        execution_id: str | None = first
        with suppress(Empty):
            while execution_id is not None:
                self._sweep(connection, execution_id)
                execution_id = self._queue.get(timeout=_LINGER)

    def _sweep(self, connection: Connection[Any], execution_id: str) -> None:
        while not self._closed and journal.forget_generations(connection, execution_id, _KEPT, _MOST) == _MOST:
            pass
