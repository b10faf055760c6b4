"""What people do with schedules: look at them, pause and resume them, forget them, start one now.

Owns the words in which that is refused. Each verb is for a workflow's only schedule or for all that it has, and for one
where that is named; it needs nobody who knows the workflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from dataflows.errors import IdInUse, NotFound, WrongStatus
from dataflows.names import check_name
from dataflows.schedule_text import to_text
from dataflows.schedules import CatchUp, Schedule
from dataflows.slots import slot_event
from interpreter.requests import Operation, Query
from interpreter.store.identifiers import fitting_id, time_ordered_id
from interpreter.store.schedules import starting

__all__ = [
    "Which",
    "WorkflowSchedule",
    "delete_schedule",
    "expect_schedules",
    "list_schedules",
    "pause_schedule",
    "resume_schedule",
    "trigger_schedule",
    "version_to_start",
]

Which: TypeAlias = Schedule | str | None
"""One schedule of a workflow, as it is or as text; None: all of them."""


@dataclass(frozen=True, slots=True)
class WorkflowSchedule:
    """A schedule of a workflow, as the database has it.

    :ivar schedule: its moments as text: ``"0 9 * * 1-5 Europe/Berlin"``, ``"every 15m"``.
    :ivar catch_up: what becomes of moments that were missed.
    :ivar version: of the workflow; the next moment is started with it.
    :ivar next_at: its next moment, or the first of those that have passed and are not dealt with; None: none is left.
    :ivar last_at: the last moment that was started; None: none was yet.
    :ivar paused: nothing is started until it is resumed.
    :ivar served: whether a scheduler is there that starts its moments. Where none is, it is kept as it stands.
    """

    workflow: str
    schedule: str
    catch_up: CatchUp
    version: int
    next_at: datetime | None
    last_at: datetime | None
    paused: bool
    created_at: datetime
    served: bool


def list_schedules(workflow: str | None = None) -> Operation[list[WorkflowSchedule]]:
    """All schedules, or those of one workflow, by name. Those that nobody serves any more are among them."""
    return (yield from _find(workflow, None))


def pause_schedule(workflow: str, schedule: Which = None) -> Operation[bool]:
    """Start no moment of a workflow's schedules until they are resumed; what was started goes on.

    :param schedule: only this one.
    :returns: whether one was not paused before.
    :raises NotFound: there is no such schedule.
    """
    return (yield from _set_paused(True, workflow, schedule))


def resume_schedule(workflow: str, schedule: Which = None) -> Operation[bool]:
    """Go on with a workflow's schedules; the moments that came meanwhile are caught up with as each has it.

    :param schedule: only this one.
    :returns: whether one was paused.
    :raises NotFound: there is no such schedule.
    """
    return (yield from _set_paused(False, workflow, schedule))


def delete_schedule(workflow: str, schedule: Which = None) -> Operation[bool]:
    """Forget schedules that nobody serves any more. Served again, one begins anew, and catches up with nothing.

    :param schedule: only this one; default: all of the workflow that nobody serves.
    :returns: whether there was one.
    :raises WrongStatus: a scheduler serves it, or all of them.
    """
    gone = yield Query("delete_schedules", _key(workflow, schedule))
    left = [] if gone else (yield from _find(workflow, schedule))
    if left:
        raise WrongStatus(f"{_told(workflow, left[0].schedule)} is served by a scheduler: pause it, or stop serving it")
    return bool(gone)


def trigger_schedule(workflow: str, *, id: str | None = None) -> Operation[str]:
    """Start a workflow that has a schedule now, also if that is paused; its moments stay as they are.

    :param id: the execution's: started twice under one id it is started once. Default: a new one.
    :returns: the execution's id.
    :raises NotFound: the workflow has no schedule.
    :raises IdInUse: the id belongs to an execution of another workflow.
    """
    found = yield from expect_schedules(workflow, None)
    new = fitting_id(f"{workflow}@{time_ordered_id()}") if id is None else check_name(id, "an execution's id")
    [(now,)] = yield Query("what_time_is_it", {})
    [(_, started, _)] = yield starting(workflow, version_to_start(found), [replace(slot_event(workflow, now), id=new)])
    for owner, *_ in () if started else (yield Query("whose_is", {"id": new})):
        if owner != workflow:
            raise IdInUse(f"id {new!r} belongs to an execution of workflow {owner!r}")
    return new


# Which schedules are meant ----------------------------------------------------------------------


def _set_paused(paused: bool, workflow: str, schedule: Which) -> Operation[bool]:
    changed = yield Query("pause_schedules", {**_key(workflow, schedule), "paused": paused})
    if not changed:
        yield from expect_schedules(workflow, schedule)
    return bool(changed)


def expect_schedules(workflow: str, schedule: Which) -> Operation[list[WorkflowSchedule]]:
    """The schedules that are meant. :raises NotFound: there are none."""
    found = yield from _find(workflow, schedule)
    if not found:
        told = _told(workflow, None if schedule is None else _text(schedule))
        raise NotFound(f"{told} is not known here: a scheduler makes it known when it serves the workflow")
    return found


def _find(workflow: str | None, schedule: Which) -> Operation[list[WorkflowSchedule]]:
    rows = yield Query("list_schedules", _key(workflow, schedule))
    return [WorkflowSchedule(*row) for row in rows]


def version_to_start(found: list[WorkflowSchedule]) -> int:
    """The newest version of the workflow that is served, or else was."""
    return max(found, key=lambda one: (one.served, one.version)).version


def _key(workflow: str | None, schedule: Which) -> dict[str, str | None]:
    name = None if workflow is None else check_name(workflow, "a workflow's name")
    return {"workflow": name, "schedule": None if schedule is None else check_name(_text(schedule), "a schedule")}


def _text(schedule: Schedule | str) -> str:
    return schedule if isinstance(schedule, str) else to_text(schedule)


def _told(workflow: str, schedule: str | None) -> str:
    return f"a schedule of workflow {workflow!r}" if schedule is None else f"schedule {schedule!r} of {workflow!r}"
