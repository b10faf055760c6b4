"""At run time: a command that workflow code has built and dropped, told like a coroutine that nobody awaited.

Owns the finalizer of commands. The source says most of it before (``DF301``); this also sees what a function of
another module made. A command that is dropped by a statement dies while the workflow's own frame pops it, those that
were yielded die in frames of the machine: nothing is counted or kept, and a command that is yielded costs one look.
"""

from __future__ import annotations

import inspect
import linecache
import opcode
import sys
import warnings
from collections.abc import Callable
from types import CodeType, FrameType

from dataflows.checks.silence import allows
from dataflows.checks.source import innermost_function
from dataflows.checks.table import RULES
from dataflows.commands import Command, Task
from dataflows.errors import WorkflowWarning

__all__ = ["watch"]

_GENERATOR = inspect.CO_GENERATOR
_POP_TOP = opcode.opmap["POP_TOP"]
_watched: set[tuple[str, int]] = set()
"""File and first line of functions that are workflow code."""


class Pops(frozenset[int]):
    """The places in a generator's code where it drops a value; holds the code, whose ``id`` it is kept under."""

    code: CodeType

    @classmethod
    def of(cls, code: CodeType) -> Pops:
        bytecode = code.co_code
        made = cls([place for place in range(0, len(bytecode), 2) if bytecode[place] == _POP_TOP])
        made.code = code
        return made


_pops: dict[int, Pops] = {}
"""Of each generator's code that was seen. By identity, since code is slow to hash."""


def watch(function: object, certain: bool = False) -> None:
    """Warn when this workflow, or what it delegates to, drops a command.

    :param certain: its source leaves no doubt that it drops none: commands get no finalizer for its sake.
    """
    code = getattr(innermost_function(function), "__code__", None)
    if isinstance(code, CodeType):
        _watched.add(_key(code))
        if not certain:
            setattr(Command, "__del__", _look)  # noqa: B010 - type checkers refuse the assignment


def _look(command: Command[object], _frame: Callable[[int], FrameType] = sys._getframe) -> None:
    """Called by Python for every command that dies, so it is short."""
    try:
        frame = _frame(1)
    except ValueError:
        return  # the interpreter ends
    code = frame.f_code
    if code.co_flags & _GENERATOR:
        pops = _pops.get(id(code))
        if pops is None:
            pops = _pops[id(code)] = Pops.of(code)
        if frame.f_lasti in pops:
            _tell(command, frame)


def _tell(command: Command[object], frame: FrameType) -> None:
    if isinstance(command, Task) or not _is_workflow_code(frame):
        return
    file, line, rule = frame.f_code.co_filename, frame.f_lineno, RULES["DF301"]
    if not allows(rule.code, linecache.getlines(file), [line]):
        what = " ".join(filter(None, (type(command).__name__, repr(getattr(command, "name", "")))))
        text = f"{rule.code} {what} was built and never yielded: {rule.why}; {rule.fix}"
        registry = frame.f_globals.setdefault("__warningregistry__", {})
        warnings.warn_explicit(text, WorkflowWarning, file, line, frame.f_globals.get("__name__"), registry)


def _is_workflow_code(frame: FrameType | None) -> bool:
    """It, or what delegates to it."""
    while frame is not None and frame.f_code.co_flags & _GENERATOR:
        if _key(frame.f_code) in _watched:
            return True
        frame = frame.f_back
    return False


def _key(code: CodeType) -> tuple[str, int]:
    return code.co_filename, code.co_firstlineno
