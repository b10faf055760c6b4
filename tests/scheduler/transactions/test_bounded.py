"""Transactions that have only so much time, and those that share a limit with others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection

from dataflows import Flow, Limit, RateLimited, Retry, StepTimeout, cancelled, gather, step, transaction, workflow
from interpreter import Scheduler
from tests.databases import opened
from tests.scheduler.transactions.counters import ACTS, act, count_up, counted, kinds
from tests.store.desk import one
from tests.waiting import eventually

LIMIT = "counters"
ALSO: dict[str, Callable[[], Any]] = {}
"""What a step does that shares the limit, by name."""


@pytest.fixture(scope="module")
def scheduler(database: str) -> Iterator[Scheduler]:
    with Scheduler(database, grace=1, limits={LIMIT: Limit(at_once=1)}) as scheduler:
        yield scheduler


@workflow("transactions/timed", retry=Retry(attempts=2, first=0))
def timed(name: str) -> Flow[Any]:
    return (yield from transaction("act", act, name, timeout=0.2))


def also(name: str) -> Any:
    return ALSO[name]()


@workflow("transactions/limited", retry=Retry(attempts=1))
def limited(name: str, number: int) -> Flow[list[Any]]:
    acts = (transaction("act", act, name, limit=LIMIT) for _ in range(number))
    return list((yield from gather(*acts, step("note", also, name, limit=LIMIT))))


def test_one_whose_time_is_over_is_cut_off_where_it_waits_and_tried_again(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def wait_for_a_lock_at_first(connection: Connection[Any]) -> int:
        tries.append(count_up(connection, id))
        if len(tries) == 1:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [id])
        return tries[-1]

    tries: list[int] = []
    ACTS[id] = wait_for_a_lock_at_first
    with opened(database) as person:
        person.execute("SELECT pg_advisory_lock(hashtext(%s))", [id])
        assert scheduler.run(timed, id, id=id) == 1
    assert (tries, counted(database, id)) == ([1, 1], 1)
    assert kinds(scheduler, id) == ["started", "begun", "attempt", "step", "completed"]


def test_one_that_returns_after_its_time_was_over_is_rolled_back(scheduler: Scheduler, database: str, id: str) -> None:
    def late(connection: Connection[Any]) -> None:
        count_up(connection, id)
        eventually(cancelled)
        returned.release()

    returned = threading.Semaphore(0)
    ACTS[id] = late
    with pytest.raises(StepTimeout, match="step 'act': attempt 2 did not end within 0.2s"):
        scheduler.run(timed, id, id=id)
    assert returned.acquire(timeout=20)
    assert returned.acquire(timeout=20)
    assert counted(database, id) == 0


def test_they_share_a_limit_with_steps_and_each_turn_ends_with_its_commit(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def work() -> None:
        assert inside.acquire(blocking=False)
        time.sleep(0.01)
        inside.release()

    def count(connection: Connection[Any]) -> int:
        work()
        return count_up(connection, id)

    inside = threading.Semaphore(1)
    ACTS[id], ALSO[id] = count, work
    assert scheduler.run(limited, id, 6) == [1, 2, 3, 4, 5, 6, None]
    assert counted(database, id) == 6
    with opened(database) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.tickets") == 0


def test_one_that_is_told_to_wait_is_rolled_back_and_holds_the_others_of_its_limit_back(
    scheduler: Scheduler, database: str, id: str
) -> None:
    def told_to_wait_at_first(connection: Connection[Any]) -> int:
        tries.append(count_up(connection, id))
        if len(tries) == 1:
            raise RateLimited(0.3)
        return tries[-1]

    tries: list[int] = []
    ACTS[id], ALSO[id] = told_to_wait_at_first, lambda: len(tries)
    assert scheduler.run(limited, id, 1) == [1, 2]
    assert (tries, counted(database, id)) == ([1, 1], 1)
