"""The commands a workflow yields: frozen values, without behaviour.

A command says what is wanted; what carries it out is not known here. Every command can be
yielded (``x = yield step(...)``) and yielded from (``x = yield from step(...)``, which type
checkers follow): iterating a command yields the command itself and returns its answer.

Commands compare by kind, name and arguments, so a unit test can say
``assert next(flow) == step("fetch-item", fetch, 42)``. A step's options (``retry=``,
``timeout=``, ``on=``, ``once=``, ``limit=``) do not take part.

Build them with the verbs of ``dataflows.verbs``, which check what they are given.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Never, TypeAlias, TypeVar

from dataflows.frozen import frozen
from dataflows.retry import Retry

if TYPE_CHECKING:
    from dataflows.workflow import Workflow

__all__ = [
    "Branch",
    "Callback",
    "CancelTask",
    "Child",
    "Command",
    "ContinueAsNew",
    "Defer",
    "Flow",
    "Fork",
    "Gather",
    "Now",
    "Patched",
    "Publish",
    "Race",
    "RandomNumber",
    "RandomUuid",
    "Signal",
    "Sleep",
    "SleepUntil",
    "Start",
    "Step",
    "Task",
    "Wait",
    "Winner",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Command(Generic[T_co]):
    """What a workflow yields; ``T`` is the type of its answer."""

    __slots__ = ()

    def __iter__(self) -> Generator[Command[Any], Any, T_co]:
        answer: T_co = yield self
        return answer


Flow: TypeAlias = Generator[Command[Any], Any, T]
"""A running workflow, or a part of one: yields commands, is sent their answers, returns ``T``."""

Branch: TypeAlias = Command[T] | Flow[T]
"""What runs beside others in ``gather``, ``race`` and ``fork``: one command, or a generator."""


@frozen
class Step(Command[T_co]):
    """Run ``fn(*args, **kwargs)`` and journal what it came to.

    :ivar once: its start is journaled first, and it never starts again.
    :ivar limit: the name of a limit that it shares with steps of other executions.
    :ivar transaction: ``fn`` is given a connection first, and its commit holds the journal's entry too.
    """

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    retry: Retry | None = field(default=None, compare=False)
    timeout: timedelta | None = field(default=None, compare=False)
    on: str | None = field(default=None, compare=False)
    once: bool = field(default=False, compare=False)
    limit: str | None = field(default=None, compare=False)
    transaction: bool = False


@frozen
class Defer(Command[None]):
    """Run this step if the execution fails or is cancelled; the last that was deferred runs first."""

    step: Step[Any]


@frozen
class Sleep(Command[None]):
    """Go on when this much time has passed since the sleep was reached."""

    name: str
    duration: timedelta


@frozen
class SleepUntil(Command[None]):
    """Go on at this moment; at once if it has passed."""

    name: str
    when: datetime


@frozen
class Wait(Command[T_co]):
    """Go on with the payload of the next signal of this name; with a key, of this name and key."""

    name: str
    type: type[Any] | None = None
    key: str | None = None
    timeout: timedelta | None = None
    has_default: bool = False
    default: Any = None


@frozen
class Callback(Command[str]):
    """Open an address outside at which this question can be answered once, and go on with its URL."""

    name: str
    title: str
    text: str = ""
    choices: tuple[str, ...] = ()
    valid_for: timedelta | None = None


@frozen
class Signal(Command[None]):
    """Send a signal to another execution, and go on when it has arrived in its inbox."""

    execution_id: str
    name: str
    payload: Any = None


@frozen
class Publish(Command[None]):
    """Set a value that can be read from outside under this key."""

    key: str
    value: Any


@frozen
class Child(Command[T_co]):
    """Run another execution, and go on with its result."""

    workflow: Workflow[..., Any]
    args: tuple[Any, ...] = ()
    id: str | None = None


@frozen
class Start(Command[str]):
    """Start another execution, and go on with its id."""

    workflow: Workflow[..., Any]
    args: tuple[Any, ...] = ()
    id: str | None = None


@frozen
class ContinueAsNew(Command[Never]):
    """Begin again with these arguments and an empty journal, under the same id."""

    args: tuple[Any, ...] = ()


@frozen
class Gather(Command[T_co]):
    """Go on with a tuple of all answers, when every branch has ended."""

    branches: tuple[Branch[Any], ...]
    limit: int | None = None


@frozen
class Race(Command[T_co]):
    """Go on with the first answer, when the other branches have been cancelled."""

    branches: tuple[tuple[str, Branch[Any]], ...]


@frozen
class Fork(Command[T_co]):
    """Start the branch and go on with its ``Task``."""

    branch: Branch[Any]


@frozen
class Task(Command[T_co]):
    """A branch that was started with ``fork``; yield it to get its answer, as often as you like.

    :ivar position: where the ``fork`` stands; with the execution, it identifies the task.
    """

    position: tuple[int, ...]


@frozen
class CancelTask(Command[None]):
    """Cancel the task and go on when it has cleaned up."""

    task: Task[Any]


@frozen
class Now(Command[datetime]):
    """Go on with the journal's time: that of the last outcome the workflow has seen."""


@frozen
class RandomUuid(Command[uuid.UUID]):
    """Go on with a random UUID that is the same on every replay."""


@frozen
class RandomNumber(Command[float]):
    """Go on with a random number in [0, 1) that is the same on every replay."""


@frozen
class Patched(Command[bool]):
    """Go on with True where new code got here first, and with False where older code has passed."""

    change: str


@frozen
class Winner(Generic[T_co]):
    """The answer of ``race``: the keyword of the branch that ended first, and what it came to."""

    name: str
    value: T_co
