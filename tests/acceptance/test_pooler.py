"""PgBouncer in transaction mode stands between: no two statements need the same session, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from dataflows import Flow, transaction, workflow
from interpreter import Client, Scheduler
from interpreter.scheduler import claimer
from interpreter.store.connection import is_pooled
from tests.acceptance import fault_workflows as faults
from tests.acceptance.load import assert_all_went_right, start_load
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.acceptance.transaction_workflows import SCHEMA, counting
from tests.acceptance.waiting import wait_until
from tests.databases import opened
from tests.pooler import find_pgbouncer, pooled

EXECUTIONS = 20
SESSIONS = 8

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason="pgbouncer is not installed")


@pytest.fixture
def through_pooler(database: str) -> Iterator[str]:
    with pooled(database, SESSIONS) as conninfo:
        yield conninfo


@pytest.fixture
def polling_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody tells of is looked for at shorter intervals, so that a test need not wait for it."""
    monkeypatch.setattr(claimer, "_POLL", 0.2)


def test_that_a_pooler_stands_between_is_seen_and_that_none_does(database: str, through_pooler: str) -> None:
    with opened(database) as direct, opened(through_pooler) as indirect:
        assert (is_pooled(direct), is_pooled(indirect)) == (False, True)


def test_in_session_mode_it_is_taken_for_one_in_transaction_mode_and_all_goes_right(
    database: str, sql: Connection[Any], polling_fast: None
) -> None:
    with pooled(database, 40, "session") as conninfo, Scheduler(conninfo, lease="2s") as scheduler:
        start_load(scheduler, 5)
        assert_all_went_right(sql, 5)


def test_what_another_process_starts_and_signals_is_found_by_polling_and_all_goes_right(
    through_pooler: str, sql: Connection[Any], polling_fast: None
) -> None:
    events: list[str] = []
    with (
        Client(through_pooler) as client,
        Scheduler(through_pooler, lease="2s", on_event=lambda event, _: events.append(event)) as scheduler,
        Scheduler(through_pooler, lease="2s"),
    ):
        start_load(client, EXECUTIONS)
        start_load(scheduler, EXECUTIONS, EXECUTIONS)
        assert_all_went_right(sql, 2 * EXECUTIONS)
    before_its_end = events[: events.index("stopping")]
    assert not {"commit-repeated", "commit-split", "heartbeat-failed", "lease-lost"} & {*before_its_end}


def test_nothing_of_ours_stays_with_the_sessions_that_others_get(
    through_pooler: str, sql: Connection[Any], polling_fast: None
) -> None:
    sql.execute(SCHEMA)
    with Scheduler(through_pooler, lease="2s") as scheduler:
        start_load(scheduler, EXECUTIONS)
        assert_all_went_right(sql, EXECUTIONS)
        assert scheduler.run(counting, "counted", 1, 0.0) == [1, 1, 1]
    with ExitStack() as stack:
        for _ in range(SESSIONS):  # each holds another of them
            session = stack.enter_context(Connection.connect(through_pooler, prepare_threshold=None))
            assert session.execute(LEFT_BEHIND).fetchone() == (0, 0, 0, "0", "0", "")
        sessions = "SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert sql.execute(sessions).fetchone() == (SESSIONS,)


LEFT_BEHIND = """
    SELECT (SELECT count(*) FROM pg_prepared_statements),
           (SELECT count(*) FROM pg_listening_channels()),
           (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
           current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
           coalesce(current_setting('dataflows.transaction', true), '')
"""


def test_transactions_happen_exactly_once_though_their_sessions_are_terminated(
    through_pooler: str, sql: Connection[Any], polling_fast: None
) -> None:
    sql.execute(SCHEMA)
    with Scheduler(through_pooler, lease="5s") as scheduler:
        handles = [scheduler.start(counting, f"cut-{number}", 3, 0.0) for number in range(6)]
        for left in range(5, 0, -1):
            sql.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ 'transaction'")
            wait_until(lambda left=left: unended(sql) <= left, "another has ended")  # type: ignore[misc]
        for handle in handles:
            handle.result("30s")
    assert sql.execute("SELECT min(n), max(n), count(*) FROM counters").fetchone() == (3, 3, 18)


def test_with_every_session_terminated_again_and_again_all_complete_and_nothing_is_doubled(
    through_pooler: str, sql: Connection[Any], client: Client, polling_fast: None
) -> None:
    start_load(client, EXECUTIONS)
    with Scheduler(through_pooler, lease="1s"), Scheduler(through_pooler, lease="1s"):
        for left in range(EXECUTIONS, 0, -4):
            wait_until(lambda left=left: unended(sql) <= left, "some more have ended")  # type: ignore[misc]
            sql.execute(TERMINATE)
        assert_all_went_right(sql, EXECUTIONS)


TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name ~ 'committer|claimer|heartbeat|client'
"""


def look_strictly(connection: Connection[Any]) -> int:
    """So often that psycopg would prepare the statement; and what has to be the first thing that is said, is."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    return sum(connection.execute("SELECT %s::int", [1]).fetchall()[0][0] for _ in range(10))


@workflow("pooler/strict")
def strict() -> Flow[int]:
    first = yield from transaction("first", look_strictly)
    return first + (yield from transaction("second", look_strictly))


def test_what_authors_do_in_a_transaction_needs_no_session_of_its_own_either(
    through_pooler: str, polling_fast: None
) -> None:
    with Scheduler(through_pooler, lease="2s") as scheduler:
        assert {handle.result("60s") for handle in [scheduler.start(strict) for _ in range(5)]} == {20}


def unended(sql: Connection[Any]) -> int:
    row = sql.execute("SELECT count(*) FROM dataflows.executions WHERE ended_at IS NULL").fetchone()
    assert row is not None
    return int(row[0])


def test_what_a_scheduler_held_that_was_killed_is_taken_over(
    through_pooler: str, sql: Connection[Any], tmp_path: Path, polling_fast: None
) -> None:
    with Client(through_pooler) as client, ExitStack() as stack:
        handle = client.start(faults.slow, 1.0)
        killed = SchedulerProcess(through_pooler, "tests.acceptance.fault_workflows", tmp_path / "log")
        stack.callback(killed.kill)
        wait_until(lambda: sql.execute("SELECT 1 FROM runs").fetchone(), "it is in the middle of the step")
        killed.kill()
        with Scheduler(through_pooler, lease="1s"):
            assert handle.result("30s")


def test_asyncio_goes_through_it_as_well(through_pooler: str, polling_fast: None) -> None:
    async def run() -> Any:
        async with Scheduler(through_pooler, lease="2s") as scheduler, Client(through_pooler) as client:
            handle = await client.start(faults.waiting)
            await client.signal(handle.id, "go", "told")
            await client.emit("anything", 1, key="nobody")
            return await scheduler.result(handle.id, "20s")

    assert asyncio.run(run()) == "told"
