"""The commands a workflow yields: frozen values, without behaviour.

A command says what is wanted; what carries it out is not known here. Every command can be
yielded (``x = yield step(...)``) and yielded from (``x = yield from step(...)``, which type
checkers follow): iterating a command yields the command itself and returns its answer.

Commands compare by kind, name and arguments, so a unit test can say
``assert next(flow) == step("fetch-item", fetch, 42)``. Engine options (``retry=``,
``timeout=``, ``on=``) do not take part.

Build them with the verbs of ``dataflows.verbs``, which check what they are given.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

from dataflows.retry import Retry

__all__ = [
    "Branch",
    "CancelTask",
    "Command",
    "Flow",
    "Fork",
    "Gather",
    "Now",
    "Race",
    "RandomNumber",
    "RandomUuid",
    "Sleep",
    "SleepUntil",
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


@dataclass(frozen=True, slots=True)
class Step(Command[T_co]):
    """Run ``fn(*args, **kwargs)`` and journal what it came to."""

    name: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    retry: Retry | None = field(default=None, compare=False)
    timeout: timedelta | None = field(default=None, compare=False)
    on: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Sleep(Command[None]):
    """Go on when this much time has passed since the sleep was reached."""

    name: str
    duration: timedelta


@dataclass(frozen=True, slots=True)
class SleepUntil(Command[None]):
    """Go on at this moment; at once if it has passed."""

    name: str
    when: datetime


@dataclass(frozen=True, slots=True)
class Wait(Command[T_co]):
    """Go on with the payload of the next signal of this name."""

    name: str
    type: type[Any] | None = None
    timeout: timedelta | None = None
    has_default: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Gather(Command[T_co]):
    """Go on with a tuple of all answers, when every branch has ended."""

    branches: tuple[Branch[Any], ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Race(Command[T_co]):
    """Go on with the first answer, when the other branches have been cancelled."""

    branches: tuple[tuple[str, Branch[Any]], ...]


@dataclass(frozen=True, slots=True)
class Fork(Command[T_co]):
    """Start the branch and go on with its ``Task``."""

    branch: Branch[Any]


@dataclass(frozen=True, slots=True)
class Task(Command[T_co]):
    """A branch that was started with ``fork``; yield it to get its answer, as often as you like.

    :ivar position: where the ``fork`` stands; with the execution, it identifies the task.
    """

    position: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CancelTask(Command[None]):
    """Cancel the task and go on when it has cleaned up."""

    task: Task[Any]


@dataclass(frozen=True, slots=True)
class Now(Command[datetime]):
    """Go on with the journal's time: that of the last outcome the workflow has seen."""


@dataclass(frozen=True, slots=True)
class RandomUuid(Command[uuid.UUID]):
    """Go on with a random UUID that is the same on every replay."""


@dataclass(frozen=True, slots=True)
class RandomNumber(Command[float]):
    """Go on with a random number in [0, 1) that is the same on every replay."""


@dataclass(frozen=True, slots=True)
class Winner(Generic[T_co]):
    """The answer of ``race``: the keyword of the branch that ended first, and what it came to."""

    name: str
    value: T_co
