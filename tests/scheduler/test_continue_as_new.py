"""``continue_as_new`` under real schedulers: generations without end, and nothing lost between two of them."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dataflows import (
    CannotStore,
    ExecutionCancelled,
    Flow,
    NotFound,
    Retry,
    continue_as_new,
    fork,
    gather,
    now,
    race,
    sleep,
    step,
    uuid,
    wait,
    workflow,
)
from interpreter import Client, Handle, Scheduler, Status
from interpreter.store import journal
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.store.desk import one
from tests.waiting import eventually

ENTRIES = "SELECT count(*) FROM dataflows.journal WHERE execution_id = %s"


@workflow("anew/counter")
def counter(total: int, most: int) -> Flow[int]:
    """Adds what it is sent, one signal a generation."""
    if total >= most:
        return total
    total += yield from wait("add")
    return (yield from continue_as_new(total, most))


@workflow("anew/steps", retry=Retry(attempts=1))
def steps(generation: int, generations: int) -> Flow[int]:
    yield from gather(step("a", int), step("b", int))
    if generation < generations:
        return (yield from continue_as_new(generation + 1, generations))
    return generation


@workflow("anew/collector")
def collector(seen: list[Any], size: int) -> Flow[list[Any]]:
    """Takes two of what was sent in each generation, and leaves the rest to the next."""
    for _ in range(2):
        seen = [*seen, (yield from wait("item"))]
    if len(seen) < size:
        return (yield from continue_as_new(seen, size))
    return seen


@workflow("anew/for-ever")
def for_ever(rounds: int) -> Flow[None]:
    try:
        yield from sleep("a moment", 0.01)
    finally:
        yield from step("clean up", int)
    return (yield from continue_as_new(rounds + 1))


@workflow("anew/tasks")
def tasks(generation: int) -> Flow[str]:
    if generation == 2:
        return "done"
    yield from fork(tidy())
    yield from race(soon=sleep("soon", 0.01), late=sleep("late", 3600), never=wait("never", timeout=3600))
    return (yield from continue_as_new(2))


def tidy() -> Flow[None]:
    try:
        yield from wait("never")
    finally:
        yield from step("tidy up", int)


@workflow("anew/unstorable")
def unstorable() -> Flow[None]:
    yield from sleep("a moment", 0)
    return (yield from continue_as_new(lambda: "no value"))


@workflow("anew/fails-later", retry=Retry(attempts=1))
def fails_later(seen: list[str]) -> Flow[list[str]]:
    if not seen:
        yield from gather(step("a", int), step("b", int))  # so that the signal stands late in this journal
    seen = [*seen, (yield from wait("word"))]
    if len(seen) == 1:
        return (yield from continue_as_new(seen))
    yield from step("check", fail_at_first)
    return [*seen, (yield from wait("word", timeout=0.2, default="nothing more"))]


@workflow("anew/chance")
def chance(before: list[Any]) -> Flow[list[Any]]:
    seen = [*before, [str((yield from uuid())), (yield from now()).isoformat()]]
    return seen if len(seen) == 3 else (yield from continue_as_new(seen))


FAILED: list[str] = []


def fail_at_first() -> None:
    if not FAILED:
        FAILED.append("once")
        raise ConnectionError("not yet")


def generation_of(handle: Handle[Any]) -> int:
    return handle.describe().generation


# What comes of it -------------------------------------------------------------------------------


def test_a_result_is_waited_for_over_all_generations(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = scheduler.start(steps, 1, 5, id=id)
    assert (handle.result(20), client.result(id, 20)) == (5, 5)
    assert generation_of(handle) == 5
    assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "step", "completed"]
    assert [entry.kind for entry in handle.history(generation=4)] == ["started", "begun", "step", "step", "renewed"]
    assert handle.history(generation=5) == handle.history()
    with pytest.raises(NotFound, match="no journal of generation 6; 5 is the newest"):
        handle.history(generation=6)


def test_time_goes_on_and_chance_is_new(scheduler: Scheduler, id: str) -> None:
    seen = scheduler.run(chance, [], id=id)
    assert len({uuid for uuid, _ in seen}) == 3
    assert [at for _, at in seen] == sorted(at for _, at in seen)
    times = [entry.at for number in (1, 2, 3) for entry in scheduler.history(id, generation=number)]
    assert times == sorted(times)


def test_tasks_and_timers_of_a_generation_end_with_it(scheduler: Scheduler, id: str) -> None:
    assert scheduler.run(tasks, 1, id=id) == "done"
    assert [entry.name for entry in scheduler.history(id, generation=1) if entry.kind == "step"] == ["tidy up"]


def test_arguments_that_cannot_be_stored_fail_the_execution(scheduler: Scheduler) -> None:
    with pytest.raises(CannotStore, match="an argument of the workflow"):
        scheduler.run(unstorable)


# Signals and cancels ----------------------------------------------------------------------------


def test_what_nobody_has_consumed_is_the_next_generations_in_its_order(
    client: Client, scheduler: Scheduler, id: str
) -> None:
    handle = client.start(collector, [], 10, id=id, delay=0.3)
    for number in range(10):
        client.signal(id, "item", number)
    assert handle.result(20) == list(range(10))
    assert generation_of(handle) == 5


def test_no_signal_is_lost_or_doubled_between_200_generations(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler(cached=2) as scheduler, Client(scheduler._named) as client:
        handle = client.start(counter, 0, 200, id=id)
        senders = [threading.Thread(target=send, args=[client, id, sender, 50]) for sender in range(4)]
        for sender in senders:
            sender.start()
        assert handle.result(60) == 200
        for sender in senders:
            sender.join()
        assert generation_of(handle) == 201


def send(client: Client, id: str, sender: int, number: int) -> None:
    for message in range(number):
        assert client.signal(id, "add", 1, id=f"{sender}.{message}")


def test_a_cancel_between_two_generations_reaches_the_next(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = scheduler.start(for_ever, 0, id=id)
    eventually(lambda: generation_of(handle) > 3)
    assert client.cancel(id)
    with pytest.raises(ExecutionCancelled):
        handle.result(20)
    assert client.status(id) is Status.CANCELLED


def test_a_retry_of_a_later_generation_brings_nothing_back_that_an_earlier_one_has_consumed(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    FAILED.clear()
    handle = scheduler.start(fails_later, [], id=id)
    client.signal(id, "word", "first")
    eventually(lambda: generation_of(handle) == 2)
    client.signal(id, "word", "second")
    with pytest.raises(ConnectionError):
        handle.result(20)
    assert client.retry(id)
    assert client.result(id, 20) == ["first", "second", "nothing more"]


# What it costs ----------------------------------------------------------------------------------


def test_rows_and_memory_are_bounded_however_many_generations_there_are(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler() as scheduler, opened(str(scheduler._named)) as connection:
        scheduler.run(steps, 1, 30, id=f"{id} first")  # everything has been used once
        tracemalloc.start()
        grown: list[int] = []
        # What is kept of generations is kept each time; what caches and other threads of the process take is not.
        while len(grown) < 10 and not (grown and grown[-1] < 200 * 100):
            grown.append(growth(scheduler, f"{id} {len(grown)}"))
        tracemalloc.stop()
        assert min(grown) < 200 * 100, f"{grown} bytes stay after 200 generations each"
        assert scheduler.run(steps, 1, 400, id=id) == 400
        eventually(lambda: one(connection, ENTRIES, id) == 15)
        assert len(scheduler._engine._driver.held) == 0  # type: ignore[union-attr]


def growth(scheduler: Scheduler, id: str) -> int:
    """The bytes that are held after 200 generations and were not before."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    scheduler.run(steps, 1, 200, id=id)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


