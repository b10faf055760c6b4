"""Paused and resumed from outside while real schedulers run them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dataflows import ExecutionTerminated
from interpreter import Client, Scheduler, Status
from tests.databases import opened
from tests.scheduler.controlled import (
    RAN,
    RELEASED,
    RUNNING,
    asks,
    asks_nothing,
    beside,
    forget,
    kinds,
    let_go,
    suspended,
    three_at_once,
    two_steps,
)
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget()
    yield
    RELEASED.set()


def test_a_paused_execution_begins_nothing_further_and_what_ran_is_journaled(
    scheduler: Scheduler, client: Client, database: str, id: str
) -> None:
    handle = scheduler.start(two_steps, id, id=id)
    assert RUNNING.acquire(timeout=20)
    assert client.pause(id) is True
    held_by = scheduler._engine._driver.held  # type: ignore[union-attr]
    eventually(lambda: held_by[id].paused)
    RELEASED.set()
    suspended(handle)
    assert (handle.describe().paused, let_go(database, id)) == (True, True)
    assert kinds(client, id) == ["started", "begun", "step"]
    assert RAN[id, "second"] == 0
    assert handle.resume() is True
    assert handle.result(20) == ["first", "second"]
    assert [RAN[id, name] for name in ("first", "second", "cleanup")] == [1, 1, 1]


def test_signals_are_kept_and_timers_become_due_while_it_is_paused(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    handle = scheduler.start(beside, id, id=id)
    assert RUNNING.acquire(timeout=20)
    client.pause(id)
    held_by = scheduler._engine._driver.held  # type: ignore[union-attr]
    eventually(lambda: held_by[id].paused)
    entries = len(client.history(id))
    client.signal(id, "late")
    RELEASED.set()
    suspended(handle)
    assert [kind for kind in kinds(client, id)[entries:] if kind != "step"] == []
    assert RAN[id, "second"] == 0
    client.resume(id)
    assert handle.result(20)[:2] == ("second", "after")
    assert [RAN[id, name] for name in ("first", "second", "after")] == [1, 1, 1]
    assert kinds(client, id).count("signal") == 1


def test_steps_that_wait_for_room_are_withdrawn_and_run_once_when_it_goes_on(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(concurrency=1) as scheduler:
        handle = scheduler.start(three_at_once, id, id=id)
        assert RUNNING.acquire(timeout=20)
        handle.pause()
        eventually(lambda: scheduler._engine._driver.held[id].paused)  # type: ignore[union-attr]
        RELEASED.set()
        suspended(handle)
        assert sum(RAN[id, name] for name in "abc") == 1
        handle.resume()
        assert handle.result(20) == ("a", "b", "c")
        assert [RAN[id, name] for name in "abc"] == [1, 1, 1]


def test_it_goes_on_where_it_is_if_it_is_resumed_while_its_step_still_runs(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    handle = scheduler.start(beside, id, id=id)
    assert RUNNING.acquire(timeout=20)
    client.pause(id)
    held = scheduler._engine._driver.held[id]  # type: ignore[union-attr]
    eventually(lambda: held.paused)
    client.resume(id)
    eventually(lambda: RAN[id, "after"])
    RELEASED.set()
    assert handle.result(20)[:2] == ("second", "after")
    assert [RAN[id, name] for name in ("first", "second", "after")] == [1, 1, 1]


def test_paused_before_it_has_begun_it_begins_when_it_is_resumed(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = client.start(asks, id, id=id, delay="1h")
    client.pause(id)
    with opened(str(scheduler._named)) as connection:
        connection.execute("UPDATE dataflows.executions SET due_at = now() WHERE id = %s", [id])
    client.signal(id, "answer", 1)
    assert client.run(asks_nothing) == "done"
    assert (handle.status(), RAN[id, "ask"]) == ("pending", 0)
    client.resume(id)
    assert handle.result(20) == (id, 1)


def test_a_paused_execution_can_be_cancelled_and_is_when_it_is_resumed(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    handle = scheduler.start(two_steps, id, id=id)
    assert RUNNING.acquire(timeout=20)
    client.pause(id)
    eventually(lambda: scheduler._engine._driver.held[id].paused)  # type: ignore[union-attr]
    client.cancel(id)
    RELEASED.set()
    suspended(handle)
    assert RAN[id, "cleanup"] == 0
    client.resume(id)
    eventually(lambda: handle.status() is Status.CANCELLED)
    assert (RAN[id, "second"], RAN[id, "cleanup"]) == (0, 1)


def test_a_paused_execution_can_be_terminated(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = scheduler.start(two_steps, id, id=id)
    assert RUNNING.acquire(timeout=20)
    client.pause(id)
    assert client.terminate(id) == 1
    with pytest.raises(ExecutionTerminated):
        handle.result(20)


def test_what_was_paused_stays_so_over_the_death_of_its_holder(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(lease=1) as first:
        handle = first.start(two_steps, id, id=id)
        assert RUNNING.acquire(timeout=20)
        with opened(str(first._named)) as connection:
            handle.pause()
            connection.execute("DELETE FROM dataflows.schedulers")  # as a takeover does with the dead
            connection.execute("UPDATE dataflows.executions SET scheduler = NULL, status = 'suspended', due_at = now()")
        with new_scheduler() as second:
            assert second.run(asks_nothing) == "done"
            assert (second.status(id), second.describe(id).paused) == ("suspended", True)
            RELEASED.set()
            second.resume(id)
            assert second.result(id, 20) == ["first", "second"]
