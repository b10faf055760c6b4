"""Long, wide and idle: many steps in a row, many beside each other, and nothing to do at all."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable

import pytest

from dataflows import Flow, gather, step, wait, workflow
from interpreter import Scheduler, Status
from tests.databases import opened
from tests.scheduler.scheduled import away_from_now, scheduled
from tests.waiting import eventually

INSIDE: set[int] = set()
MOST_INSIDE = [0]
LOCK = threading.Lock()


def count_inside(number: int) -> int:
    with LOCK:
        INSIDE.add(number)
        MOST_INSIDE[0] = max(MOST_INSIDE[0], len(INSIDE))
    threading.Event().wait(0.001)
    with LOCK:
        INSIDE.discard(number)
    return number


def wait_a_little(number: int) -> int:
    time.sleep(random.random() / 50)
    return number


async def number_of(number: int) -> int:
    return number


@workflow("scale/in a row")
def in_a_row(number: int, is_async: bool) -> Flow[int]:
    total = 0
    for index in range(number):
        total += yield from step("add", number_of if is_async else int, index)
    return total


@workflow("scale/beside each other")
def beside_each_other(number: int, limit: int | None) -> Flow[tuple[int, ...]]:
    return (yield from gather(*(step("one", count_inside, index) for index in range(number)), limit=limit))


@workflow("scale/in any order")
def in_any_order(number: int) -> Flow[tuple[int, ...]]:
    return (yield from gather(*(step("one", wait_a_little, index) for index in range(number))))


@workflow("scale/deep")
def deep(depth: int) -> Flow[int]:
    if depth == 0:
        yield from wait("go")
        return 0
    return 1 + (yield from deep.function(depth - 1))


@pytest.mark.parametrize("is_async", [False, True])
def test_1000_steps_in_a_row(scheduler: Scheduler, is_async: bool) -> None:
    handle = scheduler.start(in_a_row, 1_000, is_async)
    assert handle.result() == sum(range(1_000))
    assert len(handle.history()) == 1_003


def test_2000_steps_beside_each_other_are_answered_in_the_order_of_the_arguments(scheduler: Scheduler) -> None:
    assert scheduler.run(beside_each_other, 2_000, None) == tuple(range(2_000))


def test_hundreds_of_executions_are_awaited_in_one_event_loop(database: str) -> None:
    async def main() -> list[int]:
        async with Scheduler(database) as scheduler:
            return await asyncio.gather(*(scheduler.run(in_a_row, number % 4, True) for number in range(200)))

    assert asyncio.run(main()) == [sum(range(number % 4)) for number in range(200)]


def test_a_limit_of_its_own_bounds_a_gather(scheduler: Scheduler) -> None:
    MOST_INSIDE[0] = 0
    assert scheduler.run(beside_each_other, 60, 3) == tuple(range(60))
    assert 1 <= MOST_INSIDE[0] <= 3


def test_answers_are_in_the_order_of_the_arguments_whoever_ends_first(scheduler: Scheduler) -> None:
    handle = scheduler.start(in_any_order, 30)
    assert handle.result() == tuple(range(30))
    ended = [entry.position for entry in handle.history() if entry.kind == "step"]
    assert sorted(ended) != ended, "they ended in another order"


def test_a_deep_stack_of_generators_is_suspended_and_woken(scheduler: Scheduler) -> None:
    handle = scheduler.start(deep, 200)
    eventually(lambda: handle.status() == Status.SUSPENDED)
    handle.signal("go")
    assert handle.result() == 200


def test_one_that_recurses_for_ever_fails_and_harms_nobody(scheduler: Scheduler) -> None:
    handle = scheduler.start(deep, 100_000)
    with pytest.raises(RecursionError):
        handle.result()
    assert scheduler.run(in_a_row, 3, False) == 3


@pytest.mark.parametrize("schedules", [0, 20])
def test_an_idle_scheduler_asks_at_most_one_question_a_second(
    new_scheduler: Callable[..., Scheduler], schedules: int
) -> None:
    workflows = [in_a_row, *[scheduled(away_from_now(), name=f"scheduled {number}") for number in range(schedules)]]
    seconds = 3
    asked = (
        "SELECT pid, query_start FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND query_start IS NOT NULL"
    )
    with new_scheduler(workflows=workflows) as scheduler, opened(str(scheduler._named)) as connection:
        scheduler.run(in_a_row, 3, False)
        eventually(lambda: len(scheduler.list_schedules()) == schedules)
        eventually(lambda: not scheduler._engine._driver.held)
        before = set(connection.execute(asked))
        seen = set(before)
        deadline = time.monotonic() + seconds
        for _ in itertools.takewhile(lambda _: time.monotonic() < deadline, itertools.count()):
            seen |= set(connection.execute(asked))
            threading.Event().wait(0.02)
    print(f"{len(seen - before)} questions in {seconds} s")
    assert len(seen - before) <= seconds + 1
