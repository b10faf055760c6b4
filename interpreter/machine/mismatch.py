"""Where the journal and the code disagree, in words that name the author's file and line.

Owns the comparison of a fact with what is open at its position (kind, name and branch names,
never arguments), and every message that points into an author's source.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Generator
from contextlib import suppress
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar

from dataflows.commands import Command
from dataflows.errors import CannotStore, Mismatch
from dataflows.outcome import Error
from interpreter.machine.actions import AwaitSignal, End, Open, RunStep, SetTimer, StopStep
from interpreter.machine.entries import (
    At,
    AttemptFailed,
    Ended,
    Slept,
    StepEnded,
    StepStopped,
    WaitTimedOut,
)
from interpreter.machine.fiber import Fiber
from interpreter.machine.position import Position, format_position
from interpreter.machine.scopes import CancelScope, GatherScope, RaceScope, TaskScope

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["comes_late", "describe_wrong_yield", "expect", "expect_end", "expect_step", "source_line"]

OpenT = TypeVar("OpenT", bound=Open)

_KINDS: dict[type[Any], str] = {
    RunStep: "step",
    StopStep: "cancelled step",
    SetTimer: "sleep",
    AwaitSignal: "wait",
    StepEnded: "step",
    AttemptFailed: "step",
    StepStopped: "cancelled step",
    Slept: "sleep",
    WaitTimedOut: "wait",
    GatherScope: "a gather",
    RaceScope: "a race",
    TaskScope: "a task",
    CancelScope: "the cancelling of a task",
}


def expect(machine: Machine, fact: At, kind: type[OpenT]) -> OpenT:
    """The action that is open where the fact stands.

    :raises Mismatch: there is none, or it is of another kind, name or branch.
    """
    action = machine.open.get(fact.position)
    if not isinstance(action, kind) or not _same_name(action, fact):
        raise _disagreement(machine, fact)
    return action


def expect_step(machine: Machine, fact: At) -> RunStep | StopStep:
    """The step that is open where the fact stands, wanted or being stopped.

    :raises Mismatch: as ``expect``.
    """
    if isinstance(machine.open.get(fact.position), StopStep):
        return expect(machine, fact, StopStep)
    return expect(machine, fact, RunStep)


def comes_late(machine: Machine, fact: Slept | WaitTimedOut) -> bool:
    """Whether a timer fired in the same commit as what closed it before: a late one is ignored."""
    action = machine.overtaken.get(fact.position)
    return action is not None and _KINDS[type(action)] == _KINDS[type(fact)] and _same_name(action, fact)


def expect_end(machine: Machine, fact: Ended) -> None:
    """A result that could not be stored ended a completed workflow as failed; that is no disagreement.

    :raises Mismatch: the workflow has not ended, or not so.
    """
    end = machine.open.get(())
    unstorable = isinstance(fact.outcome, Error) and isinstance(fact.outcome.exception, CannotStore)
    if not isinstance(end, End) or (end.status is not fact.status and not unstorable):
        raise _disagreement(machine, fact)


def source_line(machine: Machine, fiber: Fiber) -> str:
    """``file:line: text`` of the yield where the fiber stands; of who started it, if it is a single command."""
    while _is_single_command(fiber.generator):
        fiber = machine.fibers[fiber.prefix[:-2]]
    frame = getattr(_author(fiber.generator), "gi_frame", None)
    return "(ended)" if frame is None else _with_text(frame.f_code.co_filename, frame.f_lineno)


def describe_wrong_yield(machine: Machine, fiber: Fiber, yielded: object, position: Position) -> str:
    """What was yielded, where, and what to write instead. A coroutine is closed, since nobody will await it."""
    if type(yielded) is CoroutineType:
        yielded.close()
    return (
        f"yield number {position[-1] + 1} (position {format_position(position)}) gave "
        f"{_name(yielded)}, which is no command\n"
        f"  at {source_line(machine, fiber)}\n  {_advice(yielded)}"
    )


def _with_text(file: str, line: int) -> str:
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}: {text}" if text else f"{file}:{line}"


def _name(yielded: object) -> str:
    """Without the address in memory that many a ``repr`` has: the message is the same on every replay."""
    detail: object = ""
    with suppress(Exception):  # a foreign object may raise whatever it is asked
        plain = isinstance(yielded, str | int | float | bytes)
        detail = repr(yielded)[:100] if plain else getattr(yielded, "__qualname__", "")
    return " ".join(filter(None, (type(yielded).__name__, detail if isinstance(detail, str) else "")))


def _advice(yielded: object) -> str:
    with suppress(Exception):
        for matches, advice in _ADVICE:
            if matches(yielded):
                return advice
    return "yield a command: step(...), sleep(...), wait(...), gather(...), race(...), fork(...)"


def _is_list_of_branches(yielded: object) -> bool:
    return isinstance(yielded, list | tuple) and any(isinstance(item, Command | Generator) for item in yielded)


_ADVICE: list[tuple[Callable[[object], bool], str]] = [
    (inspect.isgenerator, "write `yield from helper()` to run a generator as a part of this one"),
    (inspect.iscoroutine, 'write `yield from step("name", function, argument)`: steps may be async, workflows not'),
    (inspect.isawaitable, 'write `yield from step("name", function, argument)`: steps may be async, workflows not'),
    (_is_list_of_branches, "write `yield from gather(*branches)` to run several beside each other"),
    (callable, 'write `yield from step("name", function, argument)` to run a function'),
]


def _author(generator: object) -> object:
    """The innermost generator that an author wrote: a command's own ``__iter__`` is not theirs."""
    while isinstance(inner := getattr(generator, "gi_yieldfrom", None), GeneratorType):
        if inner.gi_frame is None or _is_single_command(inner):
            break
        generator = inner
    return generator


