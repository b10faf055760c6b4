"""What is to be reached: each line of the table, and how it is judged.

Owns the targets, as data, and the arithmetic: medians, ranges, ratios within one run. Knows nothing of how the
numbers were measured or are printed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.contestants import ABSURD, DBOS, ENGINE, RAW
from tests.benchmarks.turns import Result

__all__ = ["METRICS", "PEERS", "Metric", "Verdict", "values_of"]

PEERS = (DBOS.name, ABSURD.name)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a measurement compares with its target.

    :ivar found: the ratio, or whatever is compared, as text.
    :ivar is_reached: None where there is no target.
    """

    found: str
    wanted: str
    is_reached: bool | None


Judge = Callable[["Metric", Sequence[Result]], Verdict | None]
"""None where something that is to be compared was not measured."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the table.

    :ivar key: which of the workload's values it shows.
    """

    workload: str
    key: str
    title: str
    judge: Judge
    contestant: str = ENGINE.name

    def values(self, results: Sequence[Result], contestant: str) -> list[float]:
        return values_of(results, self.workload, self.key, contestant)


def values_of(results: Sequence[Result], workload: str, key: str, contestant: str = ENGINE.name) -> list[float]:
    """What a contestant measured in all its turns."""
    return [
        result.values[key]
        for result in results
        if (result.workload, result.contestant) == (workload, contestant) and key in result.values
    ]


def _times_the_faster_peer(least: float) -> Judge:
    def judge(metric: Metric, results: Sequence[Result]) -> Verdict | None:
        ours = metric.values(results, ENGINE.name)
        theirs = [statistics.median(found) for peer in PEERS if (found := metric.values(results, peer))]
        if not ours or not theirs:
            return None
        ratio = statistics.median(ours) / max(theirs)
        return Verdict(f"{ratio:.1f} x peer", f"≥ {least:g} x peer", ratio >= least)

    return judge


def _times_a_commit(most: float) -> Judge:
    """Turn by turn, against the commits between what that turn measured."""

    def judge(metric: Metric, results: Sequence[Result]) -> Verdict | None:
        ours = [r for r in results if (r.workload, r.contestant) == (metric.workload, ENGINE.name) and r.values]
        if not ours:
            return None
        ratio = statistics.median(result.values[metric.key] / result.values[COMMIT] for result in ours)
        return Verdict(f"{ratio:.2f} x commit", f"≤ {most:g} x commit", ratio <= most)

    return judge


def _within(most: float) -> Judge:
    """A time: the median counts, as it does for every ratio."""

    def judge(metric: Metric, results: Sequence[Result]) -> Verdict | None:
        ours = metric.values(results, ENGINE.name)
        if not ours:
            return None
        median = statistics.median(ours)
        return Verdict(f"{median:.3g}", f"≤ {most:g}", median <= most)

    return judge


def _at_most(most: float) -> Judge:
    """A bound: the worst turn counts."""

    def judge(metric: Metric, results: Sequence[Result]) -> Verdict | None:
        ours = metric.values(results, ENGINE.name)
        return Verdict(f"{max(ours):.3g} at most", f"≤ {most:g}", max(ours) <= most) if ours else None

    return judge


def _times(workload: str, key: str, name: str, *, least: float = 0, most: float = float("inf")) -> Judge:
    """Against another line of the table, which is called ``name``."""

    def judge(metric: Metric, results: Sequence[Result]) -> Verdict | None:
        ours, other = metric.values(results, ENGINE.name), values_of(results, workload, key)
        if not ours or not other:
            return None
        ratio = statistics.median(ours) / statistics.median(other)
        wanted = f"≥ {least:g}" if least else f"≤ {most:g}"
        return Verdict(f"{ratio:.2f} x {name}", f"{wanted} x {name}", least <= ratio <= most)

    return judge


def _share_of_batched_rows(metric: Metric, results: Sequence[Result]) -> Verdict | None:
    ours = metric.values(results, ENGINE.name)
    limit = values_of(results, "limits", "rows_per_second", RAW.name)
    if not ours or not limit:
        return None
    return Verdict(f"{statistics.median(ours) / statistics.median(limit):.0%} of batched rows", "", None)


def _nothing(metric: Metric, results: Sequence[Result]) -> Verdict | None:
    return Verdict("", "", None)


RATE = "executions_per_second"
ONE = f"{RATE}_1"
COMMIT = "commit_ms"

METRICS = (
    Metric("W1", RATE, "executions of one step, a second", _times_the_faster_peer(10)),
    Metric("W1", "journal_rows_per_second", "W1's journal rows a second", _share_of_batched_rows),
    Metric("W2a", "steps_per_second", "20 executions at a time, steps a second", _times_the_faster_peer(8)),
    Metric("W2b", "ms_per_step", "one execution, ms a step", _times_a_commit(1.5)),
    Metric("W2b", COMMIT, "one single-row commit between them, ms", _nothing),
    Metric("W3", "steps_per_second", "500 steps in a gather, steps a second", _times_the_faster_peer(15)),
    Metric("W4", "p50_ms", "signal to next step, p50, ms", _times_a_commit(4)),
    Metric("W4", "p99_ms", "signal to next step, p99, ms", _times_a_commit(10)),
    Metric("W4", COMMIT, "one single-row commit at that rhythm, p50, ms", _nothing),
    Metric("W5", RATE, "executions put to sleep, a second", _times_the_faster_peer(10)),
    Metric("W5", "megabytes", "memory for them, MB", _at_most(40)),
    Metric("W6", "seconds_beyond_lease", "after SIGKILL all complete, s beyond the lease", _at_most(2)),
    Metric("W6", "steps_in_flight", "steps in flight at the kill", _nothing),
    Metric("W6", "ran_again", "steps that ran again", _nothing),
    Metric("W6", "ran_again_beyond_flight", "steps that ran again and were not in flight", _at_most(0)),
    Metric("W7", "seconds_short", "resume with 10,000 journaled steps, s", _within(0.15)),
    Metric("W7", "seconds_long", "resume with 100,000, s", _times("W7", "seconds_short", "10,000", most=10)),
    Metric("W8", "statements_per_second", "idle, 100,000 asleep: statements a second", _at_most(1)),
    Metric("W8", "percent_of_a_core", "idle, 100,000 asleep: % of a core", _at_most(1)),
    Metric("W9", RATE, "W1 on a database of completed executions", _times("W1", RATE, "W1", least=0.85)),
    Metric("W10", ONE, "W1 shared: one scheduler", _nothing),
    Metric("W10", f"{RATE}_2", "W1 shared: two schedulers", _times("W10", ONE, "one", least=1)),
    Metric("W10", f"{RATE}_4", "W1 shared: four schedulers", _times("W10", ONE, "one", least=1)),
    Metric("W10", "run_twice", "executions that ran twice", _at_most(0)),
    Metric("limits", "ms_per_commit", "limit: one single-row commit, ms", _nothing, RAW.name),
    Metric("limits", "rows_per_second", "limit: rows in batches of 500, a second", _nothing, RAW.name),
    Metric("limits", "selects_per_second", "limit: SELECT 1, a second", _nothing, RAW.name),
)
