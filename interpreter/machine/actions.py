"""What a machine asks its driver to do.

``Machine.open`` maps each position to the one action wanted there; ``Machine.actions()``
gives what changed. An action is what is still wanted, so a driver may carry it out late,
or in another process; what comes of it returns as a proposed fact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from dataflows.commands import Step, Wait
from dataflows.outcome import Outcome
from dataflows.retry import Retry
from interpreter.machine.position import Position
from interpreter.machine.status import Status

__all__ = ["Action", "AwaitSignal", "Close", "End", "Open", "RunStep", "SetTimer", "StopStep"]


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run an attempt at a step, and propose ``StepEnded`` or ``AttemptFailed``.

    :ivar number: which attempt, from 1.
    :ivar failures: how many attempts count against ``Retry(attempts=)``.
    :ivar opened_at: when the step was first reached.
    :ivar not_before: the back-off's end, or None.
    :ivar seed: feeds the jitter.
    """

    position: Position
    name: str
    branch: str
    number: int
    failures: int
    opened_at: datetime
    not_before: datetime | None
    seed: str
    command: Step[Any] = field(compare=False, repr=False)
    retry: Retry = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StopStep:
    """Stop the attempt at a step; propose what it came to, or ``StepStopped`` if nothing runs there."""

    position: Position
    name: str
    branch: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Propose ``Slept`` when it is due."""

    position: Position
    name: str
    branch: str
    due: datetime


@dataclass(frozen=True, slots=True)
class AwaitSignal:
    """Messages are awaited; propose ``WaitTimedOut`` at the deadline, if there is one."""

    position: Position
    name: str
    branch: str
    due: datetime | None
    command: Wait[Any] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """The workflow has ended: propose ``Ended``. It stands at the empty position."""

    status: Status
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing is wanted at this position any more."""

    position: Position


Open: TypeAlias = RunStep | StopStep | SetTimer | AwaitSignal | End
Action: TypeAlias = Open | Close
