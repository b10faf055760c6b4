"""Where in its author's source an execution stands.

Owns the way from a fiber to a file and a line: past commands' own generators, down to the
innermost helper that an author wrote.
"""

from __future__ import annotations

import linecache
from types import GeneratorType
from typing import TYPE_CHECKING

from dataflows.commands import Command

if TYPE_CHECKING:
    from interpreter.machine.fiber import Fiber
    from interpreter.machine.machine import Machine

__all__ = ["is_single_command", "source_line", "workflow_line"]


def source_line(machine: Machine, fiber: Fiber) -> str:
    """``file:line: text`` of the yield where the fiber stands; of who started it, if it is a single command."""
    if machine.failure is not None:
        return f"what was deferred, after the end of {workflow_line(machine)}"
    while is_single_command(fiber.generator):
        fiber = machine.fibers[fiber.prefix[:-2]]
    frame = getattr(_author(fiber.generator), "gi_frame", None)
    return "(ended)" if frame is None else _with_text(frame.f_code.co_filename, frame.f_lineno)


def workflow_line(machine: Machine) -> str:
    """``file:line: text`` of the workflow's definition."""
    file, _, line = machine.workflow.source.rpartition(":")
    return _with_text(file, int(line))


def _with_text(file: str, line: int) -> str:
    text = linecache.getline(file, line).strip()
    return f"{file}:{line}: {text}" if text else f"{file}:{line}"


def _author(generator: object) -> object:
    """The innermost generator that an author wrote: a command's own ``__iter__`` is not theirs."""
    while isinstance(inner := getattr(generator, "gi_yieldfrom", None), GeneratorType):
        if inner.gi_frame is None or is_single_command(inner):
            break
        generator = inner
    return generator


def is_single_command(generator: object) -> bool:
    """Whether a fiber's generator is a command's own: then it stands where the command that holds it was yielded."""
    return isinstance(generator, GeneratorType) and generator.gi_code is Command.__iter__.__code__