def test_what_one_scheduler_left_to_sweep_another_sweeps(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler() as scheduler, opened(str(scheduler._named)) as connection:
        scheduler._engine._sweeper._closed = True  # type: ignore[union-attr]  # as if it had died each time
        handle = scheduler.start(counter, 0, 10, id=id)
        for number in range(9):
            handle.signal("add", 1, id=str(number))
        eventually(lambda: generation_of(handle) == 10)
        assert one(connection, ENTRIES, id) > 30
        eventually(lambda: handle.status() is Status.SUSPENDED)
    with new_scheduler() as second, opened(str(second._named)) as connection:
        second.signal(id, "add", 1)
        assert second.result(id, 20) == 10
        eventually(lambda: one(connection, "SELECT min(generation) FROM dataflows.journal") == 9)


# Under violence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_renewal_whose_answer_is_lost_counts_once(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, id: str, when: str
) -> None:
    commit = journal.commit
    cut: list[str] = []

    def commit_and_lose(connection: Any, scheduler: int, batch: journal.Batch) -> journal.Committed:
        if not batch.renewals or len(cut) == 6:
            return commit(connection, scheduler, batch)
        cut.append(when)
        if when == "after":
            commit(connection, scheduler, batch)
        connection.close()
        raise psycopg.OperationalError("the connection was cut")

    with new_scheduler() as scheduler:
        monkeypatch.setattr(journal, "commit", commit_and_lose)
        assert scheduler.run(steps, 1, 5, id=id) == 5
        assert len(cut) == (6 if when == "before" else 4)
        assert [entry.kind for entry in scheduler.history(id)] == ["started", "begun", "step", "step", "completed"]


def test_schedulers_that_take_over_from_each_other_lose_no_generation(
    new_scheduler: Callable[..., Scheduler], told: Told, id: str
) -> None:
    with new_scheduler(lease=0.5, on_event=told) as first, new_scheduler(lease=0.5) as second:
        handle = first.start(counter, 0, 60, id=id)
        with opened(str(first._named)) as connection:
            for number in range(60):
                if number % 10 == 0:
                    connection.execute("UPDATE dataflows.schedulers SET expires_at = now() - interval '1s'")
                second.signal(id, "add", 1, id=str(number))
        assert handle.result(60) == 60
    assert "thread-failed" not in told.events
