"""Transactions that take long, or keep locks: whom they hold up, and whom they do not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from dataflows import ExecutionBlocked
from interpreter import Scheduler
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.transactions.counters import (
    ACTS,
    RELEASED,
    WAITING,
    beside,
    count_up,
    in_a_row,
    kinds,
    one_after_the_other,
    one_transaction,
    stuck_afterwards,
    take_away,
)
from tests.scheduler.work import steps
from tests.store.desk import one
from tests.waiting import eventually


def test_a_long_one_holds_up_neither_other_executions_nor_its_own(scheduler: Scheduler, database: str, id: str) -> None:
    def hold(connection: Connection[Any]) -> int:
        number = count_up(connection, id)
        running.set()
        eventually(lambda: kinds(scheduler, id).count("step") == 1)  # the step beside it
        assert scheduler.run(steps, f"{id}-other") == 21
        return number

    running = threading.Event()
    ACTS[id] = hold
    handle = scheduler.start(beside, id, id=id)
    assert running.wait(20)
    RELEASED.set()
    assert handle.result(20) == (1, id)


def test_a_commit_that_takes_long_holds_up_its_own_execution_and_no_other(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def defer_a_lock(connection: Connection[Any]) -> str:
        connection.execute(f"""
            CREATE FUNCTION wait_{len(id)}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM pg_advisory_xact_lock(hashtext('{id}')); RETURN NULL;
            END $$;
            CREATE TABLE waits_{len(id)} (n integer);
            CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON waits_{len(id)} DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION wait_{len(id)}();
            INSERT INTO waits_{len(id)} VALUES (1)
        """)
        return "committed"

    ACTS[id] = defer_a_lock
    with opened(database) as person:
        person.execute("SELECT pg_advisory_lock(hashtext(%s))", [id])
        handle = scheduler.start(beside, id, id=id)
        eventually(lambda: one(person, WAITING))
        RELEASED.set()  # the step beside it comes to its end
        assert [scheduler.run(steps, f"{id}-{number}") for number in range(3)] == [21] * 3
        assert kinds(scheduler, id) == ["started", "begun"]
        person.execute("SELECT pg_advisory_unlock(hashtext(%s))", [id])
        assert handle.result(20) == ("committed", id)
    assert kinds(scheduler, id) == ["started", "begun", "step", "step", "completed"]


def test_a_workflow_that_is_stuck_on_the_thread_of_its_transaction_leaves_that_ones_room_to_others(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(drive_limit=0.3, concurrency=1) as scheduler:
        handle = scheduler.start(stuck_afterwards, id)
        with pytest.raises(ExecutionBlocked, match=r"(?s)without yielding.*in stuck_afterwards"):
            handle.result(20)
        assert scheduler.start(in_a_row, f"{id}-other", 3).result(20) == [1, 2, 3]
        RELEASED.set()
        assert scheduler.start(in_a_row, f"{id}-other", 3).result(20) == [4, 5, 6]
        eventually(lambda: not scheduler._engine._performer.running)  # type: ignore[union-attr]


def test_who_keeps_a_lock_that_the_journal_waits_for_is_rolled_back_and_repeated(
    new_scheduler: Callable[..., Scheduler],
    database: str,
    id: str,
    monkeypatch: pytest.MonkeyPatch,
    told: Told,
) -> None:
    def lock_an_execution(connection: Connection[Any]) -> int:
        tries.append(1)
        if len(tries) == 1:
            connection.execute("SELECT FROM dataflows.executions WHERE id = %s FOR UPDATE", [other.id])
            RELEASED.set()
            with opened(database) as person:
                eventually(lambda: one(person, WAITING))  # it has ended, and that is to be written
        return len(tries)

    tries: list[int] = []
    ACTS[id], ACTS[f"{id}-other"] = lock_an_execution, lambda connection: 7
    monkeypatch.setattr("interpreter.scheduler.transactions._LONGEST_TURN", 0.2)
    with new_scheduler(on_event=told) as scheduler:
        other = scheduler.start(beside, f"{id}-other", id=f"{id}-other")
        assert scheduler.run(one_transaction, id) == 2
        assert other.result(20) == (7, f"{id}-other")
    assert "transaction-repeated" in told.events


def test_what_it_came_to_is_progress(new_scheduler: Callable[..., Scheduler], database: str, id: str) -> None:
    def hold(connection: Connection[Any]) -> None:
        running.release()
        RELEASED.wait(20)

    def look(connection: Connection[Any]) -> Any:
        return one(connection, "SELECT deaths FROM dataflows.executions WHERE id = %s", id)

    running = threading.Semaphore(0)
    ACTS[id], ACTS[f"{id}-next"] = hold, look
    with new_scheduler() as scheduler:
        handle = scheduler.start(one_after_the_other, id, id=id)
        assert running.acquire(timeout=20)
        take_away(database, id, deaths=1)
        RELEASED.set()
        assert handle.result(20) == 0
