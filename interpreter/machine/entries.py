"""The entries of a journal: each one fact about one execution, with its number and its time.

A fact that was not yet written is a proposal; the journal gives it ``seq`` and ``at`` and
makes it an entry. Values and exceptions stand here as themselves; their bytes are the codec's.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, TypeAlias

from dataflows.frozen import frozen
from dataflows.outcome import Outcome
from interpreter.machine.position import Position
from interpreter.machine.status import Status

__all__ = [
    "AttemptFailed",
    "Begun",
    "CallbackOpened",
    "CancelRequested",
    "ChildEnded",
    "ChildStarted",
    "Ended",
    "Entry",
    "Fact",
    "PatchMarked",
    "Published",
    "Renewed",
    "SignalReceived",
    "SignalSent",
    "Slept",
    "Started",
    "StepBegun",
    "StepEnded",
    "StepStopped",
    "Terminated",
    "WaitTimedOut",
]


@frozen
class Started:
    """The execution was accepted with these arguments. ``seed`` feeds ``uuid()``, ``random()`` and the jitter."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    seed: str = ""


@frozen
class Begun:
    """A scheduler took it up for the first time; the workflow's clock starts here.

    A further one says when a retry or a fork has let it go on from here.
    """


@frozen
class At:
    """What a fact about one command says of it: where it stands, its name, the race branches it is in."""

    position: Position
    name: str
    branch: str = ""


@frozen
class StepBegun(At):
    """A step with ``once`` may run from now on, and never again."""


@frozen
class StepEnded(At):
    """The step's outcome; it never runs again."""

    outcome: Outcome[Any] = field(kw_only=True)


@frozen
class AttemptFailed(At):
    """An attempt failed, and another starts no earlier than ``retry_at``."""

    error: BaseException = field(kw_only=True)
    retry_at: datetime = field(kw_only=True)


@frozen
class StepStopped(At):
    """A cancelled step has come to rest without an outcome."""


@frozen
class Slept(At):
    """The sleep is over."""


@frozen
class WaitTimedOut(At):
    """The wait's deadline has passed.

    :ivar is_error: it has no default, and raises; told to whoever reads the journal, the machine knows by itself.
    """

    is_error: bool = field(default=False, compare=False)


@frozen
class SignalSent(At):
    """The signal is in the other execution's inbox, or cannot be sent."""

    outcome: Outcome[Any] = field(kw_only=True)


@frozen
class Published(At):
    """The value that is read under this name from now on, or why it could not be stored."""

    outcome: Outcome[Any] = field(kw_only=True)


@frozen
class CallbackOpened(At):
    """Its question can be answered at this address. The answer comes as a signal of that name."""

    url: str = field(kw_only=True)


@frozen
class ChildStarted(At):
    """There is an execution of this id, whose parent this one is; or which it has started to go its own way."""

    id: str = field(kw_only=True)


@frozen
class ChildEnded(At):
    """What the child came to, as it ended itself; or why it could not be started."""

    outcome: Outcome[Any] = field(kw_only=True)


@frozen
class PatchMarked(At):
    """New code has got to this change first. The position, that of the next command, is for people."""


@frozen
class SignalReceived:
    """A signal, with the moment it was sent. It has no position: the machine finds the wait it is for.

    :ivar key: of the event that it is, or None.
    """

    name: str
    payload: Any
    sent_at: datetime
    key: str | None = None


@frozen
class CancelRequested:
    """Somebody asked to cancel the execution."""


@frozen
class Ended:
    """The workflow has ended; nothing follows in this generation of the journal."""

    status: Status
    outcome: Outcome[Any]


@frozen
class Renewed:
    """The workflow begins again; nothing follows in this generation of the journal."""


@frozen
class Terminated:
    """The execution was ended from outside, and the workflow was not asked; nothing that follows counts.

    :ivar status: ``cancelled`` if a person did it, ``failed`` if it was over a limit.
    """

    status: Status
    error: BaseException


Fact: TypeAlias = (
    Started
    | Begun
    | StepBegun
    | StepEnded
    | AttemptFailed
    | StepStopped
    | Slept
    | WaitTimedOut
    | SignalSent
    | Published
    | CallbackOpened
    | ChildStarted
    | ChildEnded
    | PatchMarked
    | SignalReceived
    | CancelRequested
    | Ended
    | Renewed
    | Terminated
)


@frozen
class Entry:
    """One line of a journal.

    :ivar seq: 1, 2, 3, … without a gap, within one generation.
    :ivar at: when, by the database's clock; never before the entry before it.
    """

    seq: int
    at: datetime
    fact: Fact
