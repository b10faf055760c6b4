"""What came of a long run, and how it is told to whoever started it by hand.

Owns the report and its table. What is counted, and what must not be, is the run's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["Report", "print_report"]

_MOST_ROWS = 10


@dataclass
class Report:
    """What came of it.

    :ivar counts: what is told → the number.
    :ivar violations: what must not be → the rows that show it.
    """

    counts: dict[str, int | float] = field(default_factory=dict)
    violations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def print_report(report: Report, seed: int, looked_for: Iterable[str] = ()) -> None:
    """Print the counts, how often there was what must not be, and rows that show it.

    :param looked_for: what must not be, told also where there was none of it.
    """
    table = Table("what happened", "", title=f"seed {seed}", title_justify="left")
    table.columns[1].justify = "right"
    for what, number in report.counts.items():
        table.add_row(what, str(number))
    table.add_section()
    table.add_row("[bold]what must not be[/]", "")
    for what in dict.fromkeys([*looked_for, *report.violations]):
        rows = report.violations.get(what, [])
        table.add_row(what, str(len(rows)), style="red" if rows else "")
    console = Console()
    console.print(table)
    for what, rows in report.violations.items():
        console.print(f"[bold red]VIOLATION[/] {what}: {len(rows)}")
        for row in rows[:_MOST_ROWS]:
            console.print(f"  {row}", markup=False)
    right, wrong = "[bold green]nothing lost, doubled or stranded[/]", "[bold red]something is wrong[/]"
    console.print(wrong if report.violations else right)
