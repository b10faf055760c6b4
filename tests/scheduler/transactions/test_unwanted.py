"""Transactions that nobody wants any more when they return: cancelled, terminated, taken over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from dataflows import ExecutionCancelled, ExecutionTerminated, cancelled
from interpreter import Scheduler
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.transactions.counters import (
    ACTS,
    RELEASED,
    WAITING,
    cleaned_up,
    count_up,
    counted,
    in_a_row,
    kinds,
    one_transaction,
    take_away,
)
from tests.store.desk import one
from tests.waiting import eventually


def test_one_that_waits_for_a_lock_when_it_is_cancelled_is_cut_off_and_rolled_back(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def wait_for_lock(connection: Connection[Any]) -> None:
        count_up(connection, id)
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [id])

    ACTS[id] = wait_for_lock
    with opened(database) as person:
        person.execute("SELECT pg_advisory_lock(hashtext(%s))", [id])
        handle = scheduler.start(cleaned_up, id, id=id)
        eventually(lambda: one(person, WAITING))
        handle.cancel()
        with pytest.raises(ExecutionCancelled):
            handle.result(20)
    assert (counted(database, id), counted(database, f"{id}-cleaned up")) == (0, 1)
    assert kinds(scheduler, id) == ["started", "begun", "cancel", "stopped", "step", "cancelled"]


def test_one_that_returns_after_it_was_cancelled_is_rolled_back(scheduler: Scheduler, database: str, id: str) -> None:
    def until_cancelled(connection: Connection[Any]) -> str:
        count_up(connection, id)
        running.set()
        eventually(cancelled)
        return "late"

    running = threading.Event()
    ACTS[id] = until_cancelled
    handle = scheduler.start(cleaned_up, id, id=id)
    assert running.wait(20)
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result(20)
    assert (counted(database, id), counted(database, f"{id}-cleaned up")) == (0, 1)


def test_one_that_outlives_the_grace_of_its_cancellation_is_not_committed_later(
    new_scheduler: Callable[..., Scheduler], database: str, id: str
) -> None:
    def deaf(connection: Connection[Any]) -> None:
        count_up(connection, id)
        running.set()
        RELEASED.wait(20)
        returned.set()

    running, returned = threading.Event(), threading.Event()
    ACTS[id] = deaf
    with new_scheduler(grace=0.2) as scheduler:
        handle = scheduler.start(cleaned_up, id)
        assert running.wait(20)
        handle.cancel()
        with pytest.raises(ExecutionCancelled):
            handle.result(20)
        RELEASED.set()
        assert returned.wait(20)
        assert scheduler.run(in_a_row, f"{id}-after", 1) == [1]
    assert (counted(database, id), counted(database, f"{id}-cleaned up")) == (0, 1)


def test_one_that_returns_after_its_execution_was_terminated_is_rolled_back(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def hold(connection: Connection[Any]) -> None:
        count_up(connection, id)
        running.set()
        RELEASED.wait(20)

    running = threading.Event()
    ACTS[id] = hold
    handle = scheduler.start(one_transaction, id, id=id)
    assert running.wait(20)
    handle.terminate()
    RELEASED.set()
    with pytest.raises(ExecutionTerminated):
        handle.result(20)
    with opened(database) as connection:
        eventually(lambda: one(connection, "SELECT scheduler IS NULL FROM dataflows.executions WHERE id = %s", id))
    assert counted(database, id) == 0
    assert scheduler.run(in_a_row, f"{id}-after", 1) == [1]


def test_one_whose_scheduler_was_taken_over_meanwhile_is_rolled_back_and_runs_again(
    new_scheduler: Callable[..., Scheduler], database: str, id: str, told: Told
) -> None:
    def hold(connection: Connection[Any]) -> int:
        running.release()
        RELEASED.wait(20)
        return count_up(connection, id)

    running = threading.Semaphore(0)
    ACTS[id] = hold
    with new_scheduler(on_event=told) as scheduler:
        handle = scheduler.start(one_transaction, id, id=id)
        assert running.acquire(timeout=20)
        take_away(database, id)
        RELEASED.set()
        assert handle.result(20) == 1
        assert "lease-lost" in told.events
        assert kinds(scheduler, id) == ["started", "begun", "step", "completed"]
    assert counted(database, id) == 1
