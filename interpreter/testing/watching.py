"""A machine that tells what its workflow yielded, and where in the author's source.

Owns the list of sightings, and how it is shown. What a command means is the machine's.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from types import CodeType, GeneratorType
from typing import Any, NamedTuple

from typing_extensions import override

from dataflows.commands import Command
from dataflows.workflow import Workflow
from interpreter.machine import Machine, Position, format_position
from interpreter.machine.fiber import Fiber
from interpreter.machine.places import source_line
from interpreter.testing.describing import describe_command
from interpreter.testing.stored import snapshot

__all__ = ["MOST_COMMANDS", "Sighting", "WatchedMachine", "as_yielded", "place_of", "show_sightings"]

MOST_COMMANDS = 50_000
"""A workflow that yields more is taken for one that never ends."""


class Sighting(NamedTuple):
    """A command that was yielded.

    :ivar command: as it was then; a list that is changed later is not changed here.
    :ivar place: ``file:line: text`` of the yield.
    """

    position: Position
    command: object
    place: str

    @override
    def __str__(self) -> str:
        return f"{describe_command(self.command)}\n      at {self.place}"


@dataclass(frozen=True)
class Part:
    """A branch that is a generator: two of one function are alike, whatever has become of them since."""

    code: CodeType

    @override
    def __repr__(self) -> str:
        return f"{self.code.co_qualname}(…)"


class WatchedMachine(Machine):
    """A ``Machine`` with the sightings of its workflow, the earliest first."""

    def __init__(self, workflow: Workflow[..., Any], passed: Iterable[str] = ()) -> None:
        super().__init__(workflow, passed)
        self.sightings: list[Sighting] = []

    @override
    def _carry_out(self, fiber: Fiber, command: object) -> None:
        position = (*fiber.prefix, fiber.next)
        self.sightings.append(Sighting(position, as_yielded(command), source_line(self, fiber)))
        if len(self.sightings) > MOST_COMMANDS:
            raise AssertionError(
                f"it yields for ever: {len(self.sightings):,} commands\n{show_sightings(self.sightings)}"
            )
        super()._carry_out(fiber, command)

    def place_at(self, position: Position) -> str:
        """``file:line: text`` of the yield that stands at this position, or ""."""
        return next((seen.place for seen in reversed(self.sightings) if seen.position == position), "")


def as_yielded(value: Any) -> Any:
    """The command with copies of its arguments, and with the code of its branches in the place of generators."""
    if isinstance(value, Command) and is_dataclass(value):
        compared = {field.name: getattr(value, field.name) for field in fields(value) if field.compare}
        return replace(value, **{name: as_yielded(part) for name, part in compared.items()})
    if isinstance(value, GeneratorType):
        return Part(value.gi_code)
    if type(value) is tuple:
        return tuple(map(as_yielded, value))
    return snapshot(value)


def place_of(generator: object) -> str:
    """``file:line: text`` of the yield at which a bare generator stands, in its innermost helper."""
    while isinstance(inner := getattr(generator, "gi_yieldfrom", None), GeneratorType):
        if inner.gi_frame is None or inner.gi_code is Command.__iter__.__code__:
            break
        generator = inner
    frame = getattr(generator, "gi_frame", None)
    if frame is None:
        return "(ended)"
    file, line = frame.f_code.co_filename, frame.f_lineno
    return f"{file}:{line}: {linecache.getline(file, line).strip()}"


def show_sightings(sightings: Sequence[Sighting], last: int = 12) -> str:
    """The last commands that were yielded, a line each, with their places."""
    lines = [f"  … {len(sightings) - last} more before"] if len(sightings) > last else []
    width = max((len(format_position(seen.position)) for seen in sightings[-last:]), default=0)
    for seen in sightings[-last:]:
        text = describe_command(seen.command)
        lines += [f"  {format_position(seen.position):<{width}}  {text}", f"  {'':<{width}}    at {seen.place}"]
    return "\n".join(lines or ["  nothing"])
