"""Retried, forked, started with a signal, and all of it in bulk, while real schedulers run."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import ExecutionTerminated, Flow, Retry, WaitTimeout, Workflow, gather, sleep, step, wait, workflow
from dataflows.errors import IdInUse, NotFound
from interpreter import Client, Execution, Scheduler, Status
from tests.databases import opened
from tests.scheduler.doors import DOORS, Door, opened_door
from tests.waiting import eventually

RAN: Counter[tuple[str, str]] = Counter()
MENDED: set[str] = set()
KEYS: list[str] = []


def note(id: str, name: str) -> str:
    RAN[id, name] += 1
    return name


def ship(id: str) -> str:
    RAN[id, "ship"] += 1
    if id not in MENDED:
        raise ConnectionError("the carrier is down")
    return "shipped"


@workflow("control/order", retry=Retry(attempts=2, first=0))
def order(id: str) -> Flow[list[str]]:
    charge = yield from step("charge", note, id, "charge")
    return [charge, *(yield from gather(step("ship", ship, id), step("mail", note, id, "mail")))]


@workflow("control/collect")
def collect(number: int) -> Flow[list[Any]]:
    taken = []
    for _ in range(number):
        taken.append((yield from wait("item")))
    return taken


PATIENCE = {"seconds": 60.0}


@workflow("control/patient")
def patient() -> Flow[Any]:
    yield from sleep("nap", 0)
    return (yield from wait("approval", timeout=PATIENCE["seconds"]))


@workflow("control/other")
def other() -> Flow[None]:
    yield from wait("never")


@pytest.fixture(scope="module", params=DOORS)
def door(request: pytest.FixtureRequest, database: str, scheduler: Scheduler) -> Iterator[Door]:
    """Beside it, a scheduler runs, so that something does."""
    with opened_door(request.param, database) as door:
        yield door


# Retry ------------------------------------------------------------------------------------------


def test_a_failed_execution_goes_on_from_where_it_failed_and_nothing_else_runs_again(door: Door, id: str) -> None:
    handle = door.start(order, id, id=id)
    with pytest.raises(ConnectionError):
        door.call(handle, "result")(20)
    attempts = RAN[id, "ship"]
    assert attempts == 2
    assert door.call(handle, "retry")() is True
    with pytest.raises(ConnectionError):
        door.call(handle, "result")(20)
    assert RAN[id, "ship"] == 4, "it has all its attempts before it"
    MENDED.add(id)
    door.retry(id)
    assert door.call(handle, "result")(20) == ["charge", "shipped", "mail"]
    assert (door.describe(id).generation, RAN[id, "charge"]) == (3, 1)


def test_what_is_blocked_is_retried_from_an_earlier_place_with_other_code(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    def before(id: str) -> Flow[list[str]]:
        first = yield from step("first", note, id, "first")
        second = yield from step("second", note, id, "second")
        return [first, second, (yield from wait("go"))]

    def after(id: str) -> Flow[list[str]]:
        first = yield from step("first", note, id, "first")
        return [first, (yield from step("instead", note, id, "instead"))]

    old, new = Workflow(before, "control/changing", 1), Workflow(after, "control/changing", 1)
    with new_scheduler(workflows=[old], cached=0) as scheduler:
        handle = scheduler.start(old, id, id=id)
        eventually(lambda: handle.status() is Status.SUSPENDED)
    with new_scheduler(workflows=[new]) as scheduler:
        scheduler.signal(id, "go")
        eventually(lambda: scheduler.status(id) is Status.BLOCKED)
        assert scheduler.retry(id, "1") is True
        assert scheduler.result(id, 20) == ["first", "instead"]
    assert [RAN[id, name] for name in ("first", "second", "instead")] == [1, 1, 1]


@pytest.mark.parametrize("verb", ["retry", "fork"])
def test_what_timed_out_has_its_whole_time_again_however_long_ago_that_was(
    scheduler: Scheduler, database: str, id: str, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setitem(PATIENCE, "seconds", 0.01)
    with pytest.raises(WaitTimeout):
        scheduler.run(patient, id=id)
    monkeypatch.setitem(PATIENCE, "seconds", 3600)
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.journal SET at = at - interval '1 day' WHERE execution_id = %s", [id])
    going_on = scheduler.fork(id) if verb == "fork" else id
    if verb == "retry":
        scheduler.retry(id)
    eventually(lambda: scheduler.describe(going_on).waits_for == ["approval"])
    scheduler.signal(going_on, "approval", "at last")
    assert scheduler.result(going_on, 20) == "at last"
    assert [entry.kind for entry in scheduler.history(going_on)].count("begun") == 2


# Fork -------------------------------------------------------------------------------------------


def test_a_fork_goes_on_from_its_place_by_itself(door: Door, id: str) -> None:
    MENDED.add(id)
    door.start(order, id, id=id)
    result = door.result(id, 20)
    before = door.history(id)
    forked = door.fork(id, "1.0.0")
    assert door.result(forked, 20) == result
    assert [RAN[id, name] for name in ("charge", "ship")] == [1, 2]
    assert door.history(id) == before
    assert door.result(door.fork(id), 20) == result, "from its end, it ends again"


# Start with a signal ----------------------------------------------------------------------------


def test_it_is_started_with_its_first_signal_and_signalled_from_then_on(door: Door, id: str) -> None:
    for number in range(3):
        handle = door.start_with_signal(collect, 3, id=id, signal="item", payload=number, signal_id=f"item {number}")
        assert handle.id == id
    door.start_with_signal(collect, 99, id=id, signal="item", payload="again", signal_id="item 1")
    assert door.call(handle, "result")(20) == [0, 1, 2]
    with pytest.raises(NotFound, match="has completed"):
        door.start_with_signal(collect, 3, id=id, signal="item")
    with pytest.raises(IdInUse, match="belongs to an execution of workflow 'control/collect'"):
        door.start_with_signal(other, id=id, signal="item")


def test_twelve_who_start_it_with_a_signal_at_once_start_one_and_lose_no_signal(client: Client, id: str) -> None:
    def start(number: int) -> str:
        return client.start_with_signal(collect, 12, id=id, signal="item", payload=number).id

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(start, range(12))) == {id}
    with Scheduler(client._named) as scheduler:
        assert sorted(scheduler.result(id, 20)) == list(range(12))


def test_one_message_id_starts_and_signals_once_of_many_at_once(client: Client, id: str, scheduler: Scheduler) -> None:
    def start(_: int) -> str:
        return client.start_with_signal(collect, 2, id=id, signal="item", payload="x", signal_id="same").id

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(start, range(12)))
    client.signal(id, "item", "last")
    assert client.result(id, 20) == ["x", "last"]


# In bulk ----------------------------------------------------------------------------------------

_marks = itertools.count(1)


@pytest.fixture
def mark() -> dict[str, str]:
    """A tag that only the test's own executions have."""
    return {"mark": str(next(_marks))}


