"""Starts workflows at the moments of their schedules.

Owns which schedules this scheduler serves, and when it has to look at them. It has no thread: the claimer asks what is
due. Several schedulers may find the same moment; the statement that starts it lets one of them. All here goes by the
database's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeAlias

from psycopg import Connection

from dataflows.schedule_text import to_text
from dataflows.schedules import Cron, Every, NoMoment, Schedule
from dataflows.slots import due, slot_event
from dataflows.workflow import Workflow
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.monitor import Monitor
from interpreter.store import schedules
from interpreter.store.records import Found, ServedSchedule, StandingSchedule
from interpreter.store.schedules import Advance

__all__ = ["Schedules"]

Workflows: TypeAlias = dict[tuple[str, int], Workflow[..., Any]]

_Key: TypeAlias = tuple[str, str]
"""A workflow's name and a schedule's text."""

_Served: TypeAlias = tuple[Schedule, int]
"""A schedule, and the newest version of its workflow."""

_MOST_SLOTS = 100
"""Moments of one schedule that one statement starts; on time are fewer."""

_INSTANT = timedelta(microseconds=1)


class Schedules:
    """Used by the claimer's thread alone.

    :param workflows: those that are served, by name and version, as they are now.
    """

    def __init__(self, workflows: Callable[[], Workflows], clock: DatabaseClock, monitor: Monitor) -> None:
        self._workflows = workflows
        self._clock = clock
        self._monitor = monitor
        self._registered_as = 0
        self._wanted: dict[_Key, _Served] = {}
        self._known = 0
        self._next_at: datetime | None = None

    @property
    def is_due(self) -> bool:
        """Whether a moment has come."""
        return self._next_at is not None and self._next_at <= self._clock.now()

    def seconds_to_next(self) -> float | None:
        """How long until the next moment; None: none is known."""
        return None if self._next_at is None else max(0.0, (self._next_at - self._clock.now()).total_seconds())

    def is_registered(self, scheduler: int) -> bool:
        """Whether it is known what is served under this number."""
        return self._registered_as == scheduler

    def register(self, connection: Connection[Any], scheduler: int) -> None:
        """Let everybody know which schedules are served here, if that has changed."""
        wanted = dict(_served(self._workflows().values()))
        if (self._registered_as, self._wanted) == (scheduler, wanted):
            return
        with self._harming_no_other(connection):
            rows = [row for key, served in wanted.items() if (row := self._row(connection, key, served))]
            if schedules.register(connection, scheduler, rows):
                self._registered_as, self._wanted, self._known = scheduler, wanted, len(rows)
                self._next_at = self._clock.now() if rows else None

    def note(self, found: Found) -> None:
        """What a look has found of the schedules that are served here."""
        self._next_at = found.next_slot
        if found.schedules != self._known:
            self._registered_as = 0  # somebody has deleted a row

    def start_due(self, connection: Connection[Any], scheduler: int) -> bool:
        """Start what is due; answers whether there is something to claim."""
        standing = schedules.read(connection, scheduler)
        if standing:
            self._clock.set(standing[0].now)
        come = [one for one in standing if one.next_at <= standing[0].now]
        nexts = [one.next_at for one in standing[len(come) : len(come) + 1]]
        has_started = False
        for one in come:
            with self._harming_no_other(connection, workflow=one.workflow, schedule=one.schedule):
                advance, started = self._start(connection, one)
                has_started = has_started or bool(started)
                nexts += [advance.next_at] if advance is not None and advance.next_at is not None else []
        self._next_at = min(nexts, default=None)  # what failed, or was another's to start, is for the next look
        return has_started

    def _start(self, connection: Connection[Any], one: StandingSchedule) -> tuple[Advance | None, list[str]]:
        """Start the moments that have come of one schedule; no advance: another scheduler was first."""
        schedule, version = self._wanted[one.workflow, one.schedule]
        after = max(one.next_at, one.created_at) - _INSTANT
        moments = list(islice(due(schedule, after, one.now), _MOST_SLOTS))
        is_all = len(moments) < _MOST_SLOTS
        next_at = _next_after(schedule, one.now if is_all else moments[-1])
        advance = Advance(one.schedule, one.next_at, next_at, moments[-1] if moments else None)
        events = [slot_event(one.workflow, moment) for moment in moments]
        is_moved, started = schedules.start_slots(connection, one.workflow, version, events, advance)
        if started:
            self._monitor.emit("schedule-started", workflow=one.workflow, executions=started)
        return (advance if is_moved else None), started

    def _row(self, connection: Connection[Any], key: _Key, served: _Served) -> ServedSchedule | None:
        with self._harming_no_other(connection, workflow=key[0], schedule=key[1]):
            schedule, version = served
            return ServedSchedule(*key, schedule.catch_up, version, _next_after(schedule, self._clock.now()))
        return None

    @contextmanager
    def _harming_no_other(self, connection: Connection[Any], **which: str) -> Iterator[None]:
        """What goes wrong within is told, unless it is the connection."""
        try:
            yield
        except Exception as error:
            if connection.closed:
                raise
            self._monitor.emit("schedule-failed", error=error, **which)


def _served(workflows: Iterable[Workflow[..., Any]]) -> Iterator[tuple[_Key, _Served]]:
    """The schedules of each workflow's newest version."""
    newest = {workflow.name: workflow for workflow in sorted(workflows, key=lambda workflow: workflow.version)}
    for workflow in newest.values():
        for trigger in workflow.triggers:
            if isinstance(trigger, Cron | Every):
                yield (workflow.name, to_text(trigger)), (trigger, workflow.version)


def _next_after(schedule: Schedule, moment: datetime) -> datetime | None:
    try:
        return schedule.next_after(moment)
    except NoMoment:
        return None
