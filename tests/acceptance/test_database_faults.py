"""The database goes away, in every way that it has: nothing journaled is lost, and nothing is journaled twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dataflows import Flow, signal, step, wait, workflow
from dataflows.errors import DatabaseUnavailable
from interpreter import Client, Scheduler, Status
from tests.acceptance.crashing_server import CrashingServer
from tests.acceptance.cutting_proxy import TellingProxy, through_proxy
from tests.acceptance.load import assert_all_went_right, start_load, unfinished
from tests.acceptance.waiting import wait_until
from tests.databases import opened
from tests.store.desk import Desk
from tests.store.desk import step as step_line

EXECUTIONS = 40
MOST_CONNECTIONS = 8
"""That a client has at once."""


def has_left(sql: Connection[Any], executions: int) -> bool:
    """No more than so many have not ended."""
    return unfinished(sql) <= executions


def test_a_server_that_is_stopped_at_once_in_mid_run_loses_nothing_and_doubles_nothing(
    crashing_server: CrashingServer, crashing_database: str
) -> None:
    database = crashing_database
    with Client(database) as client:
        start_load(client, EXECUTIONS)
    with Scheduler(database, lease="1s"):
        for left in (EXECUTIONS * 3 // 4, EXECUTIONS // 2):
            with opened(database) as sql:
                wait_until(partial(has_left, sql, left), "some have been completed")
            crashing_server.crash()
            crashing_server.start()
        with opened(database) as sql:
            assert_all_went_right(sql, EXECUTIONS)


def test_a_scheduler_can_be_left_while_the_server_is_away_and_another_goes_on_when_it_is_back(
    crashing_server: CrashingServer, crashing_database: str
) -> None:
    database = crashing_database
    with Client(database) as client:
        start_load(client, EXECUTIONS)
    with Scheduler(database, lease="1s", grace="200ms"):
        with opened(database) as sql:
            wait_until(partial(has_left, sql, EXECUTIONS * 3 // 4), "some have been completed")
        crashing_server.crash()
    crashing_server.start()
    with Scheduler(database, lease="1s"), opened(database) as sql:
        assert_all_went_right(sql, EXECUTIONS)


@workflow("database/naps")
def naps() -> Flow[str]:
    """Nap after nap, each too short to be let go for."""
    while (told := (yield from wait("wake", str, timeout=0.9, default=None))) is None:
        pass
    return told


def test_a_scheduler_can_be_left_while_the_entries_of_many_executions_cannot_be_written(
    crashing_server: CrashingServer, crashing_database: str
) -> None:
    database, events = crashing_database, list[str]()
    with Scheduler(database, lease="1s", on_event=lambda event, _: events.append(event)):
        with Client(database) as client, opened(database) as sql, sql.transaction():
            handles = [client.start(naps, connection=sql) for _ in range(20)]
        with opened(database) as sql:
            napping = "SELECT count(DISTINCT execution_id) FROM dataflows.journal WHERE kind = 'timeout'"
            wait_until(lambda: sql.execute(napping).fetchone() == (20,), "all nap, and in step")
        crashing_server.crash()
        wait_until(lambda: "commit-repeated" in events, "the next nap is over, and cannot be journaled")
    crashing_server.start()
    with Scheduler(database, lease="1s") as scheduler:
        for handle in handles:
            scheduler.signal(handle.id, "wake", "awake")
        assert [scheduler.result(handle.id, "20s") for handle in handles] == ["awake"] * 20


def test_with_every_connection_terminated_again_and_again_all_complete_and_nothing_is_doubled(
    open_scheduler: Callable[..., Scheduler], sql: Connection[Any]
) -> None:
    starter = open_scheduler()
    open_scheduler()
    for number in range(0, EXECUTIONS, 5):
        start_load(starter, 5, number)
        terminate_all_but_this(sql)
    for left in range(EXECUTIONS - 5, 0, -5):
        wait_until(partial(has_left, sql, left), "some more have been completed")
        terminate_all_but_this(sql)
    assert_all_went_right(sql, EXECUTIONS)


WAITING_CLIENTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'dataflows client' AND datname = current_database() AND wait_event_type = 'Lock'
"""


