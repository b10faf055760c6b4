"""Finds what there is to do: takes up executions that are due, and reads messages to those held.

Owns the reading, on a thread and a connection of its own, so that a long journal delays no
commit. Everything is found by polling; a hint (a notification, a due time known here) only
makes it sooner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable
from interpreter.machine import Machine
from interpreter.operations.deliveries import HINT
from interpreter.scheduler.driver import Driver
from interpreter.scheduler.ending import end
from interpreter.scheduler.held import SUSPECT, Held
from interpreter.scheduler.horizon import Horizon
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.listener import ECHO, Listener
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.room import Room
from interpreter.scheduler.router import Router
from interpreter.scheduler.schedules import Schedules, Workflows
from interpreter.scheduler.timers import Timers
from interpreter.store import claims
from interpreter.store.claims import LastApplied
from interpreter.store.connection import begin_session
from interpreter.store.queries import QUERIES
from interpreter.store.records import Claimed, Taken

__all__ = ["Claimer", "Starters"]

_POLL = 2.0
"""Seconds between looks when nothing hints at work: with the heartbeat, under one query a second."""

_SOON = timedelta(minutes=10)
"""What is due later is left to polling: a due time that is known here costs memory, and saves at most a poll."""

_PAUSE = 0.05
"""Seconds between looks at a lease that is in doubt, and at first between tries to connect."""

_IN_DOUBT = 0.2
"""Seconds between looks while a claim may have been made whose answer was lost."""

_MOST_AT_ONCE = 200


class Starters(NamedTuple):
    """What starts executions without anybody asking."""

    schedules: Schedules
    router: Router


class Claimer:
    """Keeps the driver supplied.

    :param workflows: those that are served, by name and version; asked at each claim, since more may be registered.
    :param room: where there may be places for more executions.
    :param starters: what is due by a schedule is started as soon as that is known; the router is told of deliveries.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        lease: Lease,
        driver: Driver,
        workflows: Callable[[], Workflows],
        room: Room,
        starters: Starters,
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._lease = lease
        self._driver = driver
        self._workflows = workflows
        self._room = room
        self._schedules, self._router = starters
        self._monitor = monitor
        self._connection = self._open()
        self._listener = Listener(connect)
        self._lock = threading.Lock()
        self._hinted = False
        self._inboxes: set[str] = set()
        self._due: Timers[None] = Timers(lambda item, due: True)
        self._left_some = False
        self._may_be_suspects = True
        self._horizon = Horizon(lease.clock)
        self._polled_at = time.monotonic()
        self._closed = threading.Event()
        self._missing: frozenset[str] = frozenset()
        self._is_in_doubt = False
        self._failures = 0  # one after the other
        self._thread = threading.Thread(target=self._run, name="dataflows claimer", daemon=True)
        self._thread.start()

    def hint(self) -> None:
        """There may be something to claim."""
        self._hinted = True
        self._listener.ring()

    def hint_unless_heard(self) -> None:
        """The database has told of something to claim, and here that may not be heard."""
        if self._listener.is_deaf:
            self.hint()

    def hint_at_suspects(self) -> None:
        """There may be something to claim that has just killed its scheduler."""
        self._may_be_suspects = True
        self.hint()

    def look_at_inbox(self, execution_id: str) -> None:
        """Read the unread messages of an execution that is held."""
        with self._lock:
            self._inboxes.add(execution_id)
        self._listener.ring()

    def let_go(self, due: datetime | None) -> None:
        """There is room that there was not, and, if an execution was suspended, something to claim when it is due."""
        if due is not None and due < self._lease.clock.now() + _SOON:
            with self._lock:
                self._due.set(due, None)
            self._listener.ring()
        if self._left_some:
            self.hint()

    def close(self) -> None:
        """Claim nothing more."""
        self._closed.set()
        self._listener.ring()
        end(self._thread, lambda: self._connection)
        self._listener.close()
        self._connection.close()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear(self._listener.wait(self._seconds_to_wait()))
                self._look()
                self._failures = 0
            except Exception as error:
                self._monitor.thread_failed("claimer", error)
                self._is_in_doubt = True  # a claim may have been made whose answer was lost
                self._failures += 1
                self._reconnect_if_broken()

    def _hear(self, payloads: Iterable[str]) -> None:
        """Each names an execution: it has a message if it is held, and else there may be something to claim.

        But for one, which says that there are deliveries.
        """
        for execution_id in payloads:
            if execution_id == HINT:
                self._router.hint()
            elif execution_id in self._driver.held:
                with self._lock:
                    self._inboxes.add(execution_id)
            else:
                self._hinted = True

    def _seconds_to_wait(self) -> float:
        if self._is_in_doubt:
            return min(_IN_DOUBT * (1 + self._failures), _POLL)
        if self._hinted:
            return 0.0
        with self._lock:
            due = self._due.seconds_to_next(self._lease.clock.now())
        poll = max(0.0, self._polled_at + _POLL - time.monotonic())
        known = (seconds + 0.001 for seconds in (due, self._schedules.seconds_to_next()) if seconds is not None)
        return min((poll, *known))

    def _look(self) -> None:
        if not self._lease.is_valid() or not (scheduler := self._lease.scheduler):
            self._closed.wait(_PAUSE)
            self._hinted = True
            return
        with self._lock:
            hinted, self._hinted = self._hinted, False
            inboxes, self._inboxes = self._inboxes, set()
            hinted = bool(list(self._due.take_due(self._lease.clock.now()))) or hinted
        try:
            self._look_as_told(scheduler, inboxes, hinted)
        except BaseException:
            with self._lock:  # it is still to be done
                self._hinted = True
                self._inboxes |= inboxes
            raise

    def _look_as_told(self, scheduler: int, inboxes: set[str], hinted: bool) -> None:
        if self._is_in_doubt:
            self._adopt(scheduler)
        is_time_to_poll = time.monotonic() >= self._polled_at + _POLL
        if is_time_to_poll or not self._schedules.is_registered(scheduler):
            self._schedules.register(self._connection, scheduler)
        if is_time_to_poll:
            hinted = self._poll(scheduler, inboxes) or hinted
        if self._schedules.is_due:
            hinted = self._schedules.start_due(self._connection, scheduler) or hinted
        if inboxes:
            self._driver.post(self._driver.arrivals.on_messages, *claims.read_inbox(self._connection, inboxes))
        if hinted:
            self._claim(scheduler)

    def _poll(self, scheduler: int, inboxes: set[str]) -> bool:
        """Look for what no hint told of; answers whether there is something to claim."""
        self._polled_at = time.monotonic()
        if self._listener.is_to_be_tried():
            self._connection.execute(QUERIES["send_echo"], {"echo": ECHO})
        if self._driver.held:
            held = list(self._driver.held.values())
            inboxes.update(claims.find_messages(self._connection, scheduler, [one.id for one in held]))
            inboxes.update(one.id for one in held if one.paused)  # it may have been resumed since
        known = list(self._workflows())
        look = self._horizon.begin(known)
        found = claims.look_for_due(self._connection, scheduler, known, look.since, self._router.offered)
        if found.is_unrouted:
            self._router.hint()
        if not found.is_due:
            self._horizon.end(look, [], 1)
        self._schedules.note(found)
        self._may_be_suspects = self._may_be_suspects or found.is_suspect
        return found.is_due or found.is_suspect

    def _claim(self, scheduler: int) -> None:
        self._left_some = True  # until it is known: what is let go meanwhile must hint
        most = self._room.promise(_MOST_AT_ONCE)
        try:
            if most and (workflows := self._workflows()):
                self._claim_up_to(most, scheduler, workflows)
        finally:
            self._room.settle(most)

    def _claim_up_to(self, most: int, scheduler: int, workflows: Workflows) -> None:
        is_one_held = any(held.is_suspect for held in list(self._driver.held.values()))
        suspects = self._may_be_suspects and not is_one_held
        known = list(workflows)
        look = self._horizon.begin(known)

        def claim(last_applied: LastApplied) -> list[Taken]:
            return claims.claim(
                self._connection,
                scheduler,
                known,
                most,
                suspects=suspects,
                last_applied=last_applied,
                since=look.since,
            )

        taken = self._take_up(scheduler, workflows, claim)
        self._horizon.end(look, [one.claimed for one in taken], most)
        self._may_be_suspects = is_one_held or any(one.claimed.deaths >= SUSPECT for one in taken)
        self._left_some = self._may_be_suspects
        if len(taken) == most:
            self.hint()

    def _take_up(self, scheduler: int, workflows: Workflows, take: Callable[[LastApplied], list[Taken]]) -> list[Taken]:
        """Take, and hold it, before a commit that is in doubt is asked for: that goes by what is held."""
        claiming = self._driver.held.claiming
        while not claiming.acquire(timeout=_PAUSE):
            if self._closed.is_set():
                return []
        try:
            return self._hold_what_is_taken(scheduler, workflows, take)
        finally:
            claiming.release()

    def _hold_what_is_taken(
        self, scheduler: int, workflows: Workflows, take: Callable[[LastApplied], list[Taken]]
    ) -> list[Taken]:
        """Give what is taken to the driver, with a machine that was kept, or a fresh one."""
        machines: dict[Claimed, Machine] = {}

        def last_applied(one: Claimed) -> int:
            machine = machines[one] = self._cached(one) or Machine(workflows[one.workflow, one.version])
            return machine.seq

        try:
            taken = take(last_applied)
        except BaseException:
            for one, machine in machines.items():
                self._driver.post(self._driver.cache.keep, one.execution_id, one.generation, machine)
            raise
        for one, entries, arrived in taken:
            held = Held(
                *(scheduler, one.execution_id, one.generation, machines[one], one.inbox_seq, one.deaths),
                is_awaited=one.is_awaited,
            )
            self._driver.hold(held, entries, arrived)
        return taken

    def _cached(self, one: Claimed) -> Machine | None:
        """Its machine, if that is kept; one of an execution that had this id before and was deleted is let go."""
        machine = self._driver.cache.take(one.execution_id, one.generation)
        if machine is not None and machine.time is not None and machine.time < one.created_at:
            self._driver.post(self._driver.cache.let_go, one.execution_id, machine)
            return None
        return machine

    # When an answer was lost --------------------------------------------------------------------

    def _adopt(self, scheduler: int) -> None:
        """What is held by the database's account and unknown to the driver was claimed, and the answer was lost.

        It may also have just been started, or be let go, so it is adopted only when it was missing twice.
        """
        known = self._room.starting | self._driver.held.keys()
        listed = claims.list_held(self._connection, scheduler)
        missing = {one.execution_id: one for one in listed if one.execution_id not in known}
        stranded = [missing[execution_id] for execution_id in self._missing & missing.keys()]
        self._missing = frozenset(missing) - {one.execution_id for one in stranded}
        workflows = self._workflows()
        served = [one for one in stranded if (one.workflow, one.version) in workflows]
        if served:
            self._take_up(
                scheduler, workflows, lambda known: claims.take_up(self._connection, scheduler, served, known)
            )
        self._is_in_doubt = bool(self._missing)

    def _open(self) -> Connection[Any]:
        connection = self._connect("claimer")
        try:
            begin_session(connection)
        except psycopg.Error as error:
            connection.close()
            raise DatabaseUnavailable(f"the connection was lost as soon as it was there: {error}") from error
        return connection

    def _reconnect_if_broken(self) -> None:
        pause = _PAUSE
        while self._connection.closed and not self._closed.wait(pause):
            pause = min(pause * 2, 1.0)
            with suppress(DatabaseUnavailable):
                self._connection = self._open()
