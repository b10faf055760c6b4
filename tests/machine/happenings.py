"""What comes of each action in a world, and when: the driver's half of the tables that the machine has.

Nothing here knows the machine's state but the action, and since when it is wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dataflows.commands import Child
from dataflows.errors import Cancelled, CannotStore, IdInUse, NotFound
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import (
    AttemptFailed,
    AwaitChild,
    AwaitSignal,
    BeginStep,
    CallbackOpened,
    ChildEnded,
    ChildStarted,
    End,
    Ended,
    Fact,
    MarkPatch,
    Open,
    OpenCallback,
    PatchMarked,
    Placed,
    Published,
    PublishValue,
    Renew,
    Renewed,
    RunStep,
    SendSignal,
    SetTimer,
    SignalSent,
    Slept,
    StartChild,
    StepBegun,
    StepEnded,
    StepStopped,
    StopChild,
    StopStep,
    WaitTimedOut,
    after_failure,
)
from tests.machine.singles import UNSTORABLE, url_of
from tests.machine.world import World

__all__ = ["facts", "starts_at", "when"]


def when(world: World, action: Open, since: datetime) -> datetime | None:
    """The moment at which something comes of it, if nothing else happens before."""
    match action:
        case RunStep():
            taken = world.draw(world.longest + 1, "taken", action.position, action.number)
            return starts_at(action) + timedelta(seconds=taken)
        case SetTimer() | AwaitSignal():
            return action.due
        case End():
            return since
    most = 4 if isinstance(action, AwaitChild) else 2
    return since + timedelta(seconds=world.draw(most, type(action).__name__, action.position))


def starts_at(action: RunStep) -> datetime:
    return action.not_before or action.opened_at


def facts(world: World, action: Open, at: datetime) -> list[Fact]:
    """What comes of it; several are proposed in this order, and the later ones may come too late."""
    made = _FACTS[type(action)](world, action, at)
    return made if isinstance(made, list) else [made]


def _place(action: Placed) -> Any:
    return action.position, action.name, action.branch


def _attempted(world: World, action: RunStep, at: datetime) -> Fact:
    outcome = world.attempt(action)
    if isinstance(outcome, Error):
        return after_failure(action, outcome.exception, at)
    return StepEnded(*_place(action), outcome=outcome)


def _come_to_rest(world: World, action: StopStep, at: datetime) -> Fact:
    """A cancelled attempt may come to anything."""
    error = InterruptedError("while it was being stopped")
    rests: list[Fact] = [
        StepStopped(*_place(action)),
        StepEnded(*_place(action), outcome=Value("nobody sees this")),
        StepEnded(*_place(action), outcome=Error(error)),
        AttemptFailed(*_place(action), error=error, retry_at=at),
    ]
    return rests[world.draw(len(rests), "rest", action.position)]


def _sent(world: World, action: SendSignal, at: datetime) -> Fact:
    return SignalSent(*_place(action), outcome=outcome_of_sending(action.command.execution_id))


def outcome_of_sending(execution_id: str) -> Outcome[None]:
    return Error(NotFound(execution_id)) if execution_id == "nobody" else Value(None)


def _published(world: World, action: PublishValue, at: datetime) -> Fact:
    return Published(*_place(action), outcome=outcome_of_publishing(action.command.value))


def outcome_of_publishing(value: Any) -> Outcome[Any]:
    return Error(CannotStore(UNSTORABLE)) if value == UNSTORABLE else Value(value)


# Children: the fate is the child's argument, and its id tells it. ---------------------------------


def _child_started(world: World, action: StartChild, at: datetime) -> Fact | list[Fact]:
    [fate] = action.command.args
    started = ChildStarted(*_place(action), id=fate)
    if fate == "is another's":
        return ChildEnded(*_place(action), outcome=Error(IdInUse(action.name)))
    if fate == "ends early" and isinstance(action.command, Child):
        return [ChildEnded(*_place(action), outcome=Value("early")), started]
    return started


def _child_ended(world: World, action: AwaitChild, at: datetime) -> Fact:
    fates: dict[str, Outcome[Any]] = {
        "fails": Error(LookupError(f"in the child {action.name}")),
        "is cancelled": Error(Cancelled("by another")),
    }
    return ChildEnded(*_place(action), outcome=fates.get(action.child_id, Value(action.child_id)))


def _child_stopped(world: World, action: StopChild, at: datetime) -> Fact:
    """A cancelled child may come to anything."""
    rests: list[Outcome[Any]] = [
        Value("nobody sees this"),
        Error(Cancelled()),
        Error(OSError("in the child's cleanup")),
    ]
    return ChildEnded(*_place(action), outcome=rests[world.draw(len(rests), "child's rest", action.position)])


_FACTS: dict[type[Any], Callable[[World, Any, datetime], Fact | list[Fact]]] = {
    RunStep: _attempted,
    StopStep: _come_to_rest,
    BeginStep: lambda world, action, at: StepBegun(*_place(action)),
    SetTimer: lambda world, action, at: Slept(*_place(action)),
    AwaitSignal: lambda world, action, at: WaitTimedOut(*_place(action)),
    SendSignal: _sent,
    PublishValue: _published,
    OpenCallback: lambda world, action, at: CallbackOpened(*_place(action), url=url_of(action.name)),
    StartChild: _child_started,
    AwaitChild: _child_ended,
    StopChild: _child_stopped,
    MarkPatch: lambda world, action, at: PatchMarked(*_place(action)),
    End: lambda world, action, at: Ended(action.status, action.outcome),
    Renew: lambda world, action, at: Renewed(),
}
