"""Events by key: each wakes whoever waits for that key, or is kept for who comes to; none is lost between the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dataflows import Flow, WaitTimeout, gather, race, sleep, wait, workflow
from interpreter import Handle, Scheduler, Status
from tests.databases import opened
from tests.scheduler.doors import DOORS, Door, opened_door
from tests.scheduler.family import told
from tests.waiting import eventually


@workflow("events/takes")
def takes(key: str, number: int) -> Flow[list[Any]]:
    taken = []
    for _ in range(number):
        taken.append((yield from wait("paid", key=key)))
    return taken


@workflow("events/in time")
def in_time(key: str, timeout: float) -> Flow[Any]:
    try:
        return (yield from wait("paid", key=key, timeout=timeout))
    except WaitTimeout:
        return "nobody paid"


@workflow("events/gives up")
def gives_up(key: str) -> Flow[Any]:
    yield from race(event=wait("paid", key=key), timer=sleep("patience", 0.05))
    return (yield from wait("go"))


@workflow("events/either")
def waits_for_either(key: str) -> Flow[None]:
    yield from race(event=wait("paid", key=key), go=wait("go"))
    yield from wait("never")


@workflow("events/two at once")
def two_at_once(key: str) -> Flow[Any]:
    return (yield from gather(wait("paid", key=key), wait("paid", key=key)))


def subscribed(database: str, key: str, number: int = 1) -> None:
    query = "SELECT FROM dataflows.subscriptions WHERE key = %s AND delivered_at IS NULL"
    eventually(lambda: len(told(database, query, key)) == number)


def kept(database: str, key: str) -> int:
    return len(told(database, "SELECT FROM dataflows.events WHERE key = %s AND is_kept", key))


@pytest.fixture(scope="module", params=DOORS)
def door(request: pytest.FixtureRequest, database: str, scheduler: Scheduler) -> Iterator[Door]:
    """Beside it, a scheduler runs, so that something does."""
    with opened_door(request.param, database) as door:
        yield door


def test_an_event_wakes_all_that_wait_for_its_key_and_no_other(
    door: Door, scheduler: Scheduler, database: str, id: str
) -> None:
    waiting = [scheduler.start(takes, id, 1) for _ in range(3)]
    other = scheduler.start(takes, f"{id}/other", 1)
    subscribed(database, id, 3)
    assert door.emit("paid", {"amount": 3}, key=id) == 3
    assert [handle.result("20s") for handle in waiting] == [[{"amount": 3}]] * 3
    assert other.status() is not Status.COMPLETED
    assert door.emit("paid", 4, key=f"{id}/other") == 1
    assert other.result("20s") == [4]


def test_an_event_that_nobody_waits_for_is_kept_for_the_first_who_does(
    door: Door, scheduler: Scheduler, database: str, id: str
) -> None:
    assert [door.emit("paid", number, key=id) for number in range(3)] == [0, 0, 0]
    assert scheduler.run(takes, id, 2) == [0, 1]
    assert kept(database, id) == 1
    assert scheduler.run(takes, id, 1) == [2]


def test_an_event_with_an_id_counts_once(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(takes, id, 2)
    subscribed(database, id)
    assert [scheduler.emit("paid", 1, key=id, id="first") for _ in range(3)] == [1, 1, 1]
    subscribed(database, id)
    assert scheduler.emit("paid", 2, key=id, id="second") == 1
    assert handle.result("20s") == [1, 2]
    assert [scheduler.emit("paid", 3, key=id, id="third") for _ in range(3)] == [0, 0, 0]
    assert kept(database, id) == 1


def test_an_event_is_no_longer_kept_than_was_said_and_expired_ones_are_deleted_by_the_next(
    scheduler: Scheduler, database: str, id: str
) -> None:
    assert scheduler.emit("paid", 1, key=id, keep=0) == 0
    assert scheduler.run(in_time, id, 0.05) == "nobody paid"
    assert scheduler.emit("paid", 2, key=f"{id}/later") == 0
    assert told(database, "SELECT FROM dataflows.events WHERE key = %s", id) == []


def test_a_wait_for_an_event_times_out_and_is_withdrawn(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(in_time, id, 0.05)
    assert handle.result("20s") == "nobody paid"
    loser = scheduler.start(gives_up, id)
    eventually(lambda: "sleep" in [entry.kind for entry in loser.history()])
    subscribed(database, id, 0)
    assert scheduler.emit("paid", 1, key=id) == 0
    loser.signal("go", "on")
    assert loser.result("20s") == "on"


def test_a_wait_that_was_settled_otherwise_while_nobody_held_it_is_withdrawn(
    scheduler: Scheduler, database: str, id: str
) -> None:
    handle = scheduler.start(waits_for_either, id)
    subscribed(database, id)
    eventually(lambda: handle.status() is Status.SUSPENDED)
    handle.signal("go")
    subscribed(database, id, 0)
    assert scheduler.emit("paid", 7, key=id) == 0
    assert scheduler.run(takes, id, 1) == [7]
    handle.terminate()


def test_a_wait_is_withdrawn_though_its_execution_ends_before_anybody_gets_round_to_it(
    scheduler: Scheduler, database: str, id: str
) -> None:
    handle = scheduler.start(in_time, id, 1)
    subscribed(database, id)
    with opened(database) as locking, locking.transaction():
        locking.execute("LOCK TABLE dataflows.subscriptions IN SHARE ROW EXCLUSIVE MODE")
        others = [scheduler.start(in_time, f"{id} {number}", 60) for number in range(4)]  # as many as are done at once
        assert handle.result("20s") == "nobody paid"
    subscribed(database, id, 0)
    for other in others:
        other.terminate()


def test_what_is_left_to_do_of_a_former_execution_does_not_withdraw_a_wait_of_the_next_of_its_id(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, database: str, id: str
) -> None:
    errands = scheduler._engine._errands  # type: ignore[union-attr]
    do, late = errands._do, list[Any]()
    monkeypatch.setattr(errands, "_do", lambda errand: late.append(errand) if errand.outlives else do(errand))
    assert scheduler.start(in_time, id, 1, id=id).result("20s") == "nobody paid"
    eventually(lambda: late and late[0].held.has_ended)
    assert scheduler.delete(id)
    latter = scheduler.start(in_time, id, 60, id=id)
    subscribed(database, id)
    assert do(late[0]) is not None
    assert scheduler.emit("paid", 7, key=id) == 1
    assert latter.result("20s") == 7


def test_an_event_that_was_emitted_in_time_wins_although_its_execution_is_taken_up_too_late(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    """It is kept, since the scheduler that reached the wait has died before it could subscribe."""
    with new_scheduler() as first:
        suspended(first.start(in_time, id, 1.1, id=id))
    with new_scheduler(workflows=[]) as between:
        change(between, "DELETE FROM dataflows.subscriptions")
        assert between.emit("paid", "in time", key=id) == 0
        change(between, "UPDATE dataflows.events SET emitted_at = emitted_at - interval '1 minute'")
        late = "SELECT FROM dataflows.executions WHERE due_at < clock_timestamp()"
        eventually(lambda: told(url(between), late))
    with new_scheduler() as second:
        assert second.result(id, "20s") == "in time"


def suspended(handle: Handle[Any]) -> None:
    eventually(lambda: handle.status() is Status.SUSPENDED)


def url(scheduler: Scheduler) -> str:
    assert scheduler._database is not None
    return scheduler._database.url


def change(scheduler: Scheduler, statement: str) -> None:
    with opened(url(scheduler)) as connection:
        connection.execute(statement.encode())


def test_two_waits_of_one_execution_for_the_same_key_get_the_event_both(
    scheduler: Scheduler, database: str, id: str
) -> None:
    handle = scheduler.start(two_at_once, id)
    subscribed(database, id, 2)
    assert scheduler.emit("paid", "both", key=id) == 1
    assert handle.result("20s") == ("both", "both")


def test_an_event_that_comes_while_no_scheduler_runs_is_in_the_inbox_of_who_waits(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(cached=0) as first:
        suspended(first.start(takes, id, 2, id=id))
    with new_scheduler(workflows=[in_time]) as other:
        assert other.emit("paid", 1, key=id) == 1
        assert other.emit("paid", 2, key=id) == 0
    with new_scheduler(cached=0) as second:
        assert second.result(id, "20s") == [1, 2]
        signals = [entry for entry in second.history(id) if entry.kind == "signal"]
        assert [(entry.name, entry.branch) for entry in signals] == [("paid", id)] * 2


def test_between_emitting_and_subscribing_no_event_is_lost_and_none_is_taken_twice(
    scheduler: Scheduler, database: str, id: str
) -> None:
    """Each key has one wait and one event, which are begun at the same time."""
    keys = [f"{id}/{number}" for number in range(60)]
    with ThreadPoolExecutor(4) as emitting:
        emitted = emitting.map(lambda key: scheduler.emit("paid", key, key=key), keys)
        handles = [scheduler.start(takes, key, 1) for key in keys]
        assert [handle.result("30s") for handle in handles] == [[key] for key in keys]
        assert set(emitted) <= {0, 1}
    assert [kept(database, key) for key in keys] == [0] * 60


def test_an_execution_that_has_ended_gets_no_event(scheduler: Scheduler, database: str, id: str) -> None:
    handle = scheduler.start(takes, id, 1)
    subscribed(database, id)
    handle.terminate()
    assert scheduler.emit("paid", 1, key=id) == 0
    assert kept(database, id) == 1


@pytest.mark.parametrize("wrong", [{"key": ""}, {"key": "k" * 201}, {"key": "k", "id": ""}, {"key": "k", "keep": -1}])
def test_what_cannot_be_is_refused_before_anything_is_asked(scheduler: Scheduler, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        scheduler.emit("paid", **wrong)