def _is_single_command(generator: object) -> bool:
    return isinstance(generator, GeneratorType) and generator.gi_code is Command.__iter__.__code__


def _same_name(action: Open, fact: At) -> bool:
    return not isinstance(action, End) and (action.name, action.branch) == (fact.name, fact.branch)


def _disagreement(machine: Machine, fact: At | Ended) -> Mismatch:
    position: Position = getattr(fact, "position", ())
    where = f"{format_position(position) or 'the end'} (entry {machine.seq})"
    lines = [
        f"the journal and the code of workflow {machine.workflow.name!r} disagree at {where}",
        f"  the journal has:  {_describe_fact(fact)}",
        f"  the code has:     {_describe_code(machine, position)}",
        *(f"  it stands at:     {line}" for line in _places(machine, position)),
        "  Bring back the code that wrote this journal, or give the changed code a new version=, then resume.",
    ]
    return Mismatch("\n".join(lines))


def _describe_fact(fact: Any) -> str:
    if isinstance(fact, Ended):
        return f"the workflow's end: {fact.status}"
    return f"{_KINDS[type(fact)]} {fact.name!r}{_in_branch(fact.branch)}"


def _describe_code(machine: Machine, position: Position) -> str:
    action = machine.open.get(position)
    if isinstance(action, End):
        return f"its end: {action.status}"
    if action is not None:
        return f"{_KINDS[type(action)]} {action.name!r}{_in_branch(action.branch)}"
    if machine.outcome is not None:
        return "its end"
    if not position:
        return "no end yet"
    fiber = machine.fibers.get(position[:-1])
    if fiber is not None and fiber.scope is not None and fiber.scope.position == position:
        return _KINDS[type(fiber.scope)]
    return "nothing there, yet or any more"


def _in_branch(branch: str) -> str:
    return f" in branch {branch!r}" if branch else ""


def _places(machine: Machine, position: Position) -> list[str]:
    fiber = machine.fibers.get(position[:-1]) if position else None
    fibers = [fiber] if fiber is not None else list(machine.fibers.values())[:3]
    places = dict.fromkeys(source_line(machine, fiber) for fiber in fibers)
    return list(places) or [f"the end of {_workflow_line(machine)}"]


def _workflow_line(machine: Machine) -> str:
    file, _, line = machine.workflow.source.rpartition(":")
    return _with_text(file, int(line))
