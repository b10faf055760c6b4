"""What a cancellation does to the action that the cancelled fiber is blocked at.

Either ``Cancelled`` arrives at once, or something has to come to rest first, and it arrives
instead of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from interpreter.machine.actions import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    MarkPatch,
    OpenCallback,
    PublishValue,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
    StopChild,
    StopStep,
)
from interpreter.machine.scopes import cancellation

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["CANCELLATIONS"]


def _stop_step(machine: Machine, action: RunStep) -> None:
    machine.set_open(action.position, StopStep(action.position, action.name, action.branch))


def _stop_child(machine: Machine, action: AwaitChild) -> None:
    machine.set_open(action.position, StopChild(action.position, action.name, action.branch, action.child_id))


def _let_finish(machine: Machine, action: SendSignal | PublishValue | OpenCallback | StartChild | MarkPatch) -> None:
    machine.set_open(action.position, replace(action, stopping=True))


def _overtake(machine: Machine, action: SetTimer | AwaitSignal | BeginStep) -> None:
    machine.overtake(action, cancellation())


CANCELLATIONS: dict[type[Any], Callable[[Machine, Any], None]] = {
    RunStep: _stop_step,
    AwaitChild: _stop_child,
    StartChild: _let_finish,
    SendSignal: _let_finish,
    PublishValue: _let_finish,
    OpenCallback: _let_finish,
    MarkPatch: _let_finish,
    SetTimer: _overtake,
    AwaitSignal: _overtake,
    BeginStep: _overtake,
}
