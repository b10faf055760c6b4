"""Facts that stand for what a command could come to, where nothing is carried out.

Owns the table from what a machine asks for to a fact that answers it. The values in them are
placeholders, unless the command itself knows better.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dataflows.outcome import Value
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    CallbackOpened,
    ChildEnded,
    ChildStarted,
    Fact,
    Machine,
    MarkPatch,
    Open,
    OpenCallback,
    PatchMarked,
    Published,
    PublishValue,
    RunStep,
    SendSignal,
    SetTimer,
    SignalReceived,
    SignalSent,
    Slept,
    StartChild,
    StepBegun,
    StepEnded,
    StepStopped,
    StopChild,
    StopStep,
)
from interpreter.testing.placeholders import kind_of_answer, stand_in

__all__ = ["answer", "late"]


def answer(machine: Machine, action: Open) -> Fact | None:
    """A fact that settles what is open; None: there is none for this kind."""
    make = _ANSWERS.get(type(action))
    return None if make is None else make(machine, action)


def late(machine: Machine, moment: object) -> datetime:
    """The later of the machine's time and a moment, which may be a placeholder."""
    return max(machine.clock, moment) if type(moment) is datetime else machine.clock


def _step_ended(machine: Machine, action: RunStep) -> Fact:
    result = stand_in(action.name, kind_of_answer(action.command.fn), action.position)
    return StepEnded(action.position, action.name, action.branch, outcome=Value(result))


def _received(machine: Machine, action: AwaitSignal) -> Fact:
    payload = stand_in(action.name, action.command.type, action.position)
    return SignalReceived(action.name, payload, machine.clock, action.command.key)


def _child_ended(machine: Machine, action: AwaitChild | StopChild) -> Fact:
    result = stand_in(action.name, None, action.position)
    return ChildEnded(action.position, action.name, action.branch, outcome=Value(result))


def _child_started(machine: Machine, action: StartChild) -> Fact:
    given = action.command.id
    return ChildStarted(
        action.position, action.name, action.branch, id=f"id of {action.name}" if given is None else given
    )


def _callback_opened(machine: Machine, action: OpenCallback) -> Fact:
    return CallbackOpened(action.position, action.name, action.branch, url=f"url of {action.name}")


def _plain(fact: Callable[..., Fact], **details: Any) -> Callable[[Machine, Any], Fact]:
    return lambda machine, action: fact(action.position, action.name, action.branch, **details)


_ANSWERS: dict[type[Any], Callable[[Machine, Any], Fact]] = {
    RunStep: _step_ended,
    BeginStep: _plain(StepBegun),
    StopStep: _plain(StepStopped),
    SetTimer: _plain(Slept),
    AwaitSignal: _received,
    SendSignal: _plain(SignalSent, outcome=Value(None)),
    PublishValue: _plain(Published, outcome=Value(None)),
    OpenCallback: _callback_opened,
    StartChild: _child_started,
    AwaitChild: _child_ended,
    StopChild: _child_ended,
    MarkPatch: _plain(PatchMarked),
}
