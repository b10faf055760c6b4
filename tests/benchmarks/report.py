"""The table at the end, for people.

Owns how numbers look: the median, and the range in brackets.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from tests.benchmarks.contestants import ABSURD, DBOS, ENGINE, RAW
from tests.benchmarks.targets import METRICS, Metric, Verdict
from tests.benchmarks.turns import Result

__all__ = ["print_report"]

_COLUMNS = (ENGINE.name, DBOS.name, ABSURD.name, RAW.name)
_MARKS = {True: Text("yes", style="green"), False: Text("no", style="red"), None: Text("")}


def print_report(
    console: Console, header: Mapping[str, object], results: Sequence[Result], not_run: Mapping[str, str]
) -> None:
    """Print what the results came to, what it was measured on, and who was not run and why."""
    metrics = [metric for metric in METRICS if metric.values(results, metric.contestant)]
    failed = [result for result in results if result.problem is not None]
    console.print(Group(_table(metrics, results), *_notes(header, failed, not_run)))


def _table(metrics: Iterable[Metric], results: Sequence[Result]) -> Table:
    table = Table(title="median (lowest to highest)", title_justify="left")
    for heading in ("", "what", *_COLUMNS, "found", "to reach", "reached"):
        table.add_column(heading, justify="right" if heading in _COLUMNS else "left")
    before = ""
    for metric in metrics:
        verdict = metric.judge(metric, results) or Verdict("", "", None)
        numbers = [_number(metric.values(results, contestant)) for contestant in _COLUMNS]
        name = metric.workload if metric.workload != before else ""
        table.add_row(name, metric.title, *numbers, verdict.found, verdict.wanted, _MARKS[verdict.is_reached])
        before = metric.workload
    return table


def _number(values: Sequence[float]) -> str:
    if not values:
        return ""
    low, middle, high = (_short(value) for value in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _notes(header: Mapping[str, object], failed: Iterable[Result], not_run: Mapping[str, str]) -> Iterable[str]:
    yield ", ".join(f"{name}: {value}" for name, value in header.items())
    for name, reason in not_run.items():
        yield f"{name} was not run: {reason}"
    for result in failed:
        yield f"{result.workload}, {result.contestant}, round {result.round} failed: {result.problem}"
