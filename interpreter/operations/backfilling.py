"""Making up for moments of schedules that have passed and were not started.

Owns which moments these are, and how many one statement starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice

from dataflows.events import Event
from dataflows.schedule_text import from_text
from dataflows.schedules import Schedule, aware
from dataflows.slots import slot_event, slots
from interpreter.operations.schedules import Which, WorkflowSchedule, expect_schedules, version_to_start
from interpreter.requests import Operation, Query
from interpreter.store.arrays import TextArray
from interpreter.store.schedules import execution_id, starting

__all__ = ["backfill"]

_BATCH = 200
_INSTANT = timedelta(microseconds=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def backfill(
    workflow: str,
    begin: datetime,
    end: datetime | None = None,
    *,
    schedule: Which = None,
    dry_run: bool = False,
    most: int | None = None,
    tell: Callable[[Event], object] | None = None,
) -> Operation[int]:
    """Start the moments of a span of time that has passed, but for those that have been started before.

    They are started at once, in their order, also where the schedule is paused. Stopped half way, it can be repeated. A
    moment whose execution has been deleted, or purged, since is started again.

    :param begin: aware, and in 1970 or later; the first moment is not before.
    :param end: aware; the last moment is before. Default: now.
    :param schedule: of this one; default: of all of the workflow that are served, or else of the only one there is.
    :param dry_run: start nothing, but tell what would be started.
    :param most: so many moments are in the span at most, those that were started before among them; default: any.
    :param tell: called with the event of each, whose id is the execution's but where it has more than 200 characters.
    :returns: how many were, or would be, started.
    :raises NotFound: there is no such schedule.
    :raises ValueError: a time without a zone, before 1970, or that has not come yet; a span with more moments than
        ``most``; a schedule that is none; or the workflow has several that nobody serves, and none is named.
    """
    found = _meant((yield from expect_schedules(workflow, schedule)))
    [(now,)] = yield Query("what_time_is_it", {})
    for time in (begin, end or now):
        _check(time, now)
    moments = _moments([from_text(one.schedule) for one in found], begin, end or now)
    if most is not None:
        moments = _no_more_than(most, moments)
    count = 0
    while events := [slot_event(workflow, moment) for moment in islice(moments, _BATCH)]:
        new = yield from (_missing(events) if dry_run else _start(workflow, version_to_start(found), events))
        count += len(new)
        if tell is not None:
            for event in new:
                tell(event)
    return count


def _meant(found: list[WorkflowSchedule]) -> list[WorkflowSchedule]:
    """Those that are served: what a workflow had before its code was changed is made up for only if it is named."""
    meant = [one for one in found if one.served] or found
    if not meant[0].served and len(meant) > 1:
        listed = ", ".join(repr(one.schedule) for one in meant)
        raise ValueError(f"nobody serves a schedule of workflow {meant[0].workflow!r} now: name one of {listed}")
    return meant


def _check(time: datetime, now: datetime) -> None:
    if aware(time) > now:
        raise ValueError(f"a backfill is of moments that have passed; {time.isoformat()} has not come yet")
    if time < _EARLIEST:
        raise ValueError(f"a backfill begins in 1970 or later; {time.isoformat()} is before")


def _no_more_than(most: int, moments: Iterator[datetime]) -> Iterator[datetime]:
    """They are counted before the first is started."""
    found = list(islice(moments, most + 1))
    if len(found) > most:
        raise ValueError(f"the span has more than {most:,} moments: make up for it in parts")
    return iter(found)


def _moments(schedules: Iterable[Schedule], begin: datetime, end: datetime) -> Iterator[datetime]:
    """The moments of all these, each once."""
    of_each = (slots(schedule, begin - _INSTANT, end - _INSTANT) for schedule in schedules)
    return (moment for moment, _ in groupby(merge(*of_each)))


def _missing(events: list[Event]) -> Operation[list[Event]]:
    rows = yield Query("which_exist", {"ids": TextArray(execution_id(event) for event in events)})
    there = {row[0] for row in rows}
    return [event for event in events if execution_id(event) not in there]


def _start(workflow: str, version: int, events: list[Event]) -> Operation[list[Event]]:
    [(_, ids, _)] = yield starting(workflow, version, events)
    started = set(ids)
    return [event for event in events if execution_id(event) in started]
