"""What was found in many executions, grouped by what they have in common.

Owns the grouping and the counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dataflows.workflow import Registry, registry
from interpreter.machine import Recording
from interpreter.testing.checking.findings import Finding, Obstacle, check
from interpreter.testing.checking.patches import Patch, suggest_patch

__all__ = ["Group", "Report"]

_EXAMPLES = 5
_ASKED_AGAIN = 20
"""A journal that ends where the code parts from it shows less of the change than a longer one."""


@dataclass(slots=True)
class Group:
    """Executions that one and the same thing keeps from going on.

    :ivar finding: that of the first one.
    :ivar examples: the ids of the first few.
    :ivar patch: what to write, or None if nothing is to be suggested.
    """

    finding: Finding
    count: int = 0
    examples: list[str] = field(default_factory=list)
    patch: Patch | None = None

    def add(self, finding: Finding, recording: Recording, known: Registry) -> None:
        """Count it; a journal that may show more of the change is asked what the change was."""
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(finding.id)
        is_unsure = self.patch is None or self.patch.change == "replaced"
        if finding.obstacle is Obstacle.MISMATCH and is_unsure and self.count <= _ASKED_AGAIN:
            workflow = known.find(finding.workflow, finding.version)
            self.patch = suggest_patch(workflow, recording, finding.entry) or self.patch


@dataclass(slots=True)
class Report:
    """What a check of many executions came to.

    :ivar checked: how many were looked at.
    """

    checked: int = 0
    groups: list[Group] = field(default_factory=list)

    @classmethod
    def of(cls, recordings: Iterable[Recording], known: Registry = registry) -> Report:
        """Check each against the code that is here; the largest group comes first."""
        found: dict[tuple[object, ...], Group] = {}
        report = cls()
        for recording in recordings:
            report.checked += 1
            if (finding := check(recording, known)) is not None:
                group = found.setdefault(_common(finding), Group(finding))
                group.add(finding, recording, known)
        report.groups = sorted(found.values(), key=lambda group: -group.count)
        return report

    @property
    def failing(self) -> int:
        """How many executions could not go on with this code."""
        return sum(group.count for group in self.groups)


def _common(finding: Finding) -> tuple[object, ...]:
    return (
        finding.workflow,
        finding.version,
        finding.obstacle,
        finding.place,
        finding.expected,
        finding.found,
    )
