"""The schedules of workflows: looking at them, pausing, resuming and forgetting them, and starting one by hand.

Owns how the answers of these verbs look. None needs a workflow that is known here: schedules are asked of the database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.responses import Response

from dataflows.errors import NotFound
from dataflows.events import Event
from interpreter.service.answers import accepted, answer
from interpreter.service.call import Call
from interpreter.service.members import Members
from interpreter.service.problems import Problem
from interpreter.service.starting import chosen_id
from interpreter.store.schedules import execution_id

__all__ = ["backfill", "delete", "list_schedules", "pause", "resume", "trigger"]


async def list_schedules(call: Call) -> Response:
    """Those of all workflows, or of one."""
    workflow = call.query("workflow").text("workflow")
    return answer({"schedules": await call.desk.list_schedules(workflow)})


async def pause(call: Call) -> Response:
    """Start no moment of them until they are resumed."""
    workflow, schedule = await _which(call)
    return answer({"workflow": workflow, "new": await call.desk.pause_schedule(workflow, schedule)})


async def resume(call: Call) -> Response:
    """Start their moments again."""
    workflow, schedule = await _which(call)
    return answer({"workflow": workflow, "new": await call.desk.resume_schedule(workflow, schedule)})


async def delete(call: Call) -> Response:
    """Forget those that nobody serves any more."""
    schedule = call.query("schedule").text("schedule")
    workflow = call.name("workflow")
    await call.members()
    if not await call.desk.delete_schedule(workflow, schedule):
        raise NotFound(f"workflow {workflow!r} has no such schedule; GET /api/schedules lists those that there are")
    return Response(status_code=204)


async def trigger(call: Call) -> Response:
    """Start the workflow now. The same id again is the same execution."""
    call.query()
    workflow, key = call.name("workflow"), call.idempotency_key()
    id = await call.desk.trigger_schedule(workflow, id=chosen_id(await call.members("id"), key))
    return accepted({"id": id, "workflow": workflow}, call.location(id))


async def backfill(call: Call) -> Response:
    """Start the moments of a span that has passed, but for those that were started before; or tell which they are."""
    call.query()
    workflow, members = call.name("workflow"), await call.members("from", "to", "schedule", "dry_run")
    begin, end = _span(members)
    schedule, is_dry = members.text("schedule"), members.of("dry_run", bool, "true or false") or False
    most, events = call.service.limits.moments, list[Event]()
    try:
        await call.desk.backfill(workflow, begin, end, schedule=schedule, dry_run=is_dry, most=most, tell=events.append)
    except ValueError as error:
        raise Problem("invalid", f"{error}.") from None
    document = {"workflow": workflow, "executions": [_execution(event) for event in events]}
    return answer(document) if is_dry else accepted(document)


async def _which(call: Call) -> tuple[str, str | None]:
    """The workflow, and which of its schedules is meant; None: all."""
    call.query()
    workflow, members = call.name("workflow"), await call.members("schedule")
    return workflow, members.text("schedule")


def _span(members: Members) -> tuple[datetime, datetime | None]:
    begin = members.moment("from")
    if begin is None:
        raise Problem("invalid", "A backfill has a time `from` which on it is, and may have one `to` which.")
    return begin, members.moment("to")


def _execution(event: Event) -> dict[str, Any]:
    return {"id": execution_id(event), "at": event.time}
