"""``dataflows lint``: what the checks find in the workflows of some modules.

Owns how it is shown. The rules are the language's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from dataflows.checks import RULES, Finding, Severity, check, unsaid
from dataflows.workflow import Workflow, registry
from interpreter.cli.exits import Exit
from interpreter.cli.modules import import_modules
from interpreter.cli.options import AsDocument
from interpreter.cli.output import document, present, say
from interpreter.cli.text import inert, relative_to_here

__all__ = ["lint"]

_STYLES = {Severity.WARNING: "bold yellow", Severity.NOTE: "cyan"}

Linted = Annotated[
    list[str],
    typer.Argument(
        metavar="MODULE",
        help="A module that defines workflows, named with dots; looked for in the current directory too.",
        show_default=False,
    ),
]


def lint(modules: Linted, *, as_document: AsDocument = False) -> None:
    """Check the source of the workflows that the modules define; with --json, one finding a line.

    It finds what would not replay, what acts outside a step, and what nobody yields. What is meant so is allowed by a
    comment on its line, like `# dataflows: allow DF101`. Notes explain, and do not count as found.
    """
    with unsaid():
        import_modules(modules)
    workflows = [each for each in registry if _is_of(each, modules)]
    findings = list(dict.fromkeys(finding for workflow in workflows for finding in check(workflow)))
    if as_document:
        for finding in findings:
            document(finding)
    else:
        _show(findings, len(workflows))
    if any(finding.severity is Severity.WARNING for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _is_of(workflow: Workflow[..., Any], modules: Iterable[str]) -> bool:
    """Defined in one of the modules, or in one below it."""
    home = getattr(workflow, "__module__", "")
    return any(f"{home}.".startswith(f"{module}.") for module in modules)


def _show(findings: Sequence[Finding], workflows: int) -> None:
    if findings:
        present(Group(*map(_drawn, findings)))
    counted = f"{_several(workflows, 'workflow')}: {_several(_number(findings, Severity.WARNING), 'finding')}"
    notes = _number(findings, Severity.NOTE)
    say(f"{counted}, {_several(notes, 'note')}" if notes else counted)


def _drawn(finding: Finding) -> RenderableType:
    place = relative_to_here(f"{finding.file}:{finding.line}:{finding.column}")
    title = RULES[finding.code].title
    head = Text.assemble((finding.code, _STYLES[finding.severity]), "  ", title, "  ", (inert(place), "dim"))
    return Group(head, Text(f"  {inert(finding.message.partition(' ')[2])}\n"))


def _number(findings: Iterable[Finding], severity: Severity) -> int:
    return sum(finding.severity is severity for finding in findings)


def _several(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
