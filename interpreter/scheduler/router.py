"""Deliveries to executions: what came in is offered to workflows, and starts those whose triggers want it.

Owns when that is done, and its transactions. It has a thread, and a connection while there is something to route. What
is started is committed together with the end of the offer, under an id made of the event's key: one event starts one
execution of a workflow, however often it is delivered, and whoever routes it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from interpreter.operations.starting import start_query
from interpreter.requests import Query
from interpreter.scheduler.ending import end
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.schedules import Workflows
from interpreter.scheduler.triggering import Asked, Triggered, ask, emissions
from interpreter.store import offers
from interpreter.store.offers import WAITERS, Offer
from interpreter.store.queries import QUERIES

__all__ = ["Router"]

_MOST = 100
"""Deliveries that are offered, and for each workflow offers that are dealt with, in one transaction."""

_MOST_BYTES = 16 * 1024 * 1024

_LINGER = 1.0
"""Seconds that the connection is kept when there is nothing more to route."""

_PAUSE = 0.05
_LONGEST_PAUSE = 1.0

_REFRESH = 3600.0
"""Seconds after which the triggers are registered again: what nobody has seen for a week is offered nothing."""


class Router:
    """Routes when it is told that there may be something.

    :param workflows: those that are served, by name and version; asked again and again, since more may be registered.
    """

    def __init__(
        self, connect: Callable[[str], Connection[Any]], workflows: Callable[[], Workflows], monitor: Monitor
    ) -> None:
        self._connect = connect
        self._workflows = workflows
        self._monitor = monitor
        self._registered = Triggered()
        self._refresh_at = 0.0
        self._hinted = threading.Event()
        self._closed = threading.Event()
        self._connection: Connection[Any] | None = None
        if (known := Triggered.of(workflows())).triggers:  # whoever opens a scheduler may count on its triggers
            with connect("router") as connection:
                self._register(connection, known)
            self.hint()
        self._thread = threading.Thread(target=self._run, name="dataflows router", daemon=True)
        self._thread.start()

    @property
    def offered(self) -> list[str]:
        """To whom what is offered is a matter of this scheduler: the names that an offer may stand under."""
        known = Triggered.of(self._workflows())
        if self._is_to_be_registered(known):
            self.hint()
        return [WAITERS, *known.workflows]

    def hint(self) -> None:
        """There may be something to route."""
        self._hinted.set()

    def close(self) -> None:
        """Route nothing more."""
        self._closed.set()
        self._hinted.set()
        end(self._thread, lambda: self._connection)

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = _PAUSE
        while not self._closed.is_set():
            self._hinted.wait()
            if self._closed.is_set():
                break
            try:
                with self._connect("router") as self._connection:
                    self._route_while_hinted(self._connection)
                pause = _PAUSE
            except Exception as error:
                self._monitor.thread_failed("router", error)
                self._closed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                self._hinted.set()

    def _route_while_hinted(self, connection: Connection[Any]) -> None:
        while not self._closed.is_set() and self._hinted.wait(_LINGER):
            self._hinted.clear()
            known = Triggered.of(self._workflows())
            if self._is_to_be_registered(known):
                self._register(connection, known)
            while not self._closed.is_set() and self._route_some(connection, known):
                pass

    def _route_some(self, connection: Connection[Any], known: Triggered) -> bool:
        """Whether there may be more."""
        offered = offers.offer(connection, _MOST)
        taken = self._start_what_is_wanted(connection, known) if known.workflows else 0
        told = self._tell_waiters(connection)
        return bool(offered == _MOST or taken or told)

    def _start_what_is_wanted(self, connection: Connection[Any], known: Triggered) -> int:
        """Ask triggers, and start what they want, as one transaction; answers how many offers it dealt with."""
        with connection.transaction():
            taken = offers.take(connection, known.workflows, _MOST, _MOST_BYTES)
            if not taken:
                return 0
            wanted = [asked for each in taken for asked in ask(known, each, self._monitor)]
            started = _start(connection, wanted)
            offers.settle(connection, taken, started)
        self._monitor.emit("routed", offers=len(taken), starts=len(started))
        return len(taken)

    def _tell_waiters(self, connection: Connection[Any]) -> int:
        """Emit the events of deliveries, each in a transaction of its own, as its lock demands."""
        told = 0
        while told < _MOST and not self._closed.is_set() and self._tell_of_one(connection):
            told += 1
        return told

    def _tell_of_one(self, connection: Connection[Any]) -> bool:
        with connection.transaction():
            taken = offers.take(connection, [WAITERS], 1, _MOST_BYTES)
            if not taken:
                return False
            queries = emissions(taken[0], self._monitor)
            with connection.pipeline():
                for query in queries:
                    _execute_locked(connection, query)
                offers.settle(connection, taken)
        return True

    # Which triggers there are -------------------------------------------------------------------

    def _is_to_be_registered(self, known: Triggered) -> bool:
        is_old = bool(known.triggers) and time.monotonic() > self._refresh_at
        return is_old or known.triggers != self._registered.triggers

    def _register(self, connection: Connection[Any], known: Triggered) -> None:
        offers.register(connection, sorted(known.triggers))
        self._registered, self._refresh_at = known, time.monotonic() + _REFRESH


def _start(connection: Connection[Any], wanted: list[Asked]) -> list[Offer]:
    """The offers of those that are new. In the order of their ids, as all do who start several."""
    wanted.sort(key=lambda asked: asked.new.id)
    with connection.pipeline():
        cursors = [_execute(connection, start_query(asked.new)) for asked in wanted]
    return [asked.offer for asked, cursor in zip(wanted, cursors, strict=True) if cursor.fetchone() is not None]


def _execute(connection: Connection[Any], query: Query) -> psycopg.Cursor[Any]:
    return connection.execute(query.sql, query.parameters, prepare=True)


def _execute_locked(connection: Connection[Any], query: Query) -> None:
    connection.execute(QUERIES["lock_event"], {"lock": query.lock}, prepare=True)
    _execute(connection, query)
