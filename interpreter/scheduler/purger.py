"""Purges now and then what ended long ago, if the scheduler is told how long to keep it.

Owns when, and how much of the database's time it may take. It has a thread of its own, and a connection
only while it works; of all the schedulers of a database one at a time purges.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from psycopg import Connection

from interpreter.operations import purge
from interpreter.requests import Operation, Query, Request
from interpreter.scheduler.ending import end
from interpreter.scheduler.monitor import Monitor
from interpreter.store.queries import QUERIES

__all__ = ["Purger"]

_BATCH = 100
_SHARE = 0.2
"""Of the time that a round takes, the database works so much and rests otherwise."""

_FIRST = 60.0
_SHORTEST = 1.0
_LONGEST = 3600.0
"""Seconds before the first round, and the bounds of the time between two: a hundredth of the retention."""


class Purger:
    """Deletes in small batches, between which it rests.

    :param retention: how long an execution is kept after its end.
    """

    def __init__(self, connect: Callable[[str], Connection[Any]], retention: timedelta, monitor: Monitor) -> None:
        self._connect = connect
        self._retention = retention
        self._monitor = monitor
        self._pause = min(max(retention.total_seconds() / 100, _SHORTEST), _LONGEST)
        self._closed = threading.Event()
        self._connection: Connection[Any] | None = None
        self._thread = threading.Thread(target=self._run, name="dataflows purger", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Delete nothing more; what was deleted until now stays so."""
        self._closed.set()
        end(self._thread, lambda: self._connection)

    def _run(self) -> None:
        pause = min(self._pause, _FIRST)
        while not self._closed.wait(pause):
            pause = self._pause
            try:
                with self._connect("purger") as self._connection:
                    self._purge(self._connection, purge(older_than=self._retention, batch=_BATCH))
            except Exception as error:  # whatever it is, nobody waits for this: the next round tries again
                self._monitor.emit("purge-failed", error=error)

    def _purge(self, connection: Connection[Any], operation: Operation[int]) -> None:
        """One round: until nothing is left to delete, or another scheduler is found deleting."""
        answer: Any = None
        purged = 0
        try:
            while not self._closed.is_set() and (request := _next(operation, answer)) is not None:
                asked = time.monotonic()
                if (answer := _ask(connection, request)) is None:
                    self._monitor.emit("purge-left-to-another")
                    break
                purged += len(answer) if request.name == "purge" else 0
                self._closed.wait((time.monotonic() - asked) * (1 / _SHARE - 1))
        finally:
            if purged:
                self._monitor.emit("purged", executions=purged)


def _next(operation: Operation[int], answer: Any) -> Query | None:
    try:
        request: Request = operation.send(answer)
    except StopIteration:
        return None
    assert isinstance(request, Query), "it never pauses by itself"
    return request


def _ask(connection: Connection[Any], query: Query) -> list[Any] | None:
    """The answer; None if another scheduler is purging at this moment. The lock ends with the transaction."""
    with connection.transaction():
        if connection.execute(QUERIES["lock_purge"]).fetchone() == (False,):
            return None
        return connection.execute(query.sql, query.parameters).fetchall()
