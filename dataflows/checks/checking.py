"""One function checked against all the rules.

Owns the order of findings, and that each is told once. Says nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dataflows.checks.body import Body
from dataflows.checks.finding import Finding, Hit, Rule
from dataflows.checks.reach import workflow_code
from dataflows.checks.silence import is_allowed
from dataflows.checks.table import RULES

__all__ = ["check", "check_code"]


def check(function: object) -> tuple[Finding, ...]:
    """What is found in a workflow, or in its generator function, and in the helpers of its module that it runs.

    :returns: findings by file and line; none when the source cannot be had.
    """
    return check_code(workflow_code(function))


def check_code(code: Iterable[Body]) -> tuple[Finding, ...]:
    """What is found in these functions, by file and line."""
    found = {finding for body in code for finding in _findings(body)}
    return tuple(sorted(found, key=lambda each: (each.file, each.line, each.column, each.code)))


def _findings(body: Body) -> Iterator[Finding]:
    lines = body.names.source.lines
    for rule in RULES.values():
        for hit in rule.look(body):
            if not is_allowed(rule.code, hit, body.node, lines):
                yield _finding(rule, hit, body)


def _finding(rule: Rule, hit: Hit, body: Body) -> Finding:
    return Finding(
        code=rule.code,
        severity=rule.severity,
        file=body.names.source.file,
        line=hit.node.lineno,
        column=hit.node.col_offset + 1,
        function=body.names.source.qualified_name(body.node),
        message=f"{rule.code} {hit.says}: {rule.why}; {rule.fix}",
    )
