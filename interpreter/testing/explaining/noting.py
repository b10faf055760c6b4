"""A machine that notes which commands its workflow yields, where they stand, and at which line.

Owns the notes. What is open, and what follows, is the machine's.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from typing_extensions import override

from dataflows.workflow import Workflow
from interpreter.machine import Machine, Position
from interpreter.machine.fiber import Fiber
from interpreter.machine.places import is_single_command, source_line

__all__ = ["Note", "NotingMachine"]


class Note(NamedTuple):
    """A command that was yielded.

    :ivar place: ``file:line: text`` of the yield.
    :ivar at: the machine's time then.
    """

    command: object
    place: str
    at: datetime


class NotingMachine(Machine):
    """A ``Machine`` with a note of each command, by its position."""

    def __init__(self, workflow: Workflow[..., object]) -> None:
        super().__init__(workflow)
        self.notes: dict[Position, Note] = {}

    @override
    def _carry_out(self, fiber: Fiber, command: object) -> None:
        holder = self.notes.get(fiber.prefix[:-1]) if is_single_command(fiber.generator) else None
        place = source_line(self, fiber) if holder is None else holder.place  # who forked it may stand elsewhere by now
        self.notes[(*fiber.prefix, fiber.next)] = Note(command, place, self.clock)
        super()._carry_out(fiber, command)
