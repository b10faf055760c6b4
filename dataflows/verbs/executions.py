"""Other executions, and this one anew: ``child``, ``start``, ``continue_as_new``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from dataflows.commands import Child, ContinueAsNew, Flow, Start
from dataflows.names import check_name
from dataflows.workflow import Workflow

__all__ = ["child", "continue_as_new", "start"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def child(workflow: Callable[[*Ts], Flow[T]], /, *args: *Ts, id: str | None = None) -> Child[T]:
    """Run another execution and answer its result; cancelled with this one, it is waited for.

    What it fails with arrives as the same exception, with a note that names the child; a child that somebody
    else has cancelled, as ``ExecutionCancelled``.

    :param id: default: derived from this execution's id and the place of the command. An id that belongs to an
        execution of another workflow, or of another parent, is ``IdInUse`` at the ``yield``.
    :raises TypeError: what is to be run has no ``@workflow``, or was called.
    """
    return Child(_checked("child", workflow), args, _checked_id(id))


def start(workflow: Callable[[*Ts], Flow[Any]], /, *args: *Ts, id: str | None = None) -> Start:
    """Start another execution, which goes its own way, and answer its id.

    :param id: as for ``child``.
    :raises TypeError: what is to be started has no ``@workflow``, or was called.
    """
    return Start(_checked("start", workflow), args, _checked_id(id))


def continue_as_new(*args: Any) -> ContinueAsNew:
    """Begin this workflow again with these arguments, an empty journal, the same id, and the signals not yet consumed.

    Nothing follows it: write ``return (yield from continue_as_new(...))``. Plain code in ``finally`` still runs, and
    commands there do not. Only the workflow itself can do it, no branch or task, and only with nothing deferred.
    """
    return ContinueAsNew(args)


def _checked(verb: str, workflow: object) -> Workflow[..., Any]:
    if isinstance(workflow, Workflow):
        return workflow
    if inspect.isgenerator(workflow):
        workflow.close()
        advice = f"write {verb}(workflow, argument, …), without calling it"
    else:
        advice = "decorate it with @workflow"
    raise TypeError(f"{verb}(...) takes a workflow, not {workflow!r}; {advice}")


def _checked_id(id: str | None) -> str | None:
    return None if id is None else check_name(id, "an execution's id")
