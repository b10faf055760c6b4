"""Starting an execution: which workflow is meant, its arguments encoded, its row inserted once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dataflows.arguments import check_call
from dataflows.duration import Duration, to_timedelta
from dataflows.errors import IdInUse, NotFound
from dataflows.names import check_name
from dataflows.workflow import Workflow, registry
from interpreter.machine import ENDED
from interpreter.operations.host import Host, NewExecution
from interpreter.operations.messages import HAS_ENDED, signal_message
from interpreter.operations.tags import to_json
from interpreter.requests import Operation, Pause, Query
from interpreter.store.identifiers import new_seed, time_ordered_id
from interpreter.store.records import Parent
from interpreter.store.rows import FORMAT, started_payload

__all__ = ["find_workflow", "is_there", "prepare", "start", "start_query", "start_with_signal", "to_start"]


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


def to_start(
    workflow: Callable[..., Any] | str,
    version: int | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    id: str | None,
    delay: Duration,
    tags: Mapping[str, str] | None,
) -> NewExecution:
    """What is to be started for somebody who says so in code: a workflow that is found here, and takes these arguments.

    :raises UnknownWorkflow, TypeError: as of ``find_workflow``.
    :raises WrongArguments: the workflow takes others.
    :raises CannotStore, ValueError: as of ``prepare``.
    """
    found = find_workflow(workflow, version)
    check_call("start", found.name, found.function, args, kwargs)
    return prepare(found, args, kwargs, id, delay, tags)


def prepare(
    workflow: Workflow[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    id: str | None,
    delay: Duration,
    tags: Mapping[str, str] | None,
    parent: Parent | None = None,
) -> NewExecution:
    """Check and encode what a start was given.

    :param parent: the execution that starts it; None: a client does.
    :raises CannotStore: an argument cannot be stored.
    :raises ValueError: an id, tag or delay that cannot be.
    """
    execution_id = time_ordered_id() if id is None else check_name(id, "an execution's id")
    payload = started_payload(f"the arguments of workflow {workflow.name!r}", args, kwargs, new_seed())
    return NewExecution(execution_id, workflow, payload, to_json(tags), to_timedelta(delay), parent)


def start(new: NewExecution, host: Host | None = None) -> Operation[bool]:
    """Start it, unless it is there: the same id again means the same execution, whatever its arguments.

    :returns: whether it is there now; False: the execution that would have started it has ended.
    :raises IdInUse: the id belongs to an execution of another workflow, or one that another execution started.
    """
    made_here = host.start_here(new) if host is not None and not new.delay else None
    if made_here is not None:
        made = yield Pause(None, made_here)
    else:
        made = yield start_query(new)
    return bool(made) or (yield from is_there(new))


def start_query(new: NewExecution) -> Query:
    """The statement that starts it, where nobody has this id; it answers a row if so."""
    return Query("start", _start_parameters(new))


def is_there(new: NewExecution) -> Operation[bool]:
    """Whether what was to be started is there already.

    :raises IdInUse: under its id there is something else.
    """
    for workflow, is_of_a_former, *parent in (yield Query("whose_is", {"id": new.id})):
        if workflow != new.workflow.name:
            raise IdInUse(f"id {new.id!r} belongs to an execution of workflow {workflow!r}")
        if is_of_a_former and new.parent is not None:
            whose = f"an execution {new.parent.id!r} that has been deleted"
            raise IdInUse(f"id {new.id!r} belongs to an execution that {whose} has started: delete it, too")
        if not _is_of(new.parent, *parent):
            whose = "a client" if parent[0] is None else f"execution {parent[0]!r}"
            raise IdInUse(f"id {new.id!r} belongs to an execution that {whose} has started, for itself")
        return True
    return new.parent is None  # it was there, and somebody has deleted it since


def _is_of(expected: Parent | None, id: str | None, generation: int | None, position: str | None) -> bool:
    if expected is None or expected.position is None:
        return position is None and id == (expected and expected.id)
    return (id, generation, position) == expected[:3]


def start_with_signal(
    new: NewExecution, name: str, payload: Any = None, message_id: str | None = None
) -> Operation[bool]:
    """Start it, unless it is there, and signal it, as one act: either both are committed, or none.

    :param message_id: sent twice under one id the signal arrives once; a payload that differs is ignored.
    :returns: whether the signal is new; False: its id was used before.
    :raises IdInUse: the execution's id belongs to an execution of another workflow.
    :raises NotFound: the execution has ended.
    :raises CannotStore: the payload cannot be stored.
    """
    message = signal_message(name, payload, message_id)
    parameters = {
        **_start_parameters(new),
        "message_id": message.id,
        "signal": message.name,
        "signal_encoding": message.payload.encoding,
        "signal_payload": message.payload.data,
    }
    sent = known = False
    while not (sent or known):  # else it waited for another that started it, sent under this id, or ended it
        sent, known, workflow, now, _ = (yield Query("start_with_signal", parameters))[0]
        if sent or workflow is None:
            continue
        if workflow != new.workflow.name:
            raise IdInUse(f"id {new.id!r} belongs to an execution of workflow {workflow!r}")
        if now in ENDED and not known:
            raise NotFound(f"execution {new.id!r} {HAS_ENDED[now]}")
    return bool(sent)


def _start_parameters(new: NewExecution) -> dict[str, Any]:
    parent, generation, position, branch = new.parent or (None, None, None, None)
    return {
        "parent": parent,
        "generation": generation,
        "position": position,
        "branch": branch,
        "id": new.id,
        "workflow": new.workflow.name,
        "version": new.workflow.version,
        "delay": new.delay,
        "format": FORMAT,
        "tags": new.tags,
        "encoding": new.payload.encoding,
        "payload": new.payload.data,
    }
