"""The verbs on executions, each written once as a generator of requests.

Owns what a caller is told: which error, in which words. Knows the queries by name and nothing
of connections, threads or event loops.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import (
    ExecutionBlocked,
    ExecutionCancelled,
    IdInUse,
    NotFound,
    ResultTimeout,
)
from dataflows.names import check_name
from dataflows.workflow import Workflow, registry
from interpreter.codec import Encoded, decode, decode_error, encode
from interpreter.codec import describe as describe_encoded
from interpreter.machine import ENDED, Status
from interpreter.requests import Operation, Pause, Query
from interpreter.store.identifiers import new_seed, time_ordered_id
from interpreter.store.rows import FORMAT, Row, started_payload

__all__ = [
    "Execution",
    "HistoryEntry",
    "NewExecution",
    "cancel",
    "describe",
    "find_workflow",
    "history",
    "list_executions",
    "prepare",
    "result",
    "resume",
    "signal",
    "start",
    "status",
]


_LOOK = 0.5
_LONGEST_LOOK = 1.0
"""Seconds between looks whether an execution has ended; where it is held here, a future tells at once."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What the database says of an execution.

    :ivar due_at: when it goes on by itself, as text; None if it waits for a message, runs, or has ended.
    :ivar problem: why it is blocked.
    """

    id: str
    workflow: str
    version: int
    status: Status
    created_at: datetime
    ended_at: datetime | None
    due_at: str | None
    tags: dict[str, str]
    problem: str | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A line of an execution's journal, for people.

    :ivar kind: ``started``, ``begun``, ``step``, ``attempt`` (a failed one), ``sleep``, ``timeout``, ``signal``,
        ``cancel``, ``stopped``, or the status it ended with.
    :ivar position: where its command stands, like ``"3.0.2"``; None for the whole execution.
    :ivar ok: whether the outcome is a value; None where there is no outcome.
    :ivar text: the value, or the error, as text; shortened.
    :ivar moment: of a failed attempt, when the next may start; of a signal, when it was sent.
    """

    seq: int
    at: datetime
    kind: str
    position: str | None
    name: str | None
    branch: str | None
    ok: bool | None
    text: str
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class NewExecution:
    """An execution about to be started."""

    id: str
    workflow: Workflow[..., Any]
    payload: Encoded
    tags: str | None
    delay: timedelta


Watch: TypeAlias = Future[tuple[Status, Row | str]]
"""The status in which an execution ended, with its result row; or that it is blocked, with the problem."""


class Host(Protocol):
    """What a scheduler in this process does for a verb, beyond the database."""

    def start_here(self, new: NewExecution) -> Future[bool] | None:
        """Start and hold it at once; None if there is no room."""
        ...

    def hint(self) -> None:
        """There may be something to claim."""
        ...

    def holds(self, execution_id: str) -> bool:
        """Whether it is held in this process, so that ``watch`` will tell first."""
        ...

    def watch(self, execution_id: str) -> Watch:
        """Done when the execution ends, or is blocked, in this process; for as long as somebody holds it."""
        ...


# Starting ---------------------------------------------------------------------------------------


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
    return NewExecution(execution_id, workflow, payload, _tags(tags), to_timedelta(delay))


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


def _tags(tags: Mapping[str, str] | None) -> str | None:
    if not tags:
        return None
    for name, value in tags.items():
        check_name(name, "a tag's name")
        check_name(value, f"the value of tag {name!r}")
    return json.dumps(dict(tags))


# Messages ---------------------------------------------------------------------------------------


def signal(execution_id: str, name: str, payload: Any = None, *, id: str | None = None) -> Operation[bool]:
    """Send a signal; it waits in the execution's inbox until a ``wait`` of that name takes it.

    :param id: sent twice under one id it arrives once; a payload that differs is ignored.
    :returns: whether it is new; False: its id was used before.
    :raises NotFound: no such execution, or it has ended.
    :raises CannotStore: the payload cannot be stored.
    """
    check_name(name, "a signal's name")
    encoded = encode(payload, f"the payload of signal {name!r}")
    return (yield from _send(execution_id, "signal", id, name, encoded))


def cancel(execution_id: str) -> Operation[bool]:
    """Ask an execution to cancel: ``Cancelled`` arrives at its current yield, and its cleanup runs.

    :returns: whether this is the first request; a further one changes nothing.
    :raises NotFound: no such execution, or it has ended.
    """
    return (yield from _send(execution_id, "cancel", "cancel", None, Encoded("", b"")))


def _send(execution_id: str, kind: str, id: str | None, name: str | None, encoded: Encoded) -> Operation[bool]:
    # Cancels and signals have ids of their own; one that the sender did not name is made up, so that a
    # repeated statement (a lost connection) sends nothing twice.
    message_id = f"{kind}:{new_seed() if id is None else check_name(id, 'a message id')}"
    parameters = {"execution_id": execution_id, "kind": kind, "id": message_id, "name": name}
    payload = {"encoding": encoded.encoding or None, "payload": encoded.data or None}
    query = Query("send", {**parameters, **payload}, notify=execution_id)
    sent = known = found = None
    while not (sent or known):
        sent, known, found = (yield query)[0]
        if found is None or Status(found) in ENDED:
            break
        # Else it waited for another that sent under this id, or that ended the execution: look again, at what is now.
    if not (sent or known):
        raise NotFound(f"execution {execution_id!r} " + ("does not exist" if found is None else f"has {_ended(found)}"))
    return bool(sent)


