"""Where the journal and the code disagree, in words that name the author's file and line.

Owns the comparison of a fact with what is open at its position: kind, name and branch names,
never arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dataflows.errors import CannotStore, Mismatch, PatchPassed
from dataflows.outcome import Error
from interpreter.machine.actions import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    End,
    MarkPatch,
    OpenCallback,
    Placed,
    PublishValue,
    Renew,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
    StopChild,
    StopStep,
)
from interpreter.machine.entries import (
    At,
    AttemptFailed,
    CallbackOpened,
    ChildEnded,
    ChildStarted,
    Ended,
    PatchMarked,
    Published,
    Renewed,
    SignalSent,
    Slept,
    StepBegun,
    StepEnded,
    StepStopped,
    Terminated,
    WaitTimedOut,
)
from interpreter.machine.places import source_line, workflow_line
from interpreter.machine.position import Position, format_position
from interpreter.machine.scopes import CancelScope, GatherScope, RaceScope, TaskScope

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = [
    "comes_late",
    "expect",
    "expect_answered",
    "expect_child",
    "expect_end",
    "expect_not_ended",
    "expect_renewal",
    "expect_step",
]

PlacedT = TypeVar("PlacedT", bound=Placed)

_KINDS: dict[type[Any], str] = {
    RunStep: "step",
    BeginStep: "start of step",
    StopStep: "cancelled step",
    SetTimer: "sleep",
    AwaitSignal: "wait",
    SendSignal: "sending of signal",
    PublishValue: "publishing of",
    OpenCallback: "callback",
    StartChild: "start of child",
    AwaitChild: "child",
    StopChild: "cancelled child",
    MarkPatch: "patched",
    StepBegun: "start of step",
    StepEnded: "step",
    AttemptFailed: "step",
    StepStopped: "cancelled step",
    Slept: "sleep",
    WaitTimedOut: "wait",
    SignalSent: "sending of signal",
    Published: "publishing of",
    CallbackOpened: "callback",
    ChildStarted: "start of child",
    ChildEnded: "child",
    PatchMarked: "patched",
    GatherScope: "a gather",
    RaceScope: "a race",
    TaskScope: "a task",
    CancelScope: "the cancelling of a task",
}


def expect(machine: Machine, fact: At, kind: type[PlacedT]) -> PlacedT:
    """The action that is open where the fact stands.

    :raises Mismatch: there is none, or it is of another kind, name or branch.
    """
    action = machine.open.get(fact.position)
    if not isinstance(action, kind) or not _same_name(action, fact):
        raise _disagreement(machine, fact)
    return action


def expect_step(machine: Machine, fact: At) -> RunStep | StopStep:
    """The step that is open where the fact stands, wanted or being stopped.

    :raises Mismatch: as ``expect``.
    """
    action = machine.open.get(fact.position)
    if isinstance(action, (RunStep, StopStep)) and _same_name(action, fact):
        return action
    raise _disagreement(machine, fact)


def expect_child(machine: Machine, fact: ChildEnded) -> StartChild | AwaitChild | StopChild:
    """The child that is open where the fact stands; it may end before its start is journaled.

    :raises Mismatch: as ``expect``.
    """
    action = machine.open.get(fact.position)
    if isinstance(action, StartChild | AwaitChild | StopChild) and _same_name(action, fact):
        return action
    raise _disagreement(machine, fact)


def expect_answered(machine: Machine, fact: PatchMarked) -> None:
    """The change has been answered so before.

    :raises Mismatch: the code does not ask it, here or before.
    """
    if not machine.patches.get(fact.name):
        raise _disagreement(machine, fact)


def comes_late(machine: Machine, fact: Slept | WaitTimedOut | StepBegun | ChildStarted) -> bool:
    """Whether it stands in the same commit as what closed its action before: a late one is ignored."""
    action = machine.overtaken.get(fact.position)
    return action is not None and _KINDS[type(action)] == _KINDS[type(fact)] and _same_name(action, fact)


def expect_end(machine: Machine, fact: Ended) -> None:
    """A result, or an argument to continue with, that could not be stored has failed it; that is no disagreement.

    :raises Mismatch: the workflow has not ended, or not so.
    """
    end = machine.open.get(())
    if isinstance(end, End) and end.status is fact.status:
        return
    unstorable = isinstance(fact.outcome, Error) and isinstance(fact.outcome.exception, CannotStore)
    if not (isinstance(end, End | Renew) and unstorable):
        raise _disagreement(machine, fact)


def expect_renewal(machine: Machine, fact: Renewed) -> None:
    """The workflow begins again.

    :raises Mismatch: it does not, or not yet.
    """
    if not isinstance(machine.open.get(()), Renew):
        raise _disagreement(machine, fact)


def expect_not_ended(machine: Machine, fact: Terminated) -> None:
    """Its end is not journaled.

    :raises Mismatch: it is.
    """
    if machine.outcome is not None and not machine.open:
        raise _disagreement(machine, fact)


def _same_name(action: Placed, fact: At) -> bool:
    return action.name == fact.name and action.branch == fact.branch


def _disagreement(machine: Machine, fact: At | Ended | Renewed | Terminated) -> Mismatch:
    if machine.asked:
        return PatchPassed(machine.asked)
    position: Position = getattr(fact, "position", ())
    where = f"{format_position(position) or 'the end'} (entry {machine.seq})"
    journal, code, places = _describe_fact(fact), _describe_code(machine, position), _places(machine, position)
    lines = [
        f"the journal and the code of workflow {machine.workflow.name!r} disagree at {where}",
        f"  the journal has:  {journal}",
        f"  the code has:     {code}",
        *(f"  it stands at:     {line}" for line in places),
        "  Bring back the code that wrote this journal, or give the changed code a new version=, then resume.",
    ]
    return Mismatch("\n".join(lines), journal=journal, code=code, places=places)


def _describe_fact(fact: Any) -> str:
    if isinstance(fact, Ended | Terminated):
        return f"the workflow's end: {fact.status}"
    if isinstance(fact, Renewed):
        return "the workflow's beginning again"
    return f"{_KINDS[type(fact)]} {fact.name!r}{_in_branch(fact.branch)}"


def _describe_code(machine: Machine, position: Position) -> str:
    action = machine.open.get(position)
    if isinstance(action, End | Renew):
        return f"its end: {action.status}" if isinstance(action, End) else "its beginning again"
    if action is not None:
        return f"{_KINDS[type(action)]} {action.name!r}{_in_branch(action.branch)}"
    if machine.outcome is not None:
        return "its end"
    if not position:
        return "no end yet"
    fiber = machine.fibers.get(position[:-1])
    if fiber is not None and fiber.scope is not None and fiber.scope.position == position:
        return _KINDS[type(fiber.scope)]
    return "nothing there, yet or any more"


def _in_branch(branch: str) -> str:
    return f" in branch {branch!r}" if branch else ""


def _places(machine: Machine, position: Position) -> list[str]:
    fiber = machine.fibers.get(position[:-1]) if position else None
    fibers = [fiber] if fiber is not None else list(machine.fibers.values())[:3]
    places = dict.fromkeys(source_line(machine, fiber) for fiber in fibers)
    return list(places) or [f"the end of {workflow_line(machine)}"]
