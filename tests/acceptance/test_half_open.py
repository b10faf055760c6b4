"""Connections that are open on this side alone: noticed in less than a minute, and work goes on over others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from dataflows import Flow, child, step, workflow
from interpreter import Client, Scheduler
from interpreter.scheduler import listener
from interpreter.scheduler.settings import Settings
from interpreter.store.connection import SETTINGS, connect
from interpreter.verbs import AwaitingPool, BlockingPool
from tests.acceptance.fault_workflows import waiting
from tests.acceptance.load import assert_all_went_right, start_load, unfinished
from tests.acceptance.silent_proxy import SilentProxy, through_silent_proxy
from tests.acceptance.waiting import wait_until
from tests.databases import opened

PATIENCE = timedelta(seconds=1)
EXECUTIONS = 20


def patient(database: str, told: list[str]) -> Scheduler:
    """One that does not take as long as others to lose patience."""
    scheduler = Scheduler(database, lease="1s", on_event=lambda event, _: told.append(event))
    scheduler._settings = replace(scheduler._settings, patience=PATIENCE)
    return scheduler


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def proxied(database: str) -> Iterator[tuple[SilentProxy, str]]:
    with through_silent_proxy(database) as both:
        yield both


@pytest.mark.parametrize("requests", [True, False], ids=["requests", "answers only"])
def test_a_scheduler_whose_connections_all_fall_silent_notices_and_goes_on_over_others(
    requests: bool, proxied: tuple[SilentProxy, str], told: list[str], sql: Connection[Any], client: Client
) -> None:
    proxy, conninfo = proxied
    start_load(client, EXECUTIONS)
    with patient(conninfo, told):
        for left in (EXECUTIONS * 3 // 4, EXECUTIONS // 2):
            wait_until(lambda left=left: unfinished(sql) <= left, "some have ended")  # type: ignore[misc]
            silent = proxy.swallow(requests=requests)
            assert silent >= 4  # heartbeat, committer, claimer, listener
        assert_all_went_right(sql, EXECUTIONS)
        wait_until(lambda: proxy.given_up >= 3, "those that were waited for are given up")
    assert "heartbeat-failed" in told


@workflow("silent/child")
def quick(number: int) -> Flow[int]:
    return (yield from step("answer", int, number))


@workflow("silent/parent")
def parent(children: int) -> Flow[int]:
    total = 0
    for number in range(children):
        total += yield from child(quick, number, id=f"{children}-{number}")
    return total


def test_children_are_started_over_another_connection_where_one_has_fallen_silent(
    proxied: tuple[SilentProxy, str], told: list[str], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children's ends are told by notifications: one that hears nothing any more would find each by polling."""
    monkeypatch.setattr(listener, "_LONGEST_SILENCE", 0.5)
    monkeypatch.setattr(listener, "_LONGEST_ECHO", 0.5)
    proxy, conninfo = proxied
    with patient(conninfo, told):
        handle = client.start(parent, 60)
        wait_until(lambda: len(client.list(workflow="silent/child", limit=100)) > 5, "some were started")
        proxy.swallow(requests=True)
        assert handle.result("30s") == sum(range(60))


def test_while_somebody_keeps_a_lock_statements_are_repeated_and_no_sessions_pile_up(
    database: str, told: list[str], sql: Connection[Any], client: Client
) -> None:
    handles = [client.start(waiting) for _ in range(5)]
    with patient(database, told):
        wait_until(lambda: count(sql, "dataflows.executions WHERE status = 'suspended'") == 5, "all wait for a signal")
        before = count(sql, SESSIONS)
        with opened(database) as locking, locking.transaction():
            locking.execute("LOCK TABLE dataflows.journal IN EXCLUSIVE MODE")
            for handle in handles:
                client.signal(handle.id, "go", "told")
            wait_until(lambda: told.count("database-unreachable") >= 3, "the claim was cancelled, and is repeated")
            assert count(sql, SESSIONS) <= before + 3
        assert [handle.result("20s") for handle in handles] == ["told"] * 5
    assert "lease-lost" not in told and "blocked" not in told


SESSIONS = "pg_stat_activity WHERE datname = current_database() AND application_name ~ 'committer|claimer|heartbeat'"


def count(sql: Connection[Any], rows: str) -> int:
    row = sql.execute(f"SELECT count(*) FROM {rows}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def test_an_answer_that_is_long_in_coming_is_waited_for_as_long_as_it_comes(database: str) -> None:
    with connect(database, "test", patience=0.3) as connection:
        begun = time.monotonic()
        rows = connection.execute("SELECT repeat('x', 100000), pg_sleep(0.1) FROM generate_series(1, 10)").fetchall()
        assert len(rows) == 10 and time.monotonic() - begun > 0.9
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_where_the_server_does_not_hear_of_the_cancellation_the_connection_is_given_up(
    proxied: tuple[SilentProxy, str],
) -> None:
    proxy, conninfo = proxied
    with connect(conninfo, "test", patience=0.2) as connection:
        proxy.swallow(requests=True)
        with pytest.raises(psycopg.OperationalError, match=r"not a word came for 0\.2 s"):
            connection.execute("SELECT 1")
        assert connection.closed


def test_it_takes_less_than_a_minute_by_the_settings_that_there_are(database: str) -> None:
    def parameters(connection: Any) -> dict[str, str]:
        return dict(connection.info.get_parameters())

    async def asynchronous() -> dict[str, str]:
        pool = await AwaitingPool(database).open()
        async with pool._pool.connection() as connection:
            found = parameters(connection)
        await pool.close()
        return found

    with connect(database, "test") as connection:
        every = [parameters(connection), asyncio.run(asynchronous())]
    pool = BlockingPool(database)
    with pool._pool.connection() as pooled:
        every.append(parameters(pooled))
    pool.close()
    for found in every:
        idle, interval, most = (int(found[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
        assert idle + interval * most < 60 and int(found["tcp_user_timeout"]) < 60_000
        assert int(found["connect_timeout"]) == SETTINGS["connect_timeout"] < 60
    assert Settings().patience.total_seconds() + 2 + 5 < 60
