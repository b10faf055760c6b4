"""``# dataflows: allow DF101``: how an author says that it is meant so.

Owns the comment's form. On a line it silences what is found there; above the body of a function, from its first
decorator to its last parameter, what is found in the whole of it. Without codes it silences every rule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence

from dataflows.checks.finding import Hit
from dataflows.checks.source import AnyFunction

__all__ = ["allows", "is_allowed"]

_COMMENT = re.compile(r"#\s*dataflows:\s*allow\b(?P<codes>(?:[\s,]*DF\d+)*)")


def is_allowed(code: str, hit: Hit, function: AnyFunction, lines: Sequence[str]) -> bool:
    """Whether a comment allows it there, or in the whole function."""
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
    header = range(first, function.body[0].lineno)
    last = hit.node.lineno if isinstance(hit.node, ast.excepthandler) else hit.node.end_lineno or hit.node.lineno
    return allows(code, lines, {*header, function.lineno, hit.node.lineno, last})


def allows(code: str, lines: Sequence[str], numbers: Iterable[int]) -> bool:
    """Whether one of these lines, counted from 1, has the comment."""
    for number in numbers:
        comment = _COMMENT.search(lines[number - 1]) if number <= len(lines) else None
        if comment is not None and (not comment["codes"].strip() or code in comment["codes"]):
            return True
    return False
