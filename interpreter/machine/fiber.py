"""One running generator inside an execution.

Owns the generator: how it is sent an answer, and how it is let go. Knows nothing of what
its commands mean.
"""

from __future__ import annotations

import ctypes
from types import GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

from dataflows.commands import Command, Flow
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine.position import Position

if TYPE_CHECKING:
    from interpreter.machine.scopes import Scope

__all__ = ["Fiber"]

_THROWS = 10_000
"""How often a generator that is let go may yield again before it is kept for ever instead."""


class Fiber:
    """A generator, where its commands stand, and what it is blocked on.

    :ivar prefix: of its commands' positions.
    :ivar branch: the race branches it is in, like ``"paid/card"``.
    :ivar next: the number of its next command.
    :ivar answer: what it will be resumed with, while it is ready to run.
    :ivar blocked_at: the position of the step, sleep or wait it is blocked on, or None.
    :ivar scope: the gather, race or task it is blocked on, or None.
    :ivar listeners: the scopes to tell when it has ended, with the number of the branch there.
    :ivar tasks: the fibers it forked.
    :ivar returned: how its generator ended. It may still be waiting for its tasks.
    :ivar outcome: what it came to, once its tasks have ended too.
    :ivar traceback: where its error came from, if it came to one.
    :ivar cancelled: whether ``Cancelled`` was thrown, or is about to be; it is thrown once.
    :ivar was_asked_for: whether somebody was given its outcome.
    """

    __slots__ = (
        "answer",
        "blocked_at",
        "branch",
        "cancelled",
        "generator",
        "listeners",
        "next",
        "outcome",
        "prefix",
        "returned",
        "scope",
        "tasks",
        "traceback",
        "was_asked_for",
    )

    def __init__(self, prefix: Position, branch: str, generator: Flow[Any]) -> None:
        self.prefix = prefix
        self.branch = branch
        self.generator = generator
        self.next = 0
        self.answer: Outcome[Any] = Value(None)
        self.blocked_at: Position | None = None
        self.scope: Scope | None = None
        self.listeners: tuple[tuple[Scope, int], ...] = ()
        self.tasks: list[Fiber] = []
        self.returned: Outcome[Any] | None = None
        self.outcome: Outcome[Any] | None = None
        self.traceback: TracebackType | None = None
        self.cancelled = False
        self.was_asked_for = False

    def resume(self) -> Command[Any] | None:
        """Run to the next yield and give what it yielded; None when it has ended, then ``returned`` is set."""
        answer = self.answer
        try:
            if isinstance(answer, Value):
                return self.generator.send(answer.value)
            return self.generator.throw(answer.exception)
        except StopIteration as stop:
            self.returned = Value(stop.value)
        except KeyboardInterrupt:
            raise
        except BaseException as exception:
            self.returned = Error(exception)
        return None

    def take_position(self) -> Position:
        """The position of the command that it has just yielded."""
        position = (*self.prefix, self.next)
        self.next += 1
        return position

    def abandon(self) -> None:
        """Let the generator go without letting it act: what it yields from now on is ignored.

        A suspended generator that is merely dropped runs its ``finally`` blocks wherever the garbage
        collector happens to be, and complains if they yield. So it is ended here, from the inside out.
        """
        for _ in range(_THROWS):
            if not isinstance(self.generator, GeneratorType) or self.generator.gi_frame is None:
                return
            _throw_exit(innermost(self.generator))
        _keep_for_ever(self.generator)


def innermost(generator: Flow[Any]) -> Flow[Any]:
    """Follow ``yield from`` down to the generator that stands at the ``yield``."""
    while isinstance(generator, GeneratorType):
        inner = generator.gi_yieldfrom
        if not isinstance(inner, GeneratorType) or inner.gi_frame is None:
            break
        generator = inner
    return generator


def _throw_exit(generator: Flow[Any]) -> None:
    try:
        generator.throw(GeneratorExit())
    except BaseException:
        pass  # it has ended, which is all that was wanted


def _keep_for_ever(generator: Flow[Any]) -> None:
    """It ignores GeneratorExit: dropped now, or when Python exits, it would make Python complain from anywhere."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(generator))
