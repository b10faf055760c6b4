"""What was yielded and is no command, in words that say where and what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import suppress
from types import CoroutineType
from typing import TYPE_CHECKING

from dataflows.commands import Command
from interpreter.machine.places import source_line
from interpreter.machine.position import Position, format_position

if TYPE_CHECKING:
    from interpreter.machine.fiber import Fiber
    from interpreter.machine.machine import Machine

__all__ = ["describe_wrong_yield"]


def describe_wrong_yield(machine: Machine, fiber: Fiber, yielded: object, position: Position) -> str:
    """What was yielded, where, and what to write instead. A coroutine is closed, since nobody will await it."""
    if type(yielded) is CoroutineType:
        yielded.close()
    return (
        f"yield number {position[-1] + 1} (position {format_position(position)}) gave "
        f"{_name(yielded)}, which is no command\n"
        f"  at {source_line(machine, fiber)}\n  {_advice(yielded)}"
    )


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
