"""The rules of the machine, as two tables: what each command does, and what each fact does.

A command's rule is given the fiber that yielded it and the position where it stands; it
answers at once (an outcome), or blocks the fiber and returns None. A fact's rule finds what
the fact is about and settles it; a fact about a command that the code did not yield is a
mismatch.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from dataflows.commands import (
    Branch,
    CancelTask,
    Flow,
    Fork,
    Gather,
    Now,
    Race,
    RandomNumber,
    RandomUuid,
    Sleep,
    SleepUntil,
    Step,
    Task,
    Wait,
)
from dataflows.errors import InvalidSignal, Mismatch, RetryAfter, WaitTimeout, WrongYield
from dataflows.outcome import Error, Outcome, Value
from dataflows.payload import read_as
from dataflows.retry import Retry
from dataflows.workflow import Workflow
from interpreter.machine import mismatch
from interpreter.machine.actions import AwaitSignal, RunStep, SetTimer, StopStep
from interpreter.machine.chance import bits, chance
from interpreter.machine.entries import (
    AttemptFailed,
    Begun,
    CancelRequested,
    Ended,
    SignalReceived,
    Slept,
    Started,
    StepEnded,
    StepStopped,
    WaitTimedOut,
)
from interpreter.machine.fiber import Fiber
from interpreter.machine.position import Position
from interpreter.machine.scopes import CancelScope, GatherScope, RaceScope, Scope, TaskScope

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["COMMANDS", "FACTS", "wrong_yield"]

Answer: TypeAlias = Outcome[Any] | None

_DEFAULT_RETRY = Retry()
_DAMAGED = "the journal is damaged: it must open with one 'started' and one 'begun'"


# Commands ---------------------------------------------------------------------------------------


def _step(machine: Machine, fiber: Fiber, command: Step[Any], position: Position) -> Answer:
    retry = command.retry or machine.workflow.retry or _DEFAULT_RETRY
    machine.block(
        fiber,
        RunStep(
            position, command.name, fiber.branch, 1, 0, machine.clock, None, machine.seed, command=command, retry=retry
        ),
    )
    return None


def _sleep(machine: Machine, fiber: Fiber, command: Sleep, position: Position) -> Answer:
    machine.block(fiber, SetTimer(position, command.name, fiber.branch, machine.clock + command.duration))
    return None


def _sleep_until(machine: Machine, fiber: Fiber, command: SleepUntil, position: Position) -> Answer:
    machine.block(fiber, SetTimer(position, command.name, fiber.branch, command.when))
    return None


def _wait(machine: Machine, fiber: Fiber, command: Wait[Any], position: Position) -> Answer:
    early = machine.signals.get(command.name)
    if early:
        return _received(command, early.popleft().payload)
    due = None if command.timeout is None else machine.clock + command.timeout
    machine.block(fiber, AwaitSignal(position, command.name, fiber.branch, due, command=command))
    return None


def _gather(machine: Machine, fiber: Fiber, command: Gather[Any], position: Position) -> Answer:
    if strange := _task_of_another(machine, command.branches):
        return strange
    return _enter(machine, fiber, GatherScope(machine, fiber, position, command.branches, command.limit))


def _race(machine: Machine, fiber: Fiber, command: Race[Any], position: Position) -> Answer:
    if strange := _task_of_another(machine, (branch for _, branch in command.branches)):
        return strange
    return _enter(machine, fiber, RaceScope(machine, fiber, position, command.branches))


def _fork(machine: Machine, fiber: Fiber, command: Fork[Any], position: Position) -> Answer:
    task = machine.fork(fiber, (*position, 0), "", command.branch)
    fiber.tasks.append(task)
    machine.tasks[position] = task
    return Value(Task(position))


def _task(machine: Machine, fiber: Fiber, command: Task[Any], position: Position) -> Answer:
    if strange := _task_of_another(machine, (command,)):
        return strange
    return _enter(machine, fiber, TaskScope(machine, fiber, position, (("", command),)))


def _cancel_task(machine: Machine, fiber: Fiber, command: CancelTask, position: Position) -> Answer:
    if strange := _task_of_another(machine, (command.task,)):
        return strange
    task = machine.tasks[command.task.position]
    if task.outcome is not None:
        return Value(None)
    machine.cancel(task)
    return _enter(machine, fiber, CancelScope(machine, fiber, position, (("", command.task),)))


def _now(machine: Machine, fiber: Fiber, command: Now, position: Position) -> Answer:
    return Value(machine.clock)


def _random_uuid(machine: Machine, fiber: Fiber, command: RandomUuid, position: Position) -> Answer:
    return Value(uuid.UUID(bytes=bits(machine.seed, position), version=4))


def _random_number(machine: Machine, fiber: Fiber, command: RandomNumber, position: Position) -> Answer:
    return Value(chance(machine.seed, position))


def _enter(machine: Machine, fiber: Fiber, scope: Scope) -> Answer:
    fiber.scope = scope
    scope.start()
    return None


def _received(command: Wait[Any], payload: Any) -> Outcome[Any]:
    try:
        return Value(read_as(command.type, payload))
    except Exception as error:
        invalid = InvalidSignal(f"signal {command.name!r}: {error}")
        invalid.__cause__ = error
        return Error(invalid)


def _task_of_another(machine: Machine, branches: Iterable[Branch[Any]]) -> Answer:
    for branch in branches:
        if isinstance(branch, Task) and branch.position not in machine.tasks:
            return Error(WrongYield(f"{branch!r} is no task of this execution"))
    return None


def wrong_yield(machine: Machine, fiber: Fiber, yielded: object, position: Position) -> Answer:
    """What was yielded is no command: say so at that yield."""
    return Error(WrongYield(mismatch.describe_wrong_yield(machine, fiber, yielded, position)))


COMMANDS: dict[type[Any], Callable[[Machine, Fiber, Any, Position], Answer]] = {
    Step: _step,
    Sleep: _sleep,
    SleepUntil: _sleep_until,
    Wait: _wait,
    Gather: _gather,
    Race: _race,
    Fork: _fork,
    Task: _task,
    CancelTask: _cancel_task,
    Now: _now,
    RandomUuid: _random_uuid,
    RandomNumber: _random_number,
}


# Facts ------------------------------------------------------------------------------------------


def _started(machine: Machine, fact: Started) -> None:
    if machine.main is not None:
        raise Mismatch(_DAMAGED)
    machine.seed = fact.seed
    machine.main = Fiber((), "", _main(machine.workflow, fact))


def _main(workflow: Workflow[..., Any], started: Started) -> Flow[Any]:
    """A generator around the workflow's own, so that wrong arguments fail the workflow and nothing else."""
    return (yield from workflow(*started.args, **started.kwargs))