def resume(execution_id: str) -> Operation[None]:
    """Try a blocked execution again, from its journal, with the code that is now there.

    :raises NotFound: no such execution, or it is not blocked.
    """
    if not (yield Query("resume", {"id": execution_id}, notify="")):
        found = yield from status(execution_id)
        raise NotFound(f"execution {execution_id!r} is not blocked; it is {found}")


# Looking ----------------------------------------------------------------------------------------


def status(execution_id: str) -> Operation[Status]:
    """Where the execution is in its life. :raises NotFound: there is none."""
    return (yield from describe(execution_id)).status


def describe(execution_id: str) -> Operation[Execution]:
    """What the database says of one execution. :raises NotFound: there is none."""
    rows = yield Query("look_up", {"id": execution_id})
    if not rows:
        raise NotFound(f"execution {execution_id!r} does not exist")
    workflow, version, now, _, problem, created_at, ended_at, due_at, tags, _, _ = rows[0]
    return Execution(
        execution_id, workflow, version, Status(now), created_at, ended_at, due_at, dict(tags or {}), problem
    )


def history(execution_id: str) -> Operation[list[HistoryEntry]]:
    """The execution's journal, in order. :raises NotFound: there is no such execution."""
    rows = yield Query("read_history", {"id": execution_id})
    if not rows:
        yield from describe(execution_id)
    return [
        HistoryEntry(seq, at, kind, position, name, branch, ok, _text(encoding, data), moment)
        for seq, at, kind, position, name, branch, ok, encoding, data, moment in rows
    ]


def list_executions(
    *,
    status: Status | None = None,
    workflow: str | None = None,
    tags: Mapping[str, str] | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Operation[list[Execution]]:
    """Executions, the newest first.

    :param before: the id of the last one of the page before.
    """
    wanted = {"status": None if status is None else Status(status).value, "workflow": workflow, "tags": _tags(tags)}
    rows = yield Query("list_executions", {**wanted, "before": before, "limit": limit})
    return [
        Execution(id, name, version, Status(now), created_at, ended_at, due_at, dict(found or {}), problem)
        for id, name, version, now, created_at, ended_at, due_at, found, problem in rows
    ]


# The result -------------------------------------------------------------------------------------


def result(
    execution_id: str, timeout: Duration | None = None, host: Host | None = None, watch: Watch | None = None
) -> Operation[Any]:
    """Wait until the execution has ended, and return what its workflow returned.

    :param timeout: how long to wait; default: for ever.
    :raises ResultTimeout: it has not ended by then; it goes on.
    :raises ExecutionCancelled, ExecutionBlocked: instead of a result.
    :raises Exception: what the workflow raised, as the same type where it can be rebuilt.
    """
    deadline = None if timeout is None else time.monotonic() + to_timedelta(timeout).total_seconds()
    if host is not None and (watch is None or watch.done()):
        watch = watch if watch is not None and watch.result()[0] in ENDED else host.watch(execution_id)
    told: tuple[Status, Row | str] | None = None
    if watch is not None and host is not None and (watch.done() or host.holds(execution_id)):
        told = yield Pause(_left(deadline, _LOOK), watch)
    for pause in _growing(0.01 if watch is None else _LOOK):
        told = told or (yield from _read_result(execution_id))
        if told is not None:
            return _open_result(execution_id, *told)
        if deadline is not None and time.monotonic() >= deadline:
            raise ResultTimeout(f"execution {execution_id!r} has not ended within {timeout}; it goes on")
        told = yield Pause(_left(deadline, pause), watch)


def _read_result(execution_id: str) -> Operation[tuple[Status, Row | str] | None]:
    rows = yield Query("read_result", {"id": execution_id})
    if not rows:
        raise NotFound(f"execution {execution_id!r} does not exist")
    now, problem, ok, encoding, data = rows[0]
    if now == Status.BLOCKED:
        return Status.BLOCKED, problem or ""
    return (Status(now), Row(now, ok=ok, encoding=encoding, data=data)) if Status(now) in ENDED else None


def _open_result(execution_id: str, ended: Status, told: Row | str) -> Any:
    if isinstance(told, str):
        raise ExecutionBlocked(f"execution {execution_id!r} is blocked: {told}")
    if ended is Status.CANCELLED:
        raise ExecutionCancelled(f"execution {execution_id!r} was cancelled")
    encoded = Encoded(told.encoding or "", told.data or b"")
    if ended is Status.COMPLETED:
        return decode(encoded)
    raise decode_error(encoded)


def _growing(pause: float) -> Iterable[float]:
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_LOOK)


def _left(deadline: float | None, most: float) -> float:
    return most if deadline is None else max(0.0, min(most, deadline - time.monotonic()))


def _text(encoding: str | None, data: bytes | None) -> str:
    return describe_encoded(Encoded(encoding, data or b"")) if encoding else ""


def _ended(status: str) -> str:
    return {"completed": "completed", "failed": "failed", "cancelled": "been cancelled"}.get(status, f"is {status}")
