"""Every query goes by its index, whatever the statistics say, and however many dead rows there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from interpreter.machine import Status
from interpreter.store import claims, journal
from interpreter.store.records import Batch, Move
from tests.databases import opened
from tests.store.crowds import MANY, crowd, dead_rows, leave_to_autovacuum_nothing
from tests.store.desk import Desk, sent, step
from tests.store.plans import QUESTIONS, faults, nodes, plan_of, prepare, prepared_plan, touched

ROWS = 20_000
"""Neither few nor many: where a planner that errs finds a whole table cheap."""

SITUATIONS = ["as they are", "never gathered", "of empty tables", "of a single execution", "of a day when all slept"]


def gather(connection: Connection[Any]) -> None:
    connection.execute("ANALYZE dataflows.executions, dataflows.journal, dataflows.inbox")


@pytest.fixture(scope="module", params=SITUATIONS)
def crowded(request: pytest.FixtureRequest, new_database: Callable[[], str]) -> Iterator[Connection[Any]]:
    """Many executions, most of which have ended; and statistics of another time."""
    with opened(new_database()) as connection:
        leave_to_autovacuum_nothing(connection)
        if request.param == "of empty tables":
            gather(connection)
        if request.param == "of a single execution":
            crowd(connection, 1, entries=20_000)
            gather(connection)
        if request.param == "of a day when all slept":
            crowd(connection, ROWS, ended=False)
            gather(connection)
        crowd(connection, ROWS)
        if request.param == "as they are":
            gather(connection)
        yield connection


@pytest.mark.parametrize("name", QUESTIONS)
def test_whatever_the_statistics_say_a_query_goes_by_its_index(crowded: Connection[Any], name: str) -> None:
    assert not faults(name, plan_of(crowded, name))


@pytest.mark.parametrize("name", QUESTIONS)
def test_so_it_does_where_one_plan_is_made_for_all_parameters(crowded: Connection[Any], name: str) -> None:
    crowded.execute("SET plan_cache_mode = force_generic_plan")
    try:
        assert not faults(name, prepared_plan(crowded, prepare(crowded, name)))
    finally:
        crowded.execute("RESET plan_cache_mode")


@pytest.mark.parametrize("gathered", [False, True])
def test_a_plan_that_was_made_when_the_tables_were_empty_still_serves_when_they_are_full(
    new_database: Callable[[], str], gathered: bool
) -> None:
    database = new_database()
    with opened(database) as connection:
        leave_to_autovacuum_nothing(connection)
        if gathered:
            gather(connection)
        connection.execute("SET plan_cache_mode = force_generic_plan")
        prepared = {name: prepare(connection, name) for name in QUESTIONS}
        found = {name: faults(name, prepared_plan(connection, each)) for name, each in prepared.items()}
    assert not any(found.values()), found


def test_a_page_of_rare_executions_is_found_without_sorting_all(crowded: Connection[Any]) -> None:
    for asked in (
        {"status": "blocked"},
        {"workflow": "w7"},
        {"tags": '{"a": "b"}'},
        {"before": "e0000100"},
        {"created_after": datetime.now(UTC) - timedelta(days=400)},
        {"created_before": datetime.now(UTC)},
        {"before_time": datetime.now(UTC), "before": "e0000100"},
    ):
        assert not faults("list_executions", plan_of(crowded, "list_executions", **asked))


def test_what_was_never_published_is_not_looked_for_in_the_whole_journal(crowded: Connection[Any]) -> None:
    fill = """
        INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, position, name, ok, encoding, data)
        SELECT 'a long one', 1, n, now(), CASE WHEN n % 10 = 0 THEN 'published' ELSE 'step' END, n::text, 'other', true,
               'json', '1' FROM generate_series(1, 20000) AS n
    """
    with crowded.transaction(force_rollback=True):
        crowded.execute(fill.encode())
        for key in ("never", "other"):
            asked = {"id": "a long one", "key": key}
            assert touched(plan_of(crowded, "read_published", "ANALYZE, BUFFERS, FORMAT JSON", **asked)) < 20


# Dead rows --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def haunted(new_database: Callable[[], str]) -> Iterator[Connection[Any]]:
    """Very many executions that were due once, while a transaction that began before them all is still open."""
    database = new_database()
    with opened(database) as connection, opened(database) as old:
        leave_to_autovacuum_nothing(connection)
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM dataflows.executions")
        dead_rows(connection)
        crowd(connection, 500, ended=False)
        yield connection


def look(connection: Connection[Any], since: datetime | None) -> dict[str, Any]:
    """The part of a claim's plan that looks for what is due."""
    plan = plan_of(connection, "claim", "ANALYZE, BUFFERS, FORMAT JSON", since=since)
    assert not faults("claim", plan)
    assert plan["Actual Rows"] == QUESTIONS["claim"].parameters["most"]
    scans = [node for node in nodes(plan) if node.get("Index Name") == "executions_due"]
    assert len(scans) == 1
    return scans[0]


def test_a_claim_walks_the_index_of_what_is_due_and_nothing_else(crowded: Connection[Any]) -> None:
    scan = look(crowded, None)
    assert 0 < scan["Actual Rows"] <= 50 and scan["Actual Loops"] == 40
    assert scan.get("Rows Removed by Filter", 0) == 0


def test_while_an_old_transaction_keeps_the_dead_a_claim_that_knows_where_to_begin_passes_them_by(
    haunted: Connection[Any],
) -> None:
    for _ in range(2):  # the dead are not forgotten after the first walk, as they would be without the transaction
        at_all = look(haunted, None)
    at_recent = look(haunted, datetime.now(UTC) - timedelta(minutes=1))
    assert at_recent["Actual Rows"] > 0
    assert touched(at_all) > MANY / 50 > 5 * touched(at_recent), (touched(at_all), touched(at_recent))


def test_what_a_scheduler_says_again_and_again_is_planned_once_and_not_each_time(database: str) -> None:
    with Desk(database) as desk:
        for number in range(8):  # the first five are planned for their own parameters, whatever comes of it
            ids = parent, _ = f"parent {number}", f"other {number}"
            desk.start_held(*ids)
            desk.commit(step(parent, 3), step(parent, 4), moves=(Move(parent, Status.SUSPENDED, inbox_seq=0),))
            sent(desk.connection, parent, f"message {number}")
            assert [claimed.execution_id for claimed in desk.claim(suspects=False)] == [parent]
            claims.read_inbox(desk.connection, ids)
            claims.find_messages(desk.connection, desk.scheduler, ids)
            batch = Batch(moves=[Move(id, Status.COMPLETED) for id in ids], ended=list(ids))
            journal.commit(desk.connection, desk.scheduler, batch)
        found = desk.connection.execute("""
            SELECT statement FROM pg_prepared_statements
            WHERE statement ~ 'unnest' AND custom_plans + generic_plans > 5 AND generic_plans = 0
        """)
        assert not found.fetchall()
