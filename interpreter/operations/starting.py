"""Starting an execution: which workflow is meant, its arguments encoded, its row inserted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import IdInUse
from dataflows.names import check_name
from dataflows.workflow import Workflow, registry
from interpreter.operations.host import Host, NewExecution
from interpreter.operations.tags import to_json
from interpreter.requests import Operation, Pause, Query
from interpreter.store.identifiers import new_seed, time_ordered_id
from interpreter.store.rows import FORMAT, started_payload

__all__ = ["find_workflow", "prepare", "start"]


def find_workflow(workflow: Callable[..., Any] | str, version: int | None) -> Workflow[..., Any]:
    """The workflow that is meant: by itself, or by name (then the newest, unless a version is given).

    :raises UnknownWorkflow: not registered in this process.
    :raises TypeError: no workflow; often a plain function without ``@workflow``.
    """
    if isinstance(workflow, str):
        return registry.find(workflow, version)
    if not isinstance(workflow, Workflow):
        raise TypeError(f"start(...) takes a function decorated with @workflow, or its name, not {workflow!r}")
    return workflow if version is None or version == workflow.version else registry.find(workflow.name, version)


def prepare(
    workflow: Workflow[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    id: str | None,
    delay: Duration,
    tags: Mapping[str, str] | None,
) -> NewExecution:
    """Check and encode what a start was given.

    :raises CannotStore: an argument cannot be stored.
    :raises ValueError: an id, tag or delay that cannot be.
    """
    execution_id = time_ordered_id() if id is None else check_name(id, "an execution's id")
    payload = started_payload(f"the arguments of workflow {workflow.name!r}", args, kwargs, new_seed())
    return NewExecution(execution_id, workflow, payload, to_json(tags), to_timedelta(delay))


def start(new: NewExecution, host: Host | None = None) -> Operation[None]:
    """Start it, unless it is there: the same id again means the same execution, whatever its arguments.

    :raises IdInUse: the id belongs to an execution of another workflow.
    """
    future = host.start_here(new) if host is not None and not new.delay else None
    if future is not None:
        made = yield Pause(None, future)
    else:
        made = yield Query("start", _start_parameters(new), notify=None if new.delay else "")
    if not made:
        found = yield Query("look_up", {"id": new.id})
        if found and found[0][0] != new.workflow.name:
            raise IdInUse(f"id {new.id!r} belongs to an execution of workflow {found[0][0]!r}")


def _start_parameters(new: NewExecution) -> dict[str, Any]:
    return {
        "id": new.id,
        "workflow": new.workflow.name,
        "version": new.workflow.version,
        "delay": new.delay,
        "format": FORMAT,
        "tags": new.tags,
        "encoding": new.payload.encoding,
        "payload": new.payload.data,
    }
