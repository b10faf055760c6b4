"""Checks of workflow code, from its source: what would not replay, what acts outside a step, what nobody yields.

``@workflow`` asks for them when a workflow is registered; ``dataflows lint`` prints them. The rules stand in one table,
``RULES``; each has a code, and is silenced on a line by ``# dataflows: allow DF101``. Nothing here runs a workflow.
"""

from dataflows.checks.checking import check
from dataflows.checks.finding import Finding, Rule, Severity
from dataflows.checks.table import RULES
from dataflows.checks.telling import strict, tell, unsaid

__all__ = ["RULES", "Finding", "Rule", "Severity", "check", "strict", "tell", "unsaid"]