def _begun(machine: Machine, fact: Begun) -> None:
    if machine.main is None or machine.main.outcome is not None or machine.fibers:
        raise Mismatch(_DAMAGED)
    machine.add(machine.main)


def _step_ended(machine: Machine, fact: StepEnded) -> None:
    action = mismatch.expect_step(machine, fact)
    machine.settle(action.position, fact.outcome)


def _attempt_failed(machine: Machine, fact: AttemptFailed) -> None:
    action = mismatch.expect_step(machine, fact)
    if isinstance(action, StopStep):
        machine.settle(action.position, Error(fact.error))
        return
    counts = 0 if isinstance(fact.error, RetryAfter) else 1
    machine.set_open(
        action.position,
        replace(action, number=action.number + 1, failures=action.failures + counts, not_before=fact.retry_at),
    )


def _step_stopped(machine: Machine, fact: StepStopped) -> None:
    action = mismatch.expect(machine, fact, StopStep)
    machine.settle(action.position, Value(None))


def _slept(machine: Machine, fact: Slept) -> None:
    if not mismatch.comes_late(machine, fact):
        machine.settle(mismatch.expect(machine, fact, SetTimer).position, Value(None))


def _wait_timed_out(machine: Machine, fact: WaitTimedOut) -> None:
    if mismatch.comes_late(machine, fact):
        return
    action = mismatch.expect(machine, fact, AwaitSignal)
    command = action.command
    late = Error(WaitTimeout(f"no signal {action.name!r} came within {command.timeout}"))
    machine.settle(action.position, Value(command.default) if command.has_default else late)


def _signal_received(machine: Machine, fact: SignalReceived) -> None:
    """Give it to the wait that was opened first and whose deadline it met; else keep it for the next."""
    for position in machine.waits.get(fact.name, ()):
        action = machine.open[position]
        assert isinstance(action, AwaitSignal)
        if action.due is None or fact.sent_at <= action.due:
            machine.overtake(action, _received(action.command, fact.payload))
            return
    machine.signals.setdefault(fact.name, deque()).append(fact)


def _cancel_requested(machine: Machine, fact: CancelRequested) -> None:
    if machine.main is not None:
        machine.cancel(machine.main)


def _ended(machine: Machine, fact: Ended) -> None:
    mismatch.expect_end(machine, fact)
    machine.close(())


FACTS: dict[type[Any], Callable[[Machine, Any], None]] = {
    Started: _started,
    Begun: _begun,
    StepEnded: _step_ended,
    AttemptFailed: _attempt_failed,
    StepStopped: _step_stopped,
    Slept: _slept,
    WaitTimedOut: _wait_timed_out,
    SignalReceived: _signal_received,
    CancelRequested: _cancel_requested,
    Ended: _ended,
}
