"""The author's frames: in a generator that stands at a yield, or in the traceback of one that has ended.

Owns what is left out: the machine's own frames, and those of commands.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from types import CodeType, FrameType, GeneratorType
from typing import TypeAlias

from dataflows.commands import Command
from interpreter import machine

__all__ = ["Stop", "frames_of_generator", "frames_of_traceback"]

Stop: TypeAlias = list[tuple[FrameType, int]]
"""Frames with their line numbers, the outermost first; none: there is no place to stop at."""

_MACHINE = str(Path(machine.__file__).parent)


def frames_of_generator(generator: object) -> Stop:
    """From the generator down its ``yield from`` to the one that stands at the ``yield``."""
    stop: Stop = []
    while isinstance(generator, GeneratorType) and (frame := generator.gi_frame) is not None:
        if not _is_ours(generator.gi_code):
            stop.append((frame, frame.f_lineno))
        generator = generator.gi_yieldfrom
    return stop


def frames_of_traceback(exception: BaseException) -> Stop:
    """From the workflow to where it was raised."""
    walked = traceback.walk_tb(exception.__traceback__)
    return [(frame, line) for frame, line in walked if not _is_ours(frame.f_code)]


def _is_ours(code: CodeType) -> bool:
    return code is Command.__iter__.__code__ or code.co_filename.startswith(_MACHINE)
