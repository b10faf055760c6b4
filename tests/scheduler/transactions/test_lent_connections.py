"""The connection of a transaction: what an author may not do with it, and what is left on it."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row

from dataflows import TransactionMisused
from interpreter import Scheduler
from tests.databases import opened
from tests.scheduler.transactions.counters import ACTS, count_up, counted, in_a_row, kinds, one_transaction
from tests.store.desk import one
from tests.waiting import eventually

COPIES: list[Any] = []


def commits(connection: Connection[Any]) -> None:
    connection.commit()


def rolls_back(connection: Connection[Any]) -> None:
    connection.rollback()


def closes(connection: Connection[Any]) -> None:
    connection.close()


def commits_each(connection: Connection[Any]) -> None:
    connection.autocommit = True


def enters(connection: Connection[Any]) -> None:
    with connection:
        pass


def commits_in_sql(connection: Connection[Any]) -> None:
    connection.execute("COMMIT")


def rolls_back_in_sql(connection: Connection[Any]) -> None:
    connection.execute("ROLLBACK")


def goes_on_failed(connection: Connection[Any]) -> None:
    try:
        connection.execute("SELECT 1 / 0")
    except psycopg.Error:
        pass


def begins_another(connection: Connection[Any]) -> None:
    connection.execute("ROLLBACK AND CHAIN")


def leaves_a_copy(connection: Connection[Any]) -> None:
    COPIES.append(connection.cursor().copy("COPY (SELECT 1) TO STDOUT"))
    COPIES[-1].__enter__()


@pytest.mark.parametrize(
    ("function", "line", "said"),
    [
        (commits, "connection.commit()", "when the function has returned"),
        (rolls_back, "connection.rollback()", "raise an error, or roll back a part of it"),
        (closes, "connection.close()", "leave the connection as it is"),
        (commits_each, "connection.autocommit = True", "over a connection of one's own"),
        (enters, "with connection:", "use the connection as it is"),
        (commits_in_sql, 'connection.execute("COMMIT")', "may be committed, and is not in the journal"),
        (rolls_back_in_sql, 'connection.execute("ROLLBACK")', "is not the function's to end"),
        (goes_on_failed, 'connection.execute("SELECT 1 / 0")', "has aborted the whole transaction"),
        (begins_another, "def act(connection", "began another"),
        (leaves_a_copy, "def act(connection", "was unfinished"),
    ],
)
def test_who_takes_the_transaction_into_his_own_hands_is_told_the_line_and_it_is_not_tried_again(
    scheduler: Scheduler, database: str, id: str, function: Callable[[Connection[Any]], None], line: str, said: str
) -> None:
    ACTS[id] = function
    with pytest.raises(TransactionMisused, match=said) as raised:
        scheduler.run(one_transaction, id, 5, id=id)
    place, number, text = str(raised.value).split(":", 2)
    assert linecache.getline(place, int(number)).strip().startswith(line)
    assert text.strip().startswith(line)
    assert kinds(scheduler, id) == ["started", "begun", "step", "failed"]
    assert scheduler.run(in_a_row, f"{id}-after", 2) == [1, 2]


def test_who_is_refused_and_does_not_mind_has_committed_nothing_by_himself(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def try_to_commit(connection: Connection[Any]) -> int:
        number = count_up(connection, id)
        for act in (connection.commit, connection.rollback, connection.close):
            with pytest.raises(TransactionMisused):
                act()
        assert counted(database, id) == 0
        return number

    ACTS[id] = try_to_commit
    assert scheduler.run(one_transaction, id) == 1
    assert counted(database, id) == 1


def test_who_ends_it_and_goes_on_all_the_same_does_not_get_an_entry(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def commit_and_go_on(connection: Connection[Any]) -> int:
        with pytest.raises(TransactionMisused):
            connection.execute("COMMIT")
        return count_up(connection, id)

    ACTS[id] = commit_and_go_on
    with pytest.raises(TransactionMisused, match="began another"):
        scheduler.run(one_transaction, id)
    assert counted(database, id) == 0


def test_a_connection_is_of_no_use_after_its_transaction(scheduler: Scheduler, database: str, id: str) -> None:
    def keep(connection: Connection[Any]) -> None:
        kept.extend([connection, connection.cursor()])

    kept: list[Any] = []
    ACTS[id] = keep
    scheduler.run(one_transaction, id)
    for connection_or_cursor in kept:
        with pytest.raises(psycopg.OperationalError, match="closed|lent for a transaction that has ended"):
            connection_or_cursor.execute("SELECT 1")
    assert scheduler.run(in_a_row, id, 1) == [1]


def test_nothing_of_one_is_left_on_the_connection_for_the_next(
    new_scheduler: Callable[..., Scheduler], database: str, id: str
) -> None:
    def litter(connection: Connection[Any]) -> int:
        connection.execute("SET search_path = nowhere")
        connection.execute("CREATE TEMP TABLE litter (n integer)")
        connection.execute("PREPARE litter AS SELECT 1")
        connection.execute("SELECT pg_advisory_lock(4711)")
        connection.execute("LISTEN litter")
        connection.row_factory = dict_row  # type: ignore[assignment]
        for _ in range(7):
            connection.execute("SELECT 1")  # prepared by psycopg itself
        return connection.info.backend_pid

    def look(connection: Connection[Any]) -> Any:
        for _ in range(7):
            row = connection.execute("SELECT 1").fetchone()
        rows = [
            connection.execute(query).fetchone()
            for query in (
                "SELECT current_setting('search_path')",
                "SELECT count(*) FROM pg_prepared_statements WHERE name = 'litter'",
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711",
                "SELECT to_regclass('pg_temp.litter')",
                "SELECT count(*) FROM pg_listening_channels()",
            )
        ]
        return connection.info.backend_pid, [row, *rows]

    ACTS[id], ACTS[f"{id}-next"] = litter, look
    with new_scheduler(concurrency=1) as scheduler:
        process = scheduler.run(one_transaction, id)
        assert scheduler.run(one_transaction, f"{id}-next") == (
            process,
            [(1,), ('"$user", public',), (0,), (0,), (None,), (0,)],
        )


def test_there_come_to_be_as_many_connections_as_there_are_transactions_at_once_and_none_is_left(
    new_scheduler: Callable[..., Scheduler], database: str, id: str
) -> None:
    sessions = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'dataflows transaction' AND datname = current_database()"
    )
    with opened(database) as person:
        eventually(lambda: one(person, sessions) <= 32)
        before = one(person, sessions)
        with new_scheduler(concurrency=3) as scheduler:
            handles = [scheduler.start(in_a_row, f"{id}-{number}", 5) for number in range(10)]
            assert [handle.result(60) for handle in handles] == [[1, 2, 3, 4, 5]] * 10
            assert one(person, sessions) - before <= 3
        eventually(lambda: one(person, sessions) == before)
