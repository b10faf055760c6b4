"""Where the journal and the code disagree, in words that name the author's file and line.

Owns the comparison of a fact with what is open at its position (kind, name and branch names,
never arguments), and every message that points into an author's source.
"""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable, Generator
from types import GeneratorType
from typing import TYPE_CHECKING, Any, TypeVar

from dataflows.commands import Command
from dataflows.errors import Mismatch
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

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["comes_late", "describe_wrong_yield", "expect", "expect_end", "expect_step", "source_line"]

OpenT = TypeVar("OpenT", bound=Open)

_KINDS: dict[type[Any], str] = {
    RunStep: "step",
    StopStep: "step",
    SetTimer: "sleep",
    AwaitSignal: "wait",
    StepEnded: "step",
    AttemptFailed: "step",
    StepStopped: "step",
    Slept: "sleep",
    WaitTimedOut: "wait",
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
    """Whether a timer fired in the same commit as what closed it: a late one is ignored."""
    return fact.position not in machine.open and _was_reached(machine, fact.position)


def expect_end(machine: Machine, fact: Ended) -> None:
    """:raises Mismatch: the workflow has not ended, or not so."""
    end = machine.open.get(())
    if not isinstance(end, End) or end.status is not fact.status:
        raise _disagreement(machine, fact)


def source_line(fiber: Fiber) -> str:
    """``file:line: text`` of the yield where the fiber stands."""
    frame = getattr(_author(fiber.generator), "gi_frame", None)
    if frame is None:
        return "(ended)"
    file, line = frame.f_code.co_filename, frame.f_lineno
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}: {text}" if text else f"{file}:{line}"


def describe_wrong_yield(fiber: Fiber, yielded: object, position: Position) -> str:
    """What was yielded, where, and what to write instead. A coroutine is closed, since nobody will await it."""
    if inspect.iscoroutine(yielded):
        yielded.close()
    return (
        f"yield number {position[-1] + 1} (position {format_position(position)}) gave "
        f"{_name(yielded)}, which is no command\n"
        f"  at {source_line(fiber)}\n  {_advice(yielded)}"
    )


def _name(yielded: object) -> str:
    """Without the address in memory that many a ``repr`` has: the message is the same on every replay."""
    plain = isinstance(yielded, str | int | float | bytes)
    detail = repr(yielded)[:100] if plain else getattr(yielded, "__qualname__", "")
    return " ".join(filter(None, (type(yielded).__name__, detail)))


def _advice(yielded: object) -> str:
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
        if inner.gi_frame is None or inner.gi_code is Command.__iter__.__code__:
            break
        generator = inner
    return generator


def _same_name(action: Open, fact: At) -> bool:
    return not isinstance(action, End) and (action.name, action.branch) == (fact.name, fact.branch)


def _was_reached(machine: Machine, position: Position) -> bool:
    """Whether the code has yielded a command there. A branch that has ended counts as passed."""
    fiber = machine.fibers.get(position[:-1])
    if fiber is not None:
        return position[-1] < fiber.next
    if len(position) == 1:
        return machine.main is not None and position[-1] < machine.main.next
    return _was_reached(machine, position[:-2])


def _disagreement(machine: Machine, fact: At | Ended) -> Mismatch:
    position: Position = getattr(fact, "position", ())
    lines = [
        f"the journal and the code of workflow {machine.workflow.name!r} disagree at "
        f"{format_position(position) or 'the end'} (entry {machine.seq})",
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
    return "its end" if machine.outcome is not None else "nothing there, yet or any more"


def _in_branch(branch: str) -> str:
    return f" in branch {branch!r}" if branch else ""


def _places(machine: Machine, position: Position) -> list[str]:
    fiber = machine.fibers.get(position[:-1]) if position else None
    fibers = [fiber] if fiber is not None else list(machine.fibers.values())[:3]
    return [source_line(fiber) for fiber in fibers]
