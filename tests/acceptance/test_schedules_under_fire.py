"""Schedulers are killed again and again while they start the moments of a schedule: none is lost, none is doubled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import Connection

from dataflows import every
from dataflows.slots import slots
from interpreter import Client
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.waiting import wait_until

MODULE = "tests.acceptance.scheduled_workflows"
"""Not imported here, where every scheduler of every other test would serve it, each second."""

TICKING, OFTEN = "schedules/ticking", every("1s", catch_up="all")
BEHIND = 900
"""Seconds by which the schedule is behind when the first scheduler is to go on with it."""

STARTED = "SELECT split_part(id, '@', 2) FROM dataflows.executions WHERE workflow = %s ORDER BY id"
PUT_BACK = (
    "UPDATE dataflows.schedules SET next_at = next_at - make_interval(secs => %(behind)s), "
    "created_at = created_at - make_interval(secs => %(behind)s + 60) RETURNING next_at"
)
UNFINISHED = "SELECT count(*) FROM dataflows.executions WHERE workflow = %s AND status <> 'completed'"
RAN = "SELECT execution_id, count(*) FROM runs GROUP BY execution_id HAVING count(*) > %s"


def moments(sql: Connection[Any]) -> list[datetime]:
    return [datetime.fromisoformat(row[0]) for row in sql.execute(STARTED, [TICKING])]


def unfinished(sql: Connection[Any]) -> int:
    [(count,)] = sql.execute(UNFINISHED, [TICKING])
    return int(count)


def test_though_schedulers_are_killed_every_moment_of_a_schedule_is_started_once(
    client: Client, sql: Connection[Any], run_scheduler: Callable[..., SchedulerProcess]
) -> None:
    first = run_scheduler(MODULE, lease="500ms")
    wait_until(client.list_schedules, "the schedule is known")
    first.kill()
    before = len(moments(sql))
    [(next_at,)] = sql.execute(PUT_BACK, {"behind": BEHIND}).fetchall()

    kills = 0
    for share in (1, BEHIND // 4, BEHIND // 2, BEHIND - 50):
        pair = [run_scheduler(MODULE, lease="500ms") for _ in range(2)]
        wait_until(lambda: len(moments(sql)) - before >= share, f"{share} have been started")  # noqa: B023
        for scheduler in pair:
            scheduler.kill()
            kills += 1
    run_scheduler(MODULE, lease="500ms").stop()
    survivor = run_scheduler(MODULE, lease="500ms")
    client.pause_schedule(TICKING)
    wait_until(lambda: not unfinished(sql), "all that was started has ended")
    survivor.stop()

    found = [moment for moment in moments(sql) if moment >= next_at]
    print(f"{len(found)} moments, {kills} kills")
    assert len(found) >= BEHIND - 50
    assert found == [next_at, *slots(OFTEN, next_at, found[-1])]
    assert not sql.execute(RAN, [kills]).fetchall(), "a moment's step runs again only where its scheduler was killed"
