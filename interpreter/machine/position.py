"""Where in an execution a command stands, like ``3.0.2``.

The n-th command of a fiber stands at ``prefix + (n,)``; branch b of the command at p is a
fiber whose commands stand at ``p + (b, 0)``, ``p + (b, 1)``, … The main fiber's prefix is
empty. Positions say *who*; the order of entries (*when*) is ``seq``.
"""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Position", "format_position", "parse_position"]

Position: TypeAlias = tuple[int, ...]


def format_position(position: Position) -> str:
    """``(3, 0, 2)`` as ``"3.0.2"``."""
    if len(position) == 1:  # where nearly all stand
        return str(position[0])
    return ".".join(map(str, position))


def parse_position(text: str) -> Position:
    """``"3.0.2"`` as ``(3, 0, 2)``.

    :raises ValueError: the text is no position.
    """
    if "." not in text:
        return (int(text),) if text else ()
    return tuple(map(int, text.split(".")))
