"""Stopping in a debugger at frames that do not run: those of a generator that stands at its yield.

Owns the choice of the debugger, as ``breakpoint()`` makes it: ``$PYTHONBREAKPOINT`` names another
than pdb, and ``0`` none. Nothing can be stepped from there: what is looked at is at rest.
"""

from __future__ import annotations

import importlib
import os
import pdb  # noqa: T100  # this is the place that stops in it
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any

from interpreter.testing.replaying.frames import Stop

__all__ = ["stop_in_debugger"]


def stop_in_debugger(stop: Stop) -> None:
    """Open the debugger with these frames as its stack, the last one current; return when it is left."""
    named = os.environ.get("PYTHONBREAKPOINT", "")
    if named == "0" or not stop:
        return
    if not named or named == "pdb.set_trace":
        _Pdb(stop).interaction(stop[-1][0], None)
    elif post_mortem := _post_mortem_of(named):
        post_mortem(_traceback(stop))
    else:
        _breakpoint_in(*stop[-1])


class _Pdb(pdb.Pdb):
    """pdb, at a stack that it is given: a generator at rest has no frame that called it."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(nosigint=True)
        self._stop = stop
        self.reset()

    def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[Stop, int]:
        return self._stop, len(self._stop) - 1


def _post_mortem_of(named: str) -> Callable[[TracebackType], Any] | None:
    """Most debuggers have one beside their ``set_trace``."""
    try:
        module = importlib.import_module(named.rpartition(".")[0] or "builtins")
    except ImportError:
        return None
    return getattr(module, "post_mortem", None)


def _traceback(stop: Stop) -> TracebackType:
    made: TracebackType | None = None
    for frame, line in reversed(stop):
        made = TracebackType(made, frame, frame.f_lasti, line)
    assert made is not None
    return made


def _breakpoint_in(frame: FrameType, line: int) -> None:
    """Call ``breakpoint()`` among the names of the frame, as if it stood at that line."""
    code: CodeType = compile("\n" * (line - 1) + "breakpoint()", frame.f_code.co_filename, "exec")
    exec(code, frame.f_globals, dict(frame.f_locals))
