"""Schedulers of whole families are killed: every child runs once, and every result and message arrives once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from interpreter import Client
from tests.acceptance import family_workflows as families
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until

MODULE = "tests.acceptance.family_workflows"
BRANCHES = 12
KILLS = 6


def test_families_whose_schedulers_are_killed_again_and_again_are_complete_and_nobody_is_there_twice(
    client: Client, sql: Connection[Any], run_scheduler: Callable[..., SchedulerProcess]
) -> None:
    collecting = client.start(families.collector, BRANCHES, id="collector")
    growing = client.start(families.tree, "collector", BRANCHES, id="tree")
    for _ in range(KILLS):
        schedulers = [run_scheduler(MODULE, lease="500ms", cached=random.choice([0, 1_000])) for _ in range(2)]
        entries = count(sql, "journal")
        wait_until(lambda entries=entries: count(sql, "journal") > entries + 8 or has_ended(sql), "they do something")
        time.sleep(random.uniform(0, 0.05))  # anywhere
        for scheduler in schedulers:
            scheduler.kill()
    run_scheduler(MODULE, lease="500ms")

    assert growing.result("60s") == list(range(2 * BRANCHES))
    assert collecting.result("60s") == list(range(BRANCHES))
    wait_until(lambda: count(sql, "executions WHERE ended_at IS NULL") == 0, "all have ended")
    assert count(sql, "executions WHERE workflow = 'families/leaf'") == 2 * BRANCHES
    assert count(sql, "executions WHERE workflow = 'families/reporter'") == BRANCHES
    assert count(sql, "inbox WHERE kind = 'child'") == 3 * BRANCHES
    assert count(sql, "executions WHERE status <> 'completed'") == 0


def has_ended(sql: Connection[Any]) -> bool:
    return count(sql, "executions WHERE id = 'tree' AND ended_at IS NOT NULL") == 1


def count(sql: Connection[Any], what: str) -> int:
    row = sql.execute(f"SELECT count(*) FROM dataflows.{what}".encode()).fetchone()
    assert row is not None
    return int(row[0])
