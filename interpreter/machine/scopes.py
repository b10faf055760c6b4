"""Commands that hold several fibers: gather, race, and asking for a task.

Owns when such a command is decided, and the rule that it is answered only when every branch
it started has ended. Which branch runs when is the machine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from dataflows.commands import Branch, Task, Winner
from dataflows.errors import Cancelled, TaskCancelled
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine.fiber import Fiber
from interpreter.machine.position import Position

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["CancelScope", "ClosingScope", "GatherScope", "RaceScope", "Scope", "TaskScope", "cancellation"]


class Scope(ABC):
    """A fiber blocked on branches: those it started, and tasks that run anyway.

    It is *decided* by its branches or by a cancellation; then those it started are cancelled,
    the tasks are left alone, and it is *answered* when the last one that it started has ended.
    """

    def __init__(
        self, machine: Machine, fiber: Fiber, position: Position, branches: Iterable[tuple[str, Branch[Any]]]
    ) -> None:
        self.machine = machine
        self.fiber = fiber
        self.position = position
        self.waiting = deque(enumerate(branches))
        self.running: dict[int, Fiber] = {}
        self.tasks: dict[int, Fiber] = {}
        self.decision: Outcome[Any] | None = None
        self.limit: int | None = None

    @abstractmethod
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        """What the end of this branch decides, or None if more branches must end first."""

    def start(self) -> None:
        """Start the branches, or as many as may run at once."""
        self._start_waiting()
        self._answer_when_quiet()

    def _start_waiting(self) -> None:
        while self.waiting and self.decision is None and self._has_room():
            index, (name, branch) = self.waiting.popleft()
            if isinstance(branch, Task):
                self._ask_for(index, branch)
            else:
                self.running[index] = self.machine.spawn(self, index, name, branch)

    def branch_ended(self, index: int, outcome: Outcome[Any]) -> None:
        """A branch, or a task that was asked for, has ended."""
        self.running.pop(index, None)
        if self.decision is None:
            if (task := self.tasks.pop(index, None)) is not None:
                outcome = _as_asked(task, outcome)
            self._decide(self.judge(index, outcome))
            self._start_waiting()
        elif isinstance(outcome, Error) and not isinstance(outcome.exception, Cancelled):
            self.decision = replaced_by(outcome.exception, self.decision)
        self._answer_when_quiet()

    def cancel(self) -> None:
        """Its fiber is cancelled: whatever was decided, ``Cancelled`` is the answer."""
        self.decide(cancellation())

    def decide(self, decision: Outcome[Any]) -> None:
        """Answer this, when those that it started have ended."""
        self._decide(decision)
        self._answer_when_quiet()

    def _decide(self, decision: Outcome[Any] | None) -> None:
        if decision is None:
            return
        self.decision = decision
        self.waiting.clear()
        for index, task in self.tasks.items():
            task.listeners = tuple(pair for pair in task.listeners if pair != (self, index))
        self.tasks.clear()
        for fiber in self.running.values():
            self.machine.cancel(fiber)

    def _answer_when_quiet(self) -> None:
        if self.decision is not None and not self.running:
            self.machine.resume(self.fiber, self.decision)

    def _has_room(self) -> bool:
        return self.limit is None or len(self.running) + len(self.tasks) < self.limit

    def _ask_for(self, index: int, task: Task[Any]) -> None:
        fiber = self.machine.tasks[task.position]
        self.tasks[index] = fiber
        if fiber.outcome is None:
            fiber.listeners += ((self, index),)
        else:
            self._decide(self.judge(index, _as_asked(self.tasks.pop(index), fiber.outcome)))


class GatherScope(Scope):
    """Decided by the last answer, or the first error."""

    def __init__(
        self, machine: Machine, fiber: Fiber, position: Position, branches: tuple[Branch[Any], ...], limit: int | None
    ) -> None:
        super().__init__(machine, fiber, position, (("", branch) for branch in branches))
        self.limit = limit
        self.answers: list[Any] = [None] * len(branches)
        self.missing = len(branches)
        if not branches:
            self.decision = Value(())

    @override
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        if isinstance(outcome, Error):
            return outcome
        self.answers[index] = outcome.value
        self.missing -= 1
        return None if self.missing else Value(tuple(self.answers))


class RaceScope(Scope):
    """Decided by the first branch that ends."""

    def __init__(
        self, machine: Machine, fiber: Fiber, position: Position, branches: tuple[tuple[str, Branch[Any]], ...]
    ) -> None:
        super().__init__(machine, fiber, position, branches)
        self.names = [name for name, _ in branches]

    @override
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        return outcome if isinstance(outcome, Error) else Value(Winner(self.names[index], outcome.value))


class TaskScope(Scope):
    """A task was yielded: decided by its end."""

    @override
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        return outcome


class CancelScope(Scope):
    """``cancel(task)``: decided when the task has cleaned up; only an error in its cleanup is raised."""

    @override
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        if isinstance(outcome, Error) and not isinstance(outcome.exception, TaskCancelled):
            return outcome
        return Value(None)


class ClosingScope(Scope):
    """A fiber has returned: its unfinished tasks are cancelled and cleaned up before its outcome counts."""

    def __init__(self, machine: Machine, fiber: Fiber) -> None:
        super().__init__(machine, fiber, fiber.prefix, ())
        self.running = {index: task for index, task in enumerate(fiber.tasks) if task.outcome is None}
        for index, task in self.running.items():
            task.listeners += ((self, index),)
        self._decide(fiber.returned)

    @override
    def judge(self, index: int, outcome: Outcome[Any]) -> Outcome[Any] | None:
        return None  # it is decided from the start

    @override
    def cancel(self) -> None:
        """The fiber has returned already: there is no yield left to throw at."""


def cancellation() -> Error:
    """A fresh ``Cancelled`` to throw."""
    return Error(Cancelled("cancelled"))


def replaced_by(exception: BaseException, former: Outcome[Any]) -> Error:
    """An error in a cleanup takes the place of the former outcome, which becomes its context."""
    if isinstance(former, Error):
        chain = _chain(exception)
        if former.exception not in chain:
            chain[-1].__context__ = former.exception
    return Error(exception)


def _chain(exception: BaseException) -> list[BaseException]:
    """The exception, its context, the context of that, … without the cancellation that it was raised in."""
    chain = [exception]
    while (context := chain[-1].__context__) is not None and not isinstance(context, Cancelled):
        if context in chain:
            break
        chain.append(context)
    return chain


def _as_asked(task: Fiber, outcome: Outcome[Any]) -> Outcome[Any]:
    """A task's outcome as it arrives at who asked for it."""
    task.was_asked_for = True
    if not isinstance(outcome, Error):
        return outcome
    if isinstance(outcome.exception, Cancelled):
        return Error(TaskCancelled(f"the task forked at {'.'.join(map(str, task.prefix[:-1]))} was cancelled"))
    return Error(outcome.exception.with_traceback(task.traceback))  # thrown twice, it must not grow
