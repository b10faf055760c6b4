"""The checks say nothing of workflows as they should be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows import Workflow
from dataflows.checks import Finding, Severity, check
from dataflows.checks.checking import check_code
from dataflows.checks.names import Names
from dataflows.checks.reach import reached_from
from dataflows.checks.source import AnyFunction, Source
from tests.language import idioms

ROOT = Path(__file__).parents[2]
IDIOMS = [each for each in vars(idioms).values() if isinstance(each, Workflow)]
OF_HERE = [
    path
    for folder in ("examples", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "@workflow(" in path.read_text() and "refused" not in path.parts
]


def warned_of(findings: tuple[Finding, ...]) -> list[str]:
    return [str(finding) for finding in findings if finding.severity is Severity.WARNING]


@pytest.mark.parametrize("workflow", IDIOMS, ids=lambda workflow: workflow.name)
def test_idiomatic_workflows_have_no_findings(workflow: Workflow[..., object]) -> None:
    assert warned_of(check(workflow)) == []


def workflows_in(source: Source) -> Iterator[AnyFunction]:
    """The decorated functions, also those within tests, which are registered only when these run."""
    for node in source.owners:
        if isinstance(node, ast.FunctionDef) and any("workflow" in ast.unparse(each) for each in node.decorator_list):
            yield node


def test_there_are_many_of_them() -> None:
    assert sum(len(list(workflows_in(Source(str(path), path.read_text())))) for path in OF_HERE) > 100


@pytest.mark.parametrize("path", OF_HERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_workflow_of_this_repository_is_clean_or_says_that_it_is_meant_so(path: Path) -> None:
    source = Source(str(path), path.read_text())
    names = [Names(source, node, {}, {}) for node in workflows_in(source)]
    assert warned_of(check_code(body for each in names for body in reached_from(each))) == []