def waiting(door: Door, mark: dict[str, str], number: int) -> list[str]:
    return [door.start(collect, 1, tags=mark).id for _ in range(number)]


def test_a_dry_run_tells_and_does_nothing_and_then_it_is_done_to_just_these(door: Door, mark: dict[str, str]) -> None:
    ids, told, done = waiting(door, mark, 4), list[Execution](), list[Execution]()
    waiting(door, {"mark": "another"}, 1)
    assert door.in_bulk("pause", tags=mark, dry_run=True, tell=told.append) == 4
    assert [execution.id for execution in told] == ids
    assert not any(door.describe(id).paused for id in ids)
    assert door.in_bulk("pause", tags=mark, workflow="control/collect", tell=done.append) == 4
    assert [execution.id for execution in done] == ids
    assert all(door.describe(id).paused for id in ids)
    assert door.in_bulk("pause", tags=mark) == 0
    assert door.in_bulk("resume", tags=mark) == 4
    assert door.in_bulk("terminate", tags=mark, workflow="control/other") == 0
    assert door.in_bulk("terminate", tags=mark) == 4
    for id in ids:
        with pytest.raises(ExecutionTerminated):
            door.result(id, 20)


def test_each_verb_is_for_those_that_it_can_be_done_to(door: Door, mark: dict[str, str], id: str) -> None:
    failed = [door.start(order, f"{id}-{n}", tags=mark).id for n in range(2)]
    eventually(lambda: len(door.list(tags=mark, status=Status.FAILED)) == 2)
    (open_one,) = waiting(door, mark, 1)
    assert door.in_bulk("delete", tags=mark, status=Status.COMPLETED) == 0
    assert door.in_bulk("retry", tags=mark) == 2
    eventually(lambda: len(door.list(tags=mark, status=Status.FAILED)) == 2)
    assert [door.describe(each).generation for each in failed] == [2, 2]
    assert door.in_bulk("cancel", tags=mark, status="failed") == 0
    assert door.in_bulk("delete", tags=mark) == 2
    assert [found.id for found in door.list(tags=mark)] == [open_one]
    assert door.in_bulk("cancel", tags=mark) == 1
    eventually(lambda: door.status(open_one) is Status.CANCELLED)


def test_those_that_were_created_or_have_ended_before_are_told_from_the_others(
    door: Door, mark: dict[str, str]
) -> None:
    (old,) = waiting(door, mark, 1)
    door.terminate(old)
    ended_at = door.describe(old).ended_at
    (new,) = waiting(door, mark, 1)
    moment = timedelta(microseconds=1)
    assert door.in_bulk("delete", tags=mark, ended_before=ended_at, dry_run=True) == 0
    assert door.in_bulk("delete", tags=mark, ended_before=ended_at + moment, dry_run=True) == 1
    created_at = door.describe(new).created_at
    assert door.in_bulk("pause", tags=mark, created_before=created_at, dry_run=True) == 0
    assert door.in_bulk("pause", tags=mark, created_before=datetime.now(UTC) + timedelta(days=1), dry_run=True) == 1
    with pytest.raises(ValueError, match="no time zone"):
        door.in_bulk("pause", created_before=datetime(2020, 1, 1))
    with pytest.raises(ValueError, match="one of cancel, terminate, pause, resume, retry, delete; got 'forget'"):
        door.in_bulk("forget")


def test_more_than_a_page_is_done_page_by_page(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(workflows=[other]) as scheduler, Client(scheduler._named) as client:
        ids = {client.start(collect, 1).id for _ in range(450)}
        told: list[str] = []
        assert client.in_bulk("terminate", tell=lambda execution: told.append(execution.id)) == 450
        assert (len(told), set(told)) == (450, ids)
        barrier = threading.Barrier(3)

        def delete(_: int) -> int:
            barrier.wait(20)
            return client.in_bulk("delete")

        with ThreadPoolExecutor(3) as threads:
            assert sum(threads.map(delete, range(3))) == 450
        assert client.list() == []
