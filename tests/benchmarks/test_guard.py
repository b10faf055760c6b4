"""The engine has not become slower by an order of magnitude: its rates as shares of what the server itself does.

Ratios within one run, not times, so that a slow machine passes as a fast one does. The bounds are far below what is
measured on an idle machine, and a bound that is missed is tried again: noise is to fail no build.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks import deliveries
from tests.benchmarks.contestants import ENGINE, RAW
from tests.benchmarks.server import Server
from tests.benchmarks.turns import take
from tests.benchmarks.workloads import Settings, Turn

ROUNDS = 5
LEAST_SHARE_OF_BATCHED_ROWS = 0.005
MOST_COMMITS_A_STEP = 20
LEAST_TIMES_AS_FAST = 3


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that is durable, unlike that of the other tests."""
    with Server() as server:
        for contestant in (ENGINE, RAW):
            server.prepare(contestant.database, partial(contestant.prepare, Path(sys.executable)))
        yield server


def measure(server: Server, workload: str, settings: Settings) -> Mapping[str, float]:
    """What one turn of the engine came to."""
    result = take(Turn(workload, ENGINE, settings, ENGINE.module), 1, server, {ENGINE.name: Path(sys.executable)})
    assert result.problem is None, result.problem
    return result.values


def batched_rows(server: Server) -> float:
    """Rows a second that plain psycopg writes in batches."""
    turn = Turn("limits", RAW, {"commits": 50, "batches": 20, "selects": 50}, RAW.module)
    result = take(turn, 1, server, {RAW.name: Path(sys.executable)})
    assert result.problem is None, result.problem
    return result.values["rows_per_second"]


def best(ratio: Callable[[], float], *, enough: Callable[[float], bool]) -> float:
    """The first ratio that is good enough, or the last of several tries."""
    found = ratio()
    for _ in range(ROUNDS - 1):
        if enough(found):
            break
        found = ratio()
    return found


def test_executions_of_one_step_are_journaled_at_a_fair_share_of_what_the_server_can_write(server: Server) -> None:
    def share() -> float:
        return measure(server, "W1", {"number": 500})["journal_rows_per_second"] / batched_rows(server)

    assert best(share, enough=lambda found: found > LEAST_SHARE_OF_BATCHED_ROWS) > LEAST_SHARE_OF_BATCHED_ROWS


def test_executions_side_by_side_are_journaled_at_a_fair_share_of_what_the_server_can_write(server: Server) -> None:
    def share() -> float:
        steps = measure(server, "W2a", {"executions": 20, "steps": 20})["steps_per_second"]
        return steps / batched_rows(server)

    assert best(share, enough=lambda found: found > LEAST_SHARE_OF_BATCHED_ROWS) > LEAST_SHARE_OF_BATCHED_ROWS


def test_a_step_takes_a_few_commits_time_and_not_many(server: Server) -> None:
    def commits_a_step() -> float:
        found = measure(server, "W2b", {"executions": 1, "steps": 50})
        return found["ms_per_step"] / found["commit_ms"]

    assert best(commits_a_step, enough=lambda found: found < MOST_COMMITS_A_STEP) < MOST_COMMITS_A_STEP


def test_deliveries_that_come_together_are_stored_several_times_as_fast_as_with_a_commit_for_each(
    server: Server,
) -> None:
    def ratio() -> float:
        together, alone = (deliveries.stored(server, ENGINE.database, name, 64, 20) for name in deliveries.ALONES)
        return together["per_second"] / alone["per_second"]

    assert best(ratio, enough=lambda found: found > LEAST_TIMES_AS_FAST) > LEAST_TIMES_AS_FAST
