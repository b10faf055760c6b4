"""Finds what there is to do: claims executions that are due, and reads journals and inboxes.

Owns the reading, on a thread and a connection of its own, so that a long journal delays no
commit. Everything is found by polling; a hint (a notification, a due time known here) only
makes it sooner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable
from dataflows.workflow import Workflow
from interpreter.machine import Machine
from interpreter.scheduler.driver import Driver
from interpreter.scheduler.held import SUSPECT, Held
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.room import Room
from interpreter.scheduler.timers import Timers
from interpreter.store import journal
from interpreter.store.records import Claimed, Message

__all__ = ["Claimer"]

_POLL = 2.0
"""Seconds between looks when nothing hints at work: with the heartbeat, under one query a second."""

_SOON = timedelta(minutes=10)
"""What is due later is left to polling: a due time that is known here costs memory, and saves at most a poll."""

_PAUSE = 0.05
"""Seconds between looks at a lease that is in doubt, and at first between tries to connect."""

_IN_DOUBT = 0.2
"""Seconds between looks while a claim may have been made whose answer was lost."""

_MOST_AT_ONCE = 200


class Claimer:
    """Keeps the driver supplied.

    :param workflows: those that are served, by name and version; asked at each claim, since more may be registered.
    :param room: where there may be places for more executions.
    :param starting: the ids of the executions that are just being started here.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        lease: Lease,
        driver: Driver,
        workflows: Callable[[], dict[tuple[str, int], Workflow[..., Any]]],
        room: Room,
        starting: Callable[[], frozenset[str]],
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._lease = lease
        self._driver = driver
        self._workflows = workflows
        self._room = room
        self._starting = starting
        self._monitor = monitor
        self._connection = connect("claimer")
        self._changed = threading.Condition()
        self._hinted = False
        self._inboxes: set[str] = set()
        self._due: Timers[None] = Timers(lambda item, due: True)
        self._left_some = False
        self._looked_at_all = time.monotonic()
        self._closed = False
        self._missing: frozenset[str] = frozenset()
        self._is_in_doubt = False
        self._thread = threading.Thread(target=self._run, name="dataflows claimer", daemon=True)
        self._thread.start()

    def hint(self) -> None:
        """There may be something to claim."""
        with self._changed:
            self._hinted = True
            self._changed.notify()

    def look_at_inbox(self, execution_id: str) -> None:
        """Read the unread messages of an execution that is held."""
        with self._changed:
            self._inboxes.add(execution_id)
            self._changed.notify()

    def let_go(self, due: datetime | None) -> None:
        """There is room that there was not, and, if an execution was suspended, something to claim when it is due."""
        with self._changed:
            if due is not None and due < self._lease.clock.now() + _SOON:
                self._due.set(due, None)
            if self._left_some or due is not None:
                self._hinted = self._hinted or self._left_some
                self._changed.notify()

    def close(self) -> None:
        """Claim nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._connection.close()

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while self._wait():
            try:
                self._look()
            except Exception as error:
                is_lost = isinstance(error, psycopg.Error | DatabaseUnavailable)
                event = "database-unreachable" if is_lost else "thread-failed"
                self._monitor.emit(event, thread="claimer", error=error)
                self._is_in_doubt = True  # a claim may have been made whose answer was lost
                self._reconnect_if_broken()

    def _wait(self) -> bool:
        """Until there may be something to do; False when it is time to end."""
        with self._changed:
            deadline = time.monotonic() + self._seconds_to_poll()
            while not (self._closed or self._hinted or self._inboxes):
                pause = deadline - time.monotonic()
                if pause <= 0:
                    break
                self._changed.wait(pause)
                deadline = min(deadline, time.monotonic() + self._seconds_to_poll())
            self._hinted = False
            return not self._closed

    def _seconds_to_poll(self) -> float:
        if self._is_in_doubt:
            return _IN_DOUBT
        due = self._due.seconds_to_next(self._lease.clock.now())
        return _POLL if due is None else min(_POLL, due + 0.001)

    def _look(self) -> None:
        if not self._lease.is_valid() or not (scheduler := self._lease.scheduler):
            self._look_again_soon()
            return
        with self._changed:
            inboxes, self._inboxes = self._inboxes, set()
            for _ in self._due.take_due(self._lease.clock.now()):
                pass
        if self._is_in_doubt:
            self._adopt(scheduler)
        self._read_inboxes(scheduler, inboxes)
        self._claim(scheduler)

    def _look_again_soon(self) -> None:
        with self._changed:
            self._changed.wait(_PAUSE)
            self._hinted = True

    def _read_inboxes(self, scheduler: int, hinted: set[str]) -> None:
        """Of those that a hint named, and now and then of all that are held: a hint may be lost."""
        if self._driver.held and time.monotonic() - self._looked_at_all >= _POLL:
            self._looked_at_all = time.monotonic()
            hinted.update(journal.find_messages(self._connection, scheduler))
        if hinted:
            self._driver.post(self._driver.on_messages, *journal.read_inbox(self._connection, hinted))

    def _claim(self, scheduler: int) -> None:
        self._left_some = True  # until it is known: what is let go meanwhile must hint
        most = self._room.promise(_MOST_AT_ONCE)
        try:
            if most and (workflows := self._workflows()):
                self._claim_up_to(most, scheduler, workflows)
        finally:
            self._room.settle(most)

    def _claim_up_to(self, most: int, scheduler: int, workflows: dict[tuple[str, int], Workflow[..., Any]]) -> None:
        suspects = not any(held.is_suspect for held in list(self._driver.held.values()))
        claimed = journal.claim(self._connection, scheduler, list(workflows), most, suspects=suspects)
        self._left_some = not suspects or any(one.deaths >= SUSPECT for one in claimed)
        self._hand_over(scheduler, claimed, workflows)
        if len(claimed) == most:
            self.hint()

    def _hand_over(
        self, scheduler: int, claimed: Sequence[Claimed], workflows: dict[tuple[str, int], Workflow[..., Any]]
    ) -> None:
        """Read what the driver needs to know of these, and give it to it."""
        if not claimed:
            return
        machines = [
            self._driver.cache.take(one.execution_id, one.generation) or Machine(workflows[one.workflow, one.version])
            for one in claimed
        ]
        wanted = [(one.execution_id, one.generation, m.seq) for one, m in zip(claimed, machines, strict=True)]
        try:
            entries = journal.read_journals(self._connection, wanted)
            messages = self._read_messages(claimed)
        except BaseException:
            for one, machine in zip(claimed, machines, strict=True):
                self._driver.post(self._driver.cache.keep, one.execution_id, one.generation, machine)
            raise
        for one, machine in zip(claimed, machines, strict=True):
            held = Held(scheduler, one.execution_id, one.generation, machine, one.inbox_seq, one.deaths)
            self._driver.hold(held, entries[one.execution_id], messages.get(one.execution_id, []))

    def _read_messages(self, claimed: Sequence[Claimed]) -> dict[str, list[Message]]:
        asked = [one.execution_id for one in claimed if one.inbox_seq]
        found: dict[str, list[Message]] = {}
        for message in journal.read_inbox(self._connection, asked)[0] if asked else ():
            found.setdefault(message.execution_id, []).append(message)
        return found

    # When an answer was lost --------------------------------------------------------------------

    def _adopt(self, scheduler: int) -> None:
        """What is held by the database's account and unknown to the driver was claimed, and the answer was lost.

        It may also have just been started, or be let go, so it is adopted only when it was missing twice.
        """
        known = self._starting() | self._driver.held.keys()
        listed = journal.list_held(self._connection, scheduler)
        missing = {one.execution_id: one for one in listed if one.execution_id not in known}
        stranded = [missing[execution_id] for execution_id in self._missing & missing.keys()]
        self._missing = frozenset(missing) - {one.execution_id for one in stranded}
        workflows = self._workflows()
        self._hand_over(scheduler, [one for one in stranded if (one.workflow, one.version) in workflows], workflows)
        self._is_in_doubt = bool(self._missing)

    def _reconnect_if_broken(self) -> None:
        pause = _PAUSE
        while self._connection.closed and not self._closed:
            try:
                self._connection = self._connect("claimer")
            except DatabaseUnavailable:
                with self._changed:
                    self._changed.wait(pause)
                pause = min(pause * 2, 1.0)
