"""What each command does.

A rule is given the fiber that yielded the command and the position where it stands; it answers
at once (an outcome), or blocks the fiber and returns None.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

from dataflows.commands import (
    Branch,
    Callback,
    CancelTask,
    Child,
    ContinueAsNew,
    Defer,
    Fork,
    Gather,
    Now,
    Patched,
    Publish,
    Race,
    RandomNumber,
    RandomUuid,
    Signal,
    Sleep,
    SleepUntil,
    Start,
    Step,
    Task,
    Wait,
)
from dataflows.errors import WrongYield
from dataflows.outcome import Error, Outcome, Value
from dataflows.retry import Retry
from interpreter.machine.actions import (
    AwaitSignal,
    BeginStep,
    MarkPatch,
    OpenCallback,
    PublishValue,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
)
from interpreter.machine.chance import bits, chance
from interpreter.machine.fiber import Fiber
from interpreter.machine.places import source_line
from interpreter.machine.position import Position
from interpreter.machine.rules.signals import received
from interpreter.machine.scopes import CancelScope, GatherScope, RaceScope, Scope, TaskScope
from interpreter.machine.wrong_yields import describe_wrong_yield

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["COMMANDS", "wrong_yield"]

Answer: TypeAlias = Outcome[Any] | None

_DEFAULT_RETRY = Retry()


# Steps, timers and messages ---------------------------------------------------------------------


def _step(machine: Machine, fiber: Fiber, command: Step[Any], position: Position) -> Answer:
    if command.once:
        machine.block(fiber, BeginStep(position, command.name, fiber.branch, command=command))
        return None
    retry = command.retry or machine.workflow.retry or _DEFAULT_RETRY
    machine.block(
        fiber,
        RunStep(
            position, command.name, fiber.branch, 1, 0, machine.clock, None, machine.seed, command=command, retry=retry
        ),
    )
    return None


def _sleep(machine: Machine, fiber: Fiber, command: Sleep, position: Position) -> Answer:
    due = machine.clock + command.duration
    machine.block(fiber, SetTimer(position, command.name, fiber.branch, due, command.duration))
    return None


def _sleep_until(machine: Machine, fiber: Fiber, command: SleepUntil, position: Position) -> Answer:
    machine.block(fiber, SetTimer(position, command.name, fiber.branch, command.when))
    return None


def _wait(machine: Machine, fiber: Fiber, command: Wait[Any], position: Position) -> Answer:
    early = machine.signals.get((command.name, command.key))
    if early:
        _, signal = early.popleft()
        return received(command, signal.payload)
    due = None if command.timeout is None else machine.clock + command.timeout
    machine.block(fiber, AwaitSignal(position, command.name, fiber.branch, due, command=command))
    return None


def _signal(machine: Machine, fiber: Fiber, command: Signal, position: Position) -> Answer:
    machine.block(fiber, SendSignal(position, command.name, fiber.branch, command=command))
    return None


def _publish(machine: Machine, fiber: Fiber, command: Publish, position: Position) -> Answer:
    machine.block(fiber, PublishValue(position, command.key, fiber.branch, command=command))
    return None


def _callback(machine: Machine, fiber: Fiber, command: Callback, position: Position) -> Answer:
    machine.block(fiber, OpenCallback(position, command.name, fiber.branch, command=command))
    return None


# Branches ---------------------------------------------------------------------------------------


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


# Executions -------------------------------------------------------------------------------------


def _child(machine: Machine, fiber: Fiber, command: Child[Any] | Start, position: Position) -> Answer:
    machine.block(fiber, StartChild(position, command.workflow.name, fiber.branch, command=command))
    return None


def _defer(machine: Machine, fiber: Fiber, command: Defer, position: Position) -> Answer:
    if machine.renewal is not None:
        return _refused(machine, fiber, "the workflow continues as new, and would forget it")
    machine.defers.append(command.step)
    return Value(None)


def _continue_as_new(machine: Machine, fiber: Fiber, command: ContinueAsNew, position: Position) -> Answer:
    if fiber is not machine.main:
        return _refused(machine, fiber, "only the workflow itself can continue as new, no branch and no task")
    if machine.defers:
        return _refused(machine, fiber, "what was deferred would be forgotten: do it, and continue as new without")
    fiber.abandon()
    fiber.returned = Value(command)
    machine.renewal = command
    machine.resume(fiber, Value(None))
    return None


def _patched(machine: Machine, fiber: Fiber, command: Patched, position: Position) -> Answer:
    fiber.next -= 1  # it takes no position, so that code with it and code without it agree on all that follow
    known = machine.patches.get(command.change)
    if known is not None:
        return Value(known)
    machine.block(fiber, MarkPatch(position, command.change, fiber.branch))
    machine.asked.setdefault(command.change, []).append(position)
    return None


# What the journal answers -----------------------------------------------------------------------


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


def _task_of_another(machine: Machine, branches: Iterable[Branch[Any]]) -> Answer:
    for branch in branches:
        if isinstance(branch, Task) and branch.position not in machine.tasks:
            return Error(WrongYield(f"{branch!r} is no task of this execution"))
    return None


def _refused(machine: Machine, fiber: Fiber, problem: str) -> Answer:
    return Error(WrongYield(f"{problem}\n  at {source_line(machine, fiber)}"))


def wrong_yield(machine: Machine, fiber: Fiber, yielded: object, position: Position) -> Answer:
    """What was yielded is no command: say so at that yield."""
    return Error(WrongYield(describe_wrong_yield(machine, fiber, yielded, position)))


COMMANDS: dict[type[Any], Callable[[Machine, Fiber, Any, Position], Answer]] = {
    Step: _step,
    Sleep: _sleep,
    SleepUntil: _sleep_until,
    Wait: _wait,
    Signal: _signal,
    Publish: _publish,
    Callback: _callback,
    Gather: _gather,
    Race: _race,
    Fork: _fork,
    Task: _task,
    CancelTask: _cancel_task,
    Child: _child,
    Start: _child,
    Defer: _defer,
    ContinueAsNew: _continue_as_new,
    Patched: _patched,
    Now: _now,
    RandomUuid: _random_uuid,
    RandomNumber: _random_number,
}
