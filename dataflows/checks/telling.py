"""What happens to the findings of a workflow that is being registered: warnings, errors, or nothing.

Owns the strict mode of the process. Warnings carry the author's file and line, so that Python's own filters,
``-W error::dataflows.WorkflowWarning`` and pytest's ``filterwarnings`` work as for any other.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from dataflows.checks.checking import check_code
from dataflows.checks.dropped import watch
from dataflows.checks.finding import Finding, Severity
from dataflows.checks.reach import workflow_code
from dataflows.checks.source import innermost_function
from dataflows.checks.suspects import may_drop_commands
from dataflows.errors import WorkflowRefused, WorkflowWarning

__all__ = ["strict", "tell", "unsaid"]

_MEANS_NO = {"", "0", "false", "no", "off"}


class _Mode:
    """How this process takes findings."""

    strict = os.environ.get("DATAFLOWS_STRICT", "").lower() not in _MEANS_NO


_unsaid: ContextVar[bool] = ContextVar("unsaid", default=False)


def strict(on: bool = True) -> None:
    """From now on, a workflow with findings is refused when it is registered: ``WorkflowRefused`` lists all.

    The environment variable ``DATAFLOWS_STRICT=1`` says the same from the start.
    """
    _Mode.strict = on


@contextmanager
def unsaid() -> Iterator[None]:
    """Register inside without a word: whoever asks for the findings afterwards tells them better."""
    token = _unsaid.set(True)
    try:
        yield
    finally:
        _unsaid.reset(token)


def tell(name: str, function: object, refuse: bool | None) -> None:
    """Check a workflow that is being registered, and watch it from now on.

    :param refuse: whether findings are errors; None: as the process has it.
    :raises WorkflowRefused: they are, and there are some.
    """
    code = tuple(workflow_code(function))
    watch(function, certain=bool(code) and not any(map(may_drop_commands, code)))
    findings = [each for each in check_code(code) if each.severity is Severity.WARNING]
    if _unsaid.get():
        return
    if findings and (_Mode.strict if refuse is None else refuse):
        raise WorkflowRefused(_refusal(name, findings))
    for finding in findings:
        _warn(finding, function)


def _refusal(name: str, findings: Sequence[Finding]) -> str:
    listed = "\n".join(f"  {finding}" for finding in findings)
    return f"workflow {name!r} is refused, since checks are strict:\n{listed}\n{_HOW_TO_ALLOW}"


_HOW_TO_ALLOW = "  What is meant so is allowed by a comment on its line: # dataflows: allow DF…"


def _warn(finding: Finding, function: object) -> None:
    module = getattr(innermost_function(function), "__module__", None)
    registry = vars(sys.modules[module]).setdefault("__warningregistry__", {}) if module in sys.modules else None
    text = f"{finding.message} (if it is meant so: # dataflows: allow {finding.code})"
    warnings.warn_explicit(text, WorkflowWarning, finding.file, finding.line, module, registry)
