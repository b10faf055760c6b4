"""Transactions that conflict, or whose connection is lost: they are repeated, and happen once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from interpreter import Scheduler
from interpreter.store import journal
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.transactions.counters import ACTS, caught, count_up, counted, in_a_row, kinds, one_transaction
from tests.waiting import eventually


def test_a_deadlock_is_repeated_at_once_and_counts_as_no_attempt(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, told: Told
) -> None:
    def cross(mine: str, other: str) -> Callable[[Connection[Any]], int]:
        def run(connection: Connection[Any]) -> int:
            count_up(connection, mine)
            if len(met) < 2:
                met.append(mine)
                both.wait(20)
            return count_up(connection, other)

        return run

    both, met = threading.Barrier(2), list[str]()
    ACTS[f"{id}a"], ACTS[f"{id}b"] = cross(f"{id}a", f"{id}b"), cross(f"{id}b", f"{id}a")
    with new_scheduler(on_event=told) as scheduler:
        handles = [scheduler.start(one_transaction, f"{id}{letter}", id=f"{id}{letter}") for letter in "ab"]
        assert sorted(handle.result(60) for handle in handles) == [1, 2] or counted(database, f"{id}a") == 2
        assert "transaction-repeated" in told.events
        assert [kinds(scheduler, handle.id) for handle in handles] == [["started", "begun", "step", "completed"]] * 2
    assert (counted(database, f"{id}a"), counted(database, f"{id}b")) == (2, 2)


def test_what_cannot_be_serialized_is_repeated_too(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, told: Told
) -> None:
    def count_strictly(connection: Connection[Any]) -> int:
        connection.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        connection.execute("SELECT sum(n) FROM counters").fetchone()
        if len(met) < 2:
            met.append(1)
            both.wait(20)
        return count_up(connection, id)

    both, met = threading.Barrier(2), list[int]()
    ACTS[id] = count_strictly
    with new_scheduler(on_event=told) as scheduler:
        handles = [scheduler.start(one_transaction, id) for _ in range(2)]
        assert sorted(handle.result(60) for handle in handles) == [1, 2]
        assert "transaction-repeated" in told.events
        assert all("attempt" not in kinds(scheduler, handle.id) for handle in handles)
    assert counted(database, id) == 2


def test_what_conflicts_again_and_again_fails_in_the_end(
    new_scheduler: Callable[..., Scheduler], id: str, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    def conflict(connection: Connection[Any]) -> None:
        connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    ACTS[id] = conflict
    monkeypatch.setattr("interpreter.scheduler.transactions._PAUSES", (0.0, 0.0, 0.0))
    with new_scheduler(on_event=told) as scheduler:
        assert scheduler.run(caught, id)[0] == "SerializationFailure"
    assert told.events.count("transaction-repeated") == 3


def test_a_connection_that_is_lost_in_mid_transaction_costs_a_repetition(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, told: Told
) -> None:
    def lose_it_first(connection: Connection[Any]) -> int:
        number = count_up(connection, id)
        tries.append(number)
        if len(tries) == 1:
            with opened(database) as person:
                person.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            eventually(lambda: _is_cut(connection))
        return count_up(connection, id)

    tries: list[int] = []
    ACTS[id] = lose_it_first
    with new_scheduler(on_event=told) as scheduler:
        assert scheduler.run(one_transaction, id, id=id) == 2
        assert kinds(scheduler, id) == ["started", "begun", "step", "completed"]
    assert (tries, counted(database, id)) == ([1, 1], 2)


def _is_cut(connection: Connection[Any]) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return True
    return False


def test_a_connection_that_was_lost_while_it_was_idle_is_replaced(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, told: Told
) -> None:
    with new_scheduler(on_event=told, concurrency=1) as scheduler, opened(database) as person:
        for number in range(1, 4):
            assert scheduler.run(in_a_row, id, 1) == [number]
            person.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'dataflows transaction' AND datname = current_database()"
            )
    assert "transaction-repeated" not in told.events


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_whose_answer_is_lost_counts_exactly_once(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    commit, cut = journal.commit_along, Counter[str]()

    def commit_and_lose(connection: Connection[Any], *arguments: Any) -> Any:
        cut["seen"] += 1
        if cut["seen"] % 2:
            return commit(connection, *arguments)
        if when == "after":
            commit(connection, *arguments)
        connection.close()
        raise psycopg.OperationalError("the connection was cut")

    monkeypatch.setattr(journal, "commit_along", commit_and_lose)
    with new_scheduler() as scheduler:
        handles = [scheduler.start(in_a_row, f"{id}-{number}", 4, id=f"{id}-{number}") for number in range(5)]
        assert [handle.result(60) for handle in handles] == [[1, 2, 3, 4]] * 5
        for handle in handles:
            assert kinds(scheduler, handle.id) == ["started", "begun", *["step"] * 4, "completed"]
    assert {counted(database, f"{id}-{number}") for number in range(5)} == {4}
    assert cut["seen"] >= 20
