"""Slots: the moments of a schedule that are to be started, and the event that each is started with.

Owns catching up. Has no clock and starts nothing: whoever does asks with the time that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dataflows.events import Event
from dataflows.schedules import NoMoment, Schedule, aware

__all__ = ["ON_TIME", "SLOT", "due", "slot_event", "slots"]

ON_TIME = timedelta(minutes=1)
"""How long a moment may have passed and still not be missed."""

SLOT = "dataflows.schedule.slot"
"""The type of the events that schedules make."""


def due(schedule: Schedule, after: datetime, now: datetime) -> Iterator[datetime]:
    """The moments that are to be started at ``now``, in their order, as the schedule's ``catch_up`` has it.

    One that passed within ``ON_TIME`` is always started. One that passed before is missed: ``all`` starts it too,
    ``none`` leaves it out, and ``latest`` starts the last that was missed, if none is on time.

    :param after: when this was asked last, or since when the schedule holds.
    :raises ValueError: either has no time zone.
    """
    on_time = max(aware(after), aware(now) - ON_TIME)
    if schedule.catch_up == "all":
        return slots(schedule, after, now)
    found = list(slots(schedule, on_time, now))
    if not found and schedule.catch_up == "latest":
        found = _last_slot(schedule, after, on_time)
    return iter(found)


def slots(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """All moments of a schedule later than ``after`` and not later than ``until``, in their order: a backfill's.

    :raises ValueError: either has no time zone.
    """
    slot, end = aware(after), aware(until)
    while (following := _next_or_none(schedule, slot)) is not None and following <= end:
        yield (slot := following)


def slot_event(workflow: str, slot: datetime) -> Event:
    """The event that a workflow is started with at a moment of its schedule; the same, whichever scheduler makes it.

    Its id makes a good one for the execution: then a moment has one, however many schedulers there are, and however
    many schedules and backfills have that moment.

    :param workflow: its name.
    """
    at = aware(slot).astimezone(UTC)
    return Event(f"{workflow}@{at.isoformat()}", f"/schedules/{workflow}", SLOT, subject=workflow, time=at)


def _last_slot(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """The last moment, or none; looked for further and further back, so that a year of seconds is not counted."""
    begin, span = until, ON_TIME
    while begin > after:
        begin = max(after, until - span)
        if found := list(slots(schedule, begin, until)):
            return found[-1:]
        span = min(2 * span, until - after)
    return []


def _next_or_none(schedule: Schedule, moment: datetime) -> datetime | None:
    try:
        return schedule.next_after(moment)
    except NoMoment:
        return None