def test_a_client_whose_idle_connections_were_all_lost_starts_an_execution_all_the_same(
    database: str, client: Client, sql: Connection[Any]
) -> None:
    with ThreadPoolExecutor(MOST_CONNECTIONS) as threads:
        with opened(database) as locking, locking.transaction():
            locking.execute("LOCK TABLE dataflows.executions")
            starting = [threads.submit(client.start, naps) for _ in range(MOST_CONNECTIONS)]
            wait_until(
                lambda: sql.execute(WAITING_CLIENTS).fetchone() == (MOST_CONNECTIONS,), "each has its connection"
            )
        handles = [started.result() for started in starting]
    terminate_all_but_this(sql)
    handles.append(client.start(naps))
    assert {handle.status() for handle in handles} == {Status.PENDING}
    for handle in handles:
        handle.terminate()


def terminate_all_but_this(sql: Connection[Any]) -> None:
    sql.execute("""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
    """)


@pytest.mark.parametrize(("session", "share"), [("committer", 0.1), ("claimer", 0.2)])
def test_a_request_whose_answer_is_lost_takes_effect_once(
    session: str, share: float, database: str, sql: Connection[Any], client: Client
) -> None:
    chance = random.Random(session)

    def cuts(first: bytes) -> bool:
        return f"dataflows {session}".encode() in first and chance.random() < share

    executions = 0
    with through_proxy(database, cuts) as (proxy, proxied), Scheduler(proxied, lease="5s") as scheduler:
        while proxy.cut < 3:  # the slower the machine, the more goes into each request, and the fewer there are
            start_load(client if session == "claimer" else scheduler, EXECUTIONS, executions)
            executions += EXECUTIONS
            assert_all_went_right(sql, executions)


def test_what_a_pooler_lost_in_mid_commit_and_tells_of_is_in_doubt_and_takes_effect_once(
    database: str, sql: Connection[Any]
) -> None:
    chance = random.Random(7)

    def cuts(first: bytes) -> bool:
        return b"dataflows committer" in first and chance.random() < 0.1

    executions = 0
    with through_proxy(database, cuts, TellingProxy) as (proxy, proxied), Scheduler(proxied, lease="5s") as scheduler:
        while proxy.cut < 3:
            start_load(scheduler, EXECUTIONS, executions)
            executions += EXECUTIONS
            assert_all_went_right(sql, executions)


def test_a_statement_that_is_known_to_the_server_though_the_answer_was_lost_is_no_obstacle(database: str) -> None:
    losses: list[bool] = []
    with (
        through_proxy(database, lambda _: bool(losses and losses.pop()), TellingProxy) as (_, proxied),
        Desk(proxied) as desk,
    ):
        desk.start_held("prepared")
        losses.append(True)
        with pytest.raises(psycopg.errors.SystemError):
            desk.commit(step_line("prepared", 3))
        assert desk.seqs("prepared") == [1, 2]
        desk.commit(step_line("prepared", 3))
        assert desk.seqs("prepared") == [1, 2, 3]


# A server that takes no writes ------------------------------------------------------------------

GATE = threading.Event()


def pass_gate() -> int:
    assert GATE.wait(20)
    return 1


@workflow("database/writes-again")
def writes_again(ear: str) -> Flow[int]:
    passed = 0
    for number in range(3):
        passed += yield from step(f"pass-{number}", pass_gate)
        yield from signal(ear, "passed", number)
    return passed


@contextmanager
def only_read(sql: Connection[Any]) -> Iterator[None]:
    """Every session may only read, as after its server has become a replica."""
    sql.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    sql.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        sql.execute("ALTER SYSTEM RESET default_transaction_read_only")
        sql.execute("SELECT pg_reload_conf()")


def without(table: str) -> Callable[[Connection[Any]], AbstractContextManager[None]]:
    """A person has renamed the table; what a role may no longer do is told in the same class of errors."""

    @contextmanager
    def renamed(sql: Connection[Any]) -> Iterator[None]:
        sql.execute(f"ALTER TABLE dataflows.{table} RENAME TO mislaid".encode())
        try:
            yield
        finally:
            sql.execute(f"ALTER TABLE dataflows.mislaid RENAME TO {table}".encode())

    return renamed


