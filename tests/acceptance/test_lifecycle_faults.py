"""Schedulers are killed again and again: in compensations, between two generations, and in steps that run once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from dataflows import ExecutionBlocked
from interpreter import Client, Handle
from tests.acceptance.lifecycle_workflows import NUMBER, charging, compensating, counting
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until

MODULE = "tests.acceptance.lifecycle_workflows"
RunScheduler = Callable[..., SchedulerProcess]

RUN = "SELECT step, count(*) FROM runs WHERE step LIKE %s GROUP BY step"
JOURNALED = "SELECT name FROM dataflows.journal WHERE kind = 'step' AND name LIKE %s ORDER BY seq"


def runs(sql: Connection[Any], steps: str) -> dict[str, int]:
    return dict(sql.execute(RUN, [steps]).fetchall())


def kill_at(sql: Connection[Any], run_scheduler: RunScheduler, steps: str, moments: Iterator[int] | range) -> None:
    """A scheduler after the other is killed, each when so many steps of that name have begun."""
    for moment in moments:
        scheduler = run_scheduler(MODULE, lease="500ms")
        wait_until(lambda: len(runs(sql, steps)) >= moment, f"{moment} have begun")  # noqa: B023
        scheduler.kill()


def test_a_compensation_whose_schedulers_are_killed_is_done_whole_in_order_and_once_journaled_never_again(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    handle = client.start(compensating)
    kill_at(sql, run_scheduler, "undo %", range(1, NUMBER, 5))
    run_scheduler(MODULE, lease="500ms")
    with pytest.raises(ValueError, match="the last of them is refused"):
        handle.result("30s")

    names = [row[0] for row in sql.execute(JOURNALED, ["undo %"])]
    assert names == [f"undo {number}" for number in reversed(range(NUMBER))]
    assert sum(runs(sql, "undo %").values()) <= NUMBER + 4, "only what was cut off has run again"


def test_what_is_to_run_once_never_runs_twice_and_each_that_was_cut_off_is_told(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    handle = client.start(charging)
    kill_at(sql, run_scheduler, "charge %", range(2, NUMBER, 6))
    run_scheduler(MODULE, lease="500ms")
    interrupted = handle.result("30s")

    ran = runs(sql, "charge %")
    assert set(ran.values()) == {1}
    assert 1 <= len(interrupted) <= 3
    assert {f"charge {number}" for number in range(NUMBER)} == {*ran, *interrupted}


def test_a_count_over_many_generations_is_exact_though_every_scheduler_is_killed(
    client: Client, sql: Connection[Any], run_scheduler: RunScheduler
) -> None:
    handle = client.start(counting, 0, 120)
    for number in range(6):
        scheduler = run_scheduler(MODULE, lease="500ms")
        for message in range(20):
            client.signal(handle.id, "add", 1, id=f"{number}.{message}")
        wait_until(partial(has_counted, handle, number), "it has begun again a few times")
        scheduler.kill()
    run_scheduler(MODULE, lease="500ms")

    try:
        assert handle.result("30s") == 120
    except ExecutionBlocked as blocked:
        pytest.fail(str(blocked))
    assert handle.describe().generation == 41
    numbers = "SELECT array_agg(DISTINCT generation ORDER BY generation) FROM dataflows.journal"
    wait_until(lambda: sql.execute(numbers).fetchone() == ([39, 40, 41],), "what is read no more is deleted")


def has_counted(handle: Handle[int], number: int) -> bool:
    return handle.describe().generation > 6 * number + 1
