"""Every rule finds what its docstring says it finds, and nothing else."""

from __future__ import annotations

import inspect
import re
import textwrap
from pathlib import Path

import pytest

from dataflows.checks import RULES, Rule, Severity, check
from tests.language.checking import PRELUDE, Author

EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


def examples(rule: Rule) -> tuple[str, str]:
    """The blocks after ``Found::`` and ``Fine::``."""
    found, fine = re.split(r"^Fine::$", inspect.getdoc(rule.look) or "", flags=re.MULTILINE)
    return textwrap.dedent(found.partition("Found::")[2]).strip("\n"), textwrap.dedent(fine).strip("\n")


def as_workflow(body: str) -> str:
    return f"def flow(order_id: str, order: Any):\n{textwrap.indent(body, '    ')}\n    yield sleep('the end', 0)\n"


def lines_with(rule: Rule, author: Author, body: str) -> list[str]:
    """The lines of the body in which the rule is said to be broken."""
    text = as_workflow(body)
    lines = (PRELUDE + text).splitlines()
    findings = check(author.module(text).flow)
    return [lines[finding.line - 1].strip() for finding in findings if finding.code == rule.code]


@EVERY_RULE
def test_a_rule_finds_its_examples_each_once_at_its_line(rule: Rule, author: Author) -> None:
    broken, _ = examples(rule)
    marked = [line.strip() for line in broken.splitlines() if f"# {rule.code}" in line]
    assert marked
    assert lines_with(rule, author, broken) == marked


@EVERY_RULE
def test_a_rule_finds_nothing_in_what_its_docstring_calls_fine(rule: Rule, author: Author) -> None:
    assert lines_with(rule, author, examples(rule)[1]) == []


@EVERY_RULE
def test_what_one_rule_calls_fine_no_other_rule_warns_of(rule: Rule, author: Author) -> None:
    text = as_workflow(examples(rule)[1])
    found = [str(each) for each in check(author.module(text).flow) if each.severity is Severity.WARNING]
    assert found == []


@EVERY_RULE
def test_a_rule_says_what_why_and_what_to_write_instead(rule: Rule) -> None:
    assert re.fullmatch(r"DF[123]\d\d", rule.code)
    assert RULES[rule.code] is rule
    assert rule.title and rule.why and rule.fix