@pytest.mark.parametrize(
    ("hindered", "refusal"),
    [
        pytest.param(only_read, psycopg.errors.ReadOnlySqlTransaction, id="it may only be read"),
        pytest.param(without("journal"), psycopg.errors.UndefinedTable, id="there is no journal"),
        pytest.param(without("inbox"), psycopg.errors.UndefinedTable, id="there is no inbox"),
    ],
)
def test_while_the_server_takes_nothing_from_anybody_no_execution_is_blocked_and_all_goes_on_afterwards(
    hindered: Callable[[Connection[Any]], AbstractContextManager[None]],
    refusal: type[psycopg.Error],
    crashing_database: str,
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def refusals() -> int:
        return sum(isinstance(details.get("error"), refusal) for _, details in told)

    GATE.clear()
    with (
        opened(crashing_database) as sql,
        Scheduler(crashing_database, lease="60s", on_event=lambda *each: told.append(each)) as scheduler,
    ):
        ear = scheduler.start(naps)
        handles = [scheduler.start(writes_again, ear.id) for _ in range(5)]
        with hindered(sql):
            GATE.set()
            wait_until(lambda: refusals() >= 3, "it takes no writes")
            assert len(told) < 500  # it does not try again without a pause
        assert [handle.result("30s") for handle in handles] == [3] * 5
        ear.terminate()
    assert not {event for event, _ in told} & {"blocked", "thread-failed", "attempt-failed", "step-failed"}


# No connection to be had ------------------------------------------------------------------------

CONNECTIONS = 12
OTHERS = "FROM pg_stat_activity WHERE usename = 'limited' AND application_name <> 'greedy'"


@pytest.fixture
def limited(database: str, sql: Connection[Any]) -> Iterator[str]:
    """The database, for a role that may have only a few connections."""
    sql.execute(f"CREATE ROLE limited LOGIN CONNECTION LIMIT {CONNECTIONS}")
    sql.execute("GRANT USAGE ON SCHEMA dataflows TO limited")
    sql.execute("GRANT ALL ON ALL TABLES IN SCHEMA dataflows TO limited")
    yield make_conninfo(database, user="limited")
    sql.execute("DROP OWNED BY limited")
    sql.execute("DROP ROLE limited")


@contextmanager
def all_connections_taken(limited: str, sql: Connection[Any], but: int = 0) -> Iterator[None]:
    """Whoever has one is thrown out, and nobody gets one while this lasts, but for so many."""
    taken = 0
    with ExitStack() as stack:
        while taken < CONNECTIONS - but:
            sql.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}")
            with suppress(psycopg.OperationalError):
                stack.enter_context(closing(Connection.connect(limited, application_name="greedy")))
                taken += 1
        yield


def test_while_no_connection_is_to_be_had_a_scheduler_waits_and_then_goes_on(
    limited: str, sql: Connection[Any], client: Client
) -> None:
    events: list[str] = []
    with Scheduler(limited, lease="1s", on_event=lambda event, _: events.append(event)):
        start_load(client, EXECUTIONS)
        wait_until(lambda: unfinished(sql) < EXECUTIONS, "some have been completed")
        with all_connections_taken(limited, sql):
            events.clear()
            wait_until(lambda: "heartbeat-failed" in events, "the scheduler notices")
            assert len(events) < 1_000  # it does not try again without a pause
        assert_all_went_right(sql, EXECUTIONS)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_scheduler_that_gets_too_few_connections_says_so_and_leaves_nothing_behind(
    left: int, limited: str, sql: Connection[Any]
) -> None:
    before = threading.enumerate()
    with all_connections_taken(limited, sql, but=left):
        with pytest.raises(DatabaseUnavailable, match="too many connections"), Scheduler(limited):
            raise AssertionError("it opened")
        assert [thread for thread in threading.enumerate() if thread not in before] == []
        wait_until(lambda: sql.execute(f"SELECT {OTHERS}").fetchone() is None, "its connections are closed")
