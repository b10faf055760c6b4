"""Whether open executions can go on with the code that is here: each journal is applied to it, and none is changed.

::

    findings.py     one journal against the code: what stands in its way
    reports.py      many of them, grouped by what they have in common
    patches.py      what to write so that old journals go on as they were
    statements.py   the author's statement at a line of source
"""

from interpreter.testing.checking.findings import Finding, Obstacle, check
from interpreter.testing.checking.patches import Patch
from interpreter.testing.checking.reports import Group, Report

__all__ = ["Finding", "Group", "Obstacle", "Patch", "Report", "check"]
