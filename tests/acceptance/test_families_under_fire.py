"""Whole families, whose schedulers are killed or whose database crashes: all are there once, and nobody waits in vain.

"All" are children of children, what goes its own way, signals between them, and events by key.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from psycopg import Connection

from interpreter import Client, Scheduler
from tests.acceptance import family_workflows as families
from tests.acceptance.crashing_server import CrashingServer
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until
from tests.databases import opened

MODULE = "tests.acceptance.family_workflows"
BRANCHES = 12
KILLS = 6


def start_family(client: Client) -> None:
    client.start(families.collector, BRANCHES, id="collector")
    client.start(families.tree, "collector", BRANCHES, id="tree")


def count(sql: Connection[Any], what: str) -> int:
    row = sql.execute(f"SELECT count(*) FROM dataflows.{what}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def has_written(sql: Connection[Any], entries: int) -> bool:
    return count(sql, "journal") > entries or count(sql, "executions WHERE id = 'tree' AND ended_at IS NOT NULL") == 1


def assert_all_are_there_once(client: Client, sql: Connection[Any]) -> None:
    assert client.result("tree", "60s") == list(range(2 * BRANCHES))
    assert client.result("collector", "60s") == list(range(BRANCHES))
    wait_until(lambda: count(sql, "executions WHERE ended_at IS NULL") == 0, "all have ended")
    assert count(sql, "executions WHERE workflow = 'families/leaf'") == 2 * BRANCHES
    assert count(sql, "executions WHERE workflow = 'families/reporter'") == BRANCHES
    assert count(sql, "inbox WHERE kind = 'child'") == 3 * BRANCHES
    assert count(sql, "executions WHERE status <> 'completed'") == 0


@pytest.mark.parametrize("shaken", [False, True], ids=["as they are", "with pauses in between"])
def test_schedulers_that_are_killed_again_and_again_lose_nobody_and_start_nobody_twice(
    client: Client, sql: Connection[Any], run_scheduler: Callable[..., SchedulerProcess], shaken: bool
) -> None:
    run = partial(run_scheduler, MODULE, lease="500ms", shaken=shaken)
    start_family(client)
    for _ in range(KILLS):
        schedulers = [run(cached=random.choice([0, 1_000])) for _ in range(2)]
        wait_until(partial(has_written, sql, count(sql, "journal") + 8), "they do something")
        time.sleep(random.uniform(0, 0.05))  # anywhere
        for scheduler in schedulers:
            scheduler.kill()
    run()
    assert_all_are_there_once(client, sql)


def test_a_server_that_crashes_in_mid_run_loses_nobody_and_nobody_is_started_twice(
    crashing_server: CrashingServer, crashing_database: str
) -> None:
    with Client(crashing_database) as client:
        start_family(client)
    with Scheduler(crashing_database, lease="1s", concurrency=2):
        for entries in (40, 120):
            with opened(crashing_database) as sql:
                wait_until(partial(has_written, sql, entries), "some has been done")
            crashing_server.crash()
            crashing_server.start()
        with opened(crashing_database) as sql, Client(crashing_database) as client:
            assert_all_are_there_once(client, sql)
