"""Where an execution now stands: its journal, applied to a machine that nobody drives.

Owns this one look. Nothing is carried out and nothing is written; only the workflow's own code
runs, up to the place where it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflows.logs import replaying
from dataflows.workflow import Workflow
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    End,
    Machine,
    MarkPatch,
    Open,
    OpenCallback,
    Placed,
    PublishValue,
    Recording,
    Renew,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
    StopChild,
    StopStep,
    fold,
    format_position,
)

__all__ = ["OpenCommand", "Standing", "open_commands", "stand"]


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """A command that has no outcome yet.

    :ivar position: like ``"3.0.2"``.
    :ivar kind: ``step``, ``sleep`` or ``wait``.
    :ivar branch: the race branches it is in, like ``"paid/card"``, or "".
    :ivar attempt: of a step, which attempt is next or under way, from 1.
    :ivar due_at: when a sleep is over, a wait times out, or a step may be tried again.
    """

    position: str
    kind: str
    name: str
    branch: str
    attempt: int | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an execution stands.

    :ivar places: ``file:line: text`` of each yield at which it stands; none before it has begun and after its end.
    :ivar open: what it waits for there.
    """

    places: list[str]
    open: list[OpenCommand]


def stand(workflow: Workflow[..., Any], recording: Recording) -> Standing:
    """Tell where in its source an execution stands, by this code.

    :raises Mismatch: its journal and the code disagree.
    """
    token = replaying.set(True)
    try:
        machine = fold(workflow, recording.entries)
        standing = Standing(machine.where(), open_commands(machine))
        machine.abandon()
        return standing
    finally:
        replaying.reset(token)


def open_commands(machine: Machine) -> list[OpenCommand]:
    """What a machine waits for."""
    return [_open_command(action) for action in machine.open.values() if not isinstance(action, End | Renew)]


def _open_command(action: Placed) -> OpenCommand:
    number = action.number if isinstance(action, RunStep) else None
    return OpenCommand(
        format_position(action.position), _KINDS[type(action)], action.name, action.branch, number, _due(action)
    )


def _due(action: Open) -> datetime | None:
    if isinstance(action, SetTimer | AwaitSignal):
        return action.due
    return action.not_before if isinstance(action, RunStep) else None


_KINDS: dict[type[Placed], str] = {
    RunStep: "step",
    BeginStep: "step",
    StopStep: "step",
    SetTimer: "sleep",
    AwaitSignal: "wait",
    SendSignal: "signal",
    PublishValue: "publish",
    OpenCallback: "callback",
    StartChild: "child",
    AwaitChild: "child",
    StopChild: "child",
    MarkPatch: "patched",
}
