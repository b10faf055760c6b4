"""Where the source of an expression is broken into lines.

Owns the rule, which is that of the usual formatters: on one line if it fits, else one item a line,
with a comma behind the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Brackets", "Source", "lay_out", "on_one_line"]

WIDTH = 88
"""Of a line. Formatters that allow more leave what is laid out so as it is."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """``opening``, items between commas, ``closing``; the opening may begin with a name or a key.

    :ivar comma: whether one item alone has a comma behind it, as in a tuple.
    """

    opening: str
    items: Sequence[Source]
    closing: str
    comma: bool = False

    def behind(self, prefix: str) -> Brackets:
        """The same with something in front of it."""
        return Brackets(prefix + self.opening, self.items, self.closing, self.comma)


Source: TypeAlias = str | Brackets


def on_one_line(source: Source) -> str:
    """The source without a break."""
    if isinstance(source, str):
        return source
    comma = "," if source.comma and len(source.items) == 1 else ""
    return f"{source.opening}{', '.join(map(on_one_line, source.items))}{comma}{source.closing}"


def lay_out(source: Source, indent: int = 0, behind: str = "") -> str:
    """The source as lines that begin in column ``indent``, and end with ``behind``."""
    line = " " * indent + on_one_line(source) + behind
    if isinstance(source, str) or not source.items or len(line) <= WIDTH:
        return line
    items = [lay_out(item, indent + 4, ",") for item in source.items]
    margin = " " * indent
    return "\n".join([margin + source.opening, *items, margin + source.closing + behind])
