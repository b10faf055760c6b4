"""Schedules as they are stored: who serves them, where they stand, and their moments started.

Owns what goes into the statements. When a schedule has its moments is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from dataflows.events import Event
from interpreter.store.arrays import BytesArray, IntArray, TextArray, TimeArray, named_columns
from interpreter.store.identifiers import fitting_id, new_seed
from interpreter.store.queries import QUERIES, Query
from interpreter.store.records import ServedSchedule, StandingSchedule
from interpreter.store.rows import FORMAT, started_payload

__all__ = ["Advance", "execution_id", "read", "register", "start_slots", "starting"]

_SERVED: dict[str, type[Any]] = {
    "workflows": TextArray,
    "schedules": TextArray,
    "catch_ups": TextArray,
    "versions": IntArray,
    "nexts": TimeArray,
}
_STARTED: dict[str, type[Any]] = {"ids": TextArray, "encodings": TextArray, "payloads": BytesArray}
_MOST = 1_000


class Advance(NamedTuple):
    """A schedule's step from one of its moments to a later one.

    :ivar stood_at: the moment at which it was read; if it stands elsewhere by now, it is not moved.
    :ivar next_at: the moment at which it is to stand; None: it has none any more.
    :ivar last_at: the last moment that is started; None: none is.
    """

    schedule: str
    stood_at: datetime | None
    next_at: datetime | None
    last_at: datetime | None


_UNMOVED = Advance("", None, None, None)


def register(connection: Connection[Any], scheduler: int, served: Iterable[ServedSchedule]) -> bool:
    """The scheduler serves these schedules and no others; False if it was taken over."""
    parameters = {"scheduler": scheduler, **named_columns(_SERVED, served)}
    return bool(connection.execute(QUERIES["register_schedules"], parameters).fetchall())


def read(connection: Connection[Any], scheduler: int) -> list[StandingSchedule]:
    """Of the schedules that the scheduler serves, those in force that have a next moment, the earliest first."""
    rows = connection.execute(QUERIES["read_schedules"], {"scheduler": scheduler, "most": _MOST}, prepare=True)
    return [StandingSchedule(*row) for row in rows]


def execution_id(event: Event) -> str:
    """The id of the execution that is started with a slot's event."""
    return fitting_id(event.id)


def starting(workflow: str, version: int, events: Sequence[Event], advance: Advance = _UNMOVED) -> Query:
    """Starts an execution with each event, unless it has one; with an advance, only together with that.

    :raises CannotStore: an event cannot be stored.
    """
    what = f"the arguments of workflow {workflow!r}"
    rows = [(execution_id(event), *started_payload(what, (event,), {}, new_seed())) for event in events]
    parameters = {"workflow": workflow, "version": version, "format": FORMAT, **named_columns(_STARTED, rows)}
    return Query("start_slots", {**parameters, **advance._asdict()})


def start_slots(
    connection: Connection[Any], workflow: str, version: int, events: Sequence[Event], advance: Advance
) -> tuple[bool, list[str]]:
    """Whether this has moved the schedule, and the ids of those that it has started."""
    query = starting(workflow, version, events, advance)
    row = connection.execute(query.sql, query.parameters, prepare=True).fetchone()
    assert row is not None
    return bool(row[0]), row[1]
