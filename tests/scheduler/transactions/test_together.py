"""Transactions: what they write is committed with their journal entry, or not at all."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import tuple_row

from dataflows import CannotStore, NotFound
from interpreter import Client, Scheduler
from tests.databases import opened
from tests.scheduler.transactions.counters import (
    ACTS,
    by_children,
    caught,
    count_up,
    counted,
    generations,
    in_a_row,
    kinds,
    one_transaction,
    together,
)
from tests.store.desk import one


def test_what_it_writes_and_what_it_returns_are_both_there(scheduler: Scheduler, database: str, id: str) -> None:
    assert scheduler.run(in_a_row, id, 5, id=id) == [1, 2, 3, 4, 5]
    assert counted(database, id) == 5
    assert kinds(scheduler, id) == ["started", "begun", *["step"] * 5, "completed"]


def test_many_at_once_in_many_executions_each_count_once(scheduler: Scheduler, database: str, id: str) -> None:
    handles = [scheduler.start(together, f"{id}-{number}", 8) for number in range(12)]
    assert [handle.result(60) for handle in handles] == [list(range(1, 9))] * 12
    assert {counted(database, f"{id}-{number}") for number in range(12)} == {8}


def test_those_of_many_children_each_count_once(scheduler: Scheduler, database: str, id: str) -> None:
    assert scheduler.run(by_children, id, 12) == list(range(1, 13))
    assert counted(database, id) == 12


def test_those_of_many_generations_each_count_once(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(generations, id, 7)
    assert handle.result(20) == 7
    assert (counted(database, id), handle.describe().generation) == (7, 7)


def test_it_has_a_connection_as_psycopg_makes_it(scheduler: Scheduler, id: str) -> None:
    def look(connection: Connection[Any]) -> Any:
        assert isinstance(connection, psycopg.Connection)
        settings = connection.autocommit, connection.prepare_threshold, connection.isolation_level
        return *settings, connection.row_factory is tuple_row, connection.info.transaction_status.name

    ACTS[id] = look
    assert scheduler.run(one_transaction, id) == (False, 5, None, True, "INTRANS")


def test_parts_of_it_can_be_rolled_back(scheduler: Scheduler, database: str, id: str) -> None:
    def partly(connection: Connection[Any]) -> str:
        count_up(connection, id)
        try:
            with connection.transaction():
                count_up(connection, id)
                connection.execute("SELECT 1 / 0")
        except psycopg.errors.DivisionByZero:
            count_up(connection, id)
        return "went on"

    ACTS[id] = partly
    assert scheduler.run(one_transaction, id) == "went on"
    assert counted(database, id) == 2


def test_what_it_starts_over_its_connection_is_started_if_it_commits(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    def start(connection: Connection[Any]) -> None:
        tries.append(1)
        client.start(in_a_row, id, 1, id=f"{id}-{len(tries)}", connection=connection)
        if len(tries) < 3:
            raise ConnectionError("down")

    tries: list[int] = []
    ACTS[id] = start
    scheduler.run(one_transaction, id, 3)
    assert client.result(f"{id}-3", 20) == [1]
    for number in (1, 2):
        with pytest.raises(NotFound):
            client.result(f"{id}-{number}")


# Rolled back ------------------------------------------------------------------------------------


def test_what_raises_is_rolled_back_and_tried_again_as_a_step_is(scheduler: Scheduler, database: str, id: str) -> None:
    def fail_twice(connection: Connection[Any]) -> int:
        tries.append(count_up(connection, id))
        if len(tries) < 3:
            raise ConnectionError("down")
        return len(tries)

    tries: list[int] = []
    ACTS[id] = fail_twice
    assert scheduler.run(one_transaction, id, 3, id=id) == 3
    assert (tries, counted(database, id)) == ([1, 1, 1], 1)
    assert kinds(scheduler, id) == ["started", "begun", "attempt", "attempt", "step", "completed"]


def test_an_error_of_the_databases_arrives_as_it_is(scheduler: Scheduler, id: str) -> None:
    def twice(connection: Connection[Any]) -> None:
        for _ in range(2):
            connection.execute("INSERT INTO counters VALUES (%s)", [id])

    ACTS[id] = twice
    name, text = scheduler.run(caught, id)
    assert name == "UniqueViolation"
    assert 'violates unique constraint "counters_pkey"' in text


def test_what_fails_only_at_the_commit_is_the_steps_failure(scheduler: Scheduler, database: str, id: str) -> None:
    def orphan(connection: Connection[Any]) -> None:
        connection.execute("CREATE TABLE orphans (id text REFERENCES counters DEFERRABLE INITIALLY DEFERRED)")
        connection.execute("INSERT INTO orphans VALUES ('of nobody')")

    ACTS[id] = orphan
    assert scheduler.run(caught, id, id=id)[0] == "ForeignKeyViolation"
    assert kinds(scheduler, id) == ["started", "begun", "step", "completed"]
    with opened(database) as connection:
        assert one(connection, "SELECT to_regclass('orphans')") is None


def test_a_result_that_cannot_be_stored_is_not_committed(scheduler: Scheduler, database: str, id: str) -> None:
    def give_a_lock(connection: Connection[Any]) -> Any:
        count_up(connection, id)
        return threading.Lock()

    ACTS[id] = give_a_lock
    with pytest.raises(CannotStore, match="step 'act'"):
        scheduler.run(one_transaction, id, 5)
    assert counted(database, id) == 0
