"""Workflows, and starting their executions.

Owns what a request to start one is made of. The arguments are JSON, and are stored as that.
"""

from __future__ import annotations

import inspect
from typing import Any

from starlette.responses import Response

from dataflows.errors import UnknownWorkflow
from dataflows.events import Trigger
from dataflows.schedules import Cron
from dataflows.triggers import Starter
from dataflows.workflow import Workflow
from interpreter import operations
from interpreter.codec import is_json
from interpreter.service.answers import accepted, answer
from interpreter.service.call import Call
from interpreter.service.members import Members
from interpreter.service.problems import Problem
from interpreter.service.tags import check_tags

__all__ = ["chosen_id", "list_workflows", "start_execution"]


async def list_workflows(call: Call) -> Response:
    """What can be started here."""
    call.query()
    found = sorted(call.service.workflows, key=lambda each: (each.name, each.version))
    return answer({"workflows": [_describe(each) for each in found]})


async def start_execution(call: Call) -> Response:
    """Start one; answered when it is committed. The same id again is the same execution."""
    call.query()
    name, key = call.name("workflow"), call.idempotency_key()
    members = await call.members("id", "args", "kwargs", "event", "delay", "tags", "version")
    workflow = _find(call, name, members.whole("version"))
    args, kwargs = _arguments(workflow, members)
    tags = check_tags(members.of("tags", dict, "an object of texts"))
    new = operations.prepare(workflow, args, kwargs, chosen_id(members, key), members.duration("delay"), tags)
    if not is_json(new.payload):
        raise Problem("invalid", "The arguments are no JSON that can be stored as it is.")
    await call.desk.begin(new)
    location = call.location(new.id)
    return accepted({"id": new.id, "workflow": name, "version": workflow.version}, location)


def chosen_id(members: Members, key: str | None) -> str | None:
    """The key is the execution's id, unless the body names one; None: nobody has chosen one.

    :raises Problem: they differ.
    """
    id = members.text("id")
    if id is not None and key is not None and id != key:
        raise Problem("id-in-use", "The Idempotency-Key is the execution's id; the body names another one.")
    return id or key


def _find(call: Call, name: str, version: int | None) -> Workflow[..., Any]:
    versions = {each.version: each for each in call.service.workflows if each.name == name}
    if not versions:
        raise UnknownWorkflow(f"no workflow {name!r} is served here; GET /api/workflows lists those that are")
    found = versions.get(max(versions) if version is None else version)
    if found is None:
        raise UnknownWorkflow(f"workflow {name!r} is not served here in version {version}")
    return found


def _arguments(workflow: Workflow[..., Any], members: Members) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(members.of("args", list, "a list") or ())
    kwargs = members.of("kwargs", dict, "an object") or {}
    event = members.of("event", dict, "an object")
    if event is not None and (args or kwargs):
        raise Problem("invalid", "An event is all the arguments that there are.")
    try:
        if event is not None:
            args = (operations.read_event_for(workflow, event),)
        operations.check_arguments(workflow, args, kwargs)
    except (TypeError, ValueError) as error:
        raise Problem("invalid", f"Workflow {workflow.name!r} cannot be called so: {error}.") from None
    return args, kwargs


def _describe(workflow: Workflow[..., Any]) -> dict[str, Any]:
    return {
        "name": workflow.name,
        "version": workflow.version,
        "description": inspect.getdoc(workflow.function) or "",
        "signature": _signature(workflow),
        "triggers": [_describe_starter(each) for each in workflow.triggers],
    }


def _describe_starter(starter: Starter) -> dict[str, Any]:
    if isinstance(starter, Trigger):
        return {"kind": "event", "source": starter.source, "type": starter.type}
    if isinstance(starter, Cron):
        return {"kind": "cron", "expression": starter.expression, "tz": starter.tz}
    return {"kind": "every", "seconds": starter.interval.total_seconds()}


def _signature(workflow: Workflow[..., Any]) -> str:
    signature = inspect.signature(workflow.function)
    shown = [_shown(each) for each in signature.parameters.values()]
    return str(signature.replace(parameters=shown, return_annotation=inspect.Signature.empty))


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    """An annotation without quotes; a default only if it is a plain one, which has no secrets and no address."""
    if isinstance(parameter.annotation, str):
        parameter = parameter.replace(annotation=_Bare(parameter.annotation))
    if isinstance(parameter.default, bool | int | float | None) or parameter.default is inspect.Parameter.empty:
        return parameter
    return parameter.replace(default=_Bare("…"))


class _Bare(str):
    """A text that is its own representation."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
