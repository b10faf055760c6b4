"""What a machine asks its driver to do.

``Machine.open`` maps each position to the one action wanted there; ``Machine.actions()``
gives what changed. An action is what is still wanted, so a driver may carry it out late,
or in another process; what comes of it returns as a proposed fact.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from dataflows.commands import Callback, Child, Publish, Signal, Start, Step, Wait
from dataflows.frozen import frozen
from dataflows.outcome import Outcome
from dataflows.retry import Retry
from interpreter.machine.entries import SignalReceived
from interpreter.machine.position import Position
from interpreter.machine.status import Status

__all__ = [
    "Action",
    "AwaitChild",
    "AwaitSignal",
    "BeginStep",
    "Close",
    "End",
    "Finishing",
    "MarkPatch",
    "Open",
    "OpenCallback",
    "Placed",
    "PublishValue",
    "Renew",
    "RunStep",
    "SendSignal",
    "SetTimer",
    "StartChild",
    "StopChild",
    "StopStep",
]


@frozen
class Wanted:
    """What an action is for: a command, by where it stands, its name, and the race branches it is in."""

    position: Position
    name: str
    branch: str


# Steps and timers -------------------------------------------------------------------------------


@frozen
class RunStep(Wanted):
    """Run an attempt at a step, and propose ``StepEnded`` or ``AttemptFailed``.

    Found open after a replay, a step with ``once`` may have run: propose its end, with ``StepInterrupted``.

    :ivar number: which attempt, from 1.
    :ivar failures: how many attempts count against ``Retry(attempts=)``.
    :ivar opened_at: when the step was first reached.
    :ivar not_before: the back-off's end, or None.
    :ivar seed: feeds the jitter.
    """

    number: int
    failures: int
    opened_at: datetime
    not_before: datetime | None
    seed: str
    command: Step[Any] = field(compare=False, repr=False)
    retry: Retry = field(compare=False, repr=False)


@frozen
class BeginStep(Wanted):
    """Propose ``StepBegun``: that a step with ``once`` may have run is journaled before it runs."""

    command: Step[Any] = field(compare=False, repr=False)


@frozen
class StopStep(Wanted):
    """Stop the attempt at a step; propose what it came to, or ``StepStopped`` if nothing runs there."""


@frozen
class SetTimer(Wanted):
    """Propose ``Slept`` when it is due.

    :ivar length: how long it sleeps; None: until a moment that was named.
    """

    due: datetime
    length: timedelta | None = field(default=None, compare=False)


@frozen
class AwaitSignal(Wanted):
    """Messages are awaited; propose ``WaitTimedOut`` at the deadline, if there is one."""

    due: datetime | None
    command: Wait[Any] = field(compare=False, repr=False)


# Other executions -------------------------------------------------------------------------------


@frozen
class Finishing(Wanted):
    """What is not called back: cancelled, it is done all the same, and ``Cancelled`` arrives instead of its answer.

    :ivar stopping: it was cancelled.
    """

    stopping: bool = field(default=False, kw_only=True)


@frozen
class SendSignal(Finishing):
    """Send it, once, and propose ``SignalSent``."""

    command: Signal = field(compare=False, repr=False)


@frozen
class PublishValue(Finishing):
    """Propose ``Published``; the entry is what is read from outside."""

    command: Publish = field(compare=False, repr=False)


@frozen
class OpenCallback(Finishing):
    """Open an address at which the question is answered, and propose ``CallbackOpened``."""

    command: Callback = field(compare=False, repr=False)


@frozen
class StartChild(Finishing):
    """Start an execution, unless it is there, and propose ``ChildStarted``; if the id is another's, ``ChildEnded``."""

    command: Child[Any] | Start = field(compare=False, repr=False)


@frozen
class AwaitChild(Wanted):
    """Propose ``ChildEnded`` when that execution has ended."""

    child_id: str


@frozen
class StopChild(Wanted):
    """Cancel that execution, and propose ``ChildEnded`` when it has ended."""

    child_id: str


# The execution itself ---------------------------------------------------------------------------


@frozen
class MarkPatch(Finishing):
    """Propose ``PatchMarked``. It stands where the next command will, since it has no position of its own."""


@frozen
class Renew:
    """The workflow begins again: propose ``Renewed``, with a fresh journal. It stands at the empty position.

    It changes with every signal that still comes, and with a cancellation.

    :ivar args: of the fresh journal's ``Started``.
    :ivar signals: those that nobody has consumed, in their order: the fresh journal begins with them.
    :ivar cancel_requested: somebody has asked to cancel the execution since, and it is the fresh journal's to tell.
    """

    position: ClassVar[Position] = ()
    args: tuple[Any, ...]
    signals: tuple[SignalReceived, ...]
    cancel_requested: bool


@frozen
class End:
    """The workflow has ended: propose ``Ended``. It stands at the empty position."""

    position: ClassVar[Position] = ()
    status: Status
    outcome: Outcome[Any]


@frozen
class Close:
    """Nothing is wanted at this position any more."""

    position: Position


Placed: TypeAlias = (
    RunStep
    | BeginStep
    | StopStep
    | SetTimer
    | AwaitSignal
    | SendSignal
    | PublishValue
    | OpenCallback
    | StartChild
    | AwaitChild
    | StopChild
    | MarkPatch
)
"""What is wanted for a command."""

Open: TypeAlias = Placed | Renew | End
Action: TypeAlias = Open | Close
