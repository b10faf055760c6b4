"""What the checks say: a rule, and a finding, the place where one is broken.

Owns the vocabulary and the wording of a message. Knows nothing of how a rule looks at code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dataflows.checks.body import Body

__all__ = ["Finding", "Hit", "Rule", "Severity"]


class Severity(StrEnum):
    """What a finding leads to."""

    WARNING = "warning"
    """A ``WorkflowWarning`` when the workflow is registered; an error in strict mode."""
    NOTE = "note"
    """Right, and worth knowing: told by ``dataflows lint`` alone."""


class Hit(NamedTuple):
    """Where a rule is broken, and by what: ``says`` is the first half of a sentence."""

    node: ast.expr | ast.stmt | ast.excepthandler
    says: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that workflow code should not do.

    :ivar code: ``DF101``; stable, for silencing it and for looking it up.
    :ivar title: what it is about, in a few words.
    :ivar why: what goes wrong.
    :ivar fix: what to write instead.
    :ivar look: finds where a function breaks it; its docstring has examples.
    """

    code: str
    title: str
    why: str
    fix: str
    look: Callable[[Body], Iterator[Hit]]
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where a rule is broken.

    :ivar line: counted from 1, of the author's file.
    :ivar column: counted from 1.
    :ivar function: the qualified name of the function it stands in.
    :ivar message: what, why, and what to write instead; begins with the code.
    """

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    function: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"
