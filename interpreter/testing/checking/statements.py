"""The author's statement at a line of source, as it is written there.

Owns the reading of source files. What cannot be read is answered as not there.
"""

from __future__ import annotations

import ast
import linecache
import re
import textwrap
from dataclasses import dataclass

__all__ = ["Statement", "statement_at"]

_PLACE = re.compile(r"^(?P<file>.+?):(?P<line>\d+)(?:: |$)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, dedented.

    :ivar first: its first line.
    :ivar target: what it assigns to, like ``"item = "``; "" if it assigns nothing.
    :ivar without: the statement that assigns None to that; "" likewise.
    """

    file: str
    first: int
    text: str
    target: str
    without: str


def statement_at(place: str) -> Statement | None:
    """The statement around a ``file:line: text``; of one that has a body, its head.

    :returns: None: the place is no line of source that can be read.
    """
    found = _PLACE.match(place)
    if found is None:
        return None
    lines = linecache.getlines(found["file"])
    try:
        node = _innermost(ast.parse("".join(lines)), int(found["line"]))
    except (SyntaxError, ValueError):
        return None
    return None if node is None else _read(found["file"], lines, node)


def _innermost(tree: ast.AST, line: int) -> ast.stmt | None:
    """The smallest statement that has the line: the walk goes outside in."""
    around = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _has(node, line)]
    return around[-1] if around else None


def _has(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _read(file: str, lines: list[str], node: ast.stmt) -> Statement:
    last = node.end_lineno or node.lineno
    body = getattr(node, "body", None)
    if body:
        last = max(body[0].lineno - 1, node.lineno)
    text = textwrap.dedent("".join(lines[node.lineno - 1 : last])).rstrip()
    if body:
        text += "\n    ..."
    targets = node.targets if isinstance(node, ast.Assign) else []
    target = "".join(f"{ast.unparse(each)} = " for each in targets)
    without = "; ".join(f"{ast.unparse(each)} = {_nothing_for(each)}" for each in targets)
    return Statement(file, node.lineno, text, target, without)


def _nothing_for(target: ast.expr) -> str:
    return ", ".join(["None"] * len(target.elts)) if isinstance(target, ast.Tuple | ast.List) else "None"
