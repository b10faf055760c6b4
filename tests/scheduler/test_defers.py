"""``defer`` under real schedulers: what was promised is done, once each, last first, whoever does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from dataflows import ExecutionCancelled, ExecutionTerminated, Flow, Retry, defer, fork, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.scheduler.conftest import Told
from tests.scheduler.controlled import RELEASED, RUNNING, forget, hold
from tests.waiting import eventually

DONE: list[str] = []
FAILURES: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def forgotten() -> None:
    DONE.clear()
    FAILURES.clear()
    forget()


def do(what: str) -> str:
    DONE.append(what)
    return what


def fail_twice(what: str) -> str:
    FAILURES[what] += 1
    if FAILURES[what] < 3:
        raise ConnectionError(what)
    return do(what)


def refuse(what: str) -> None:
    raise ValueError(f"{what} cannot be undone")


@workflow("defers/trip", retry=Retry(attempts=3, first=0))
def trip(ends: str, id: str = "") -> Flow[str]:
    yield from step("book flight", do, "flight")
    yield from defer("cancel flight", fail_twice, "cancel flight")
    yield from step("book hotel", do, "hotel")
    yield from defer("cancel hotel", refuse, "hotel", retry=Retry(attempts=1))
    yield from defer("hold", hold, id, "hold") if ends == "held" else defer("tell", do, "tell")
    yield from fork(tidy())
    if ends == "waits":
        yield from wait("go")
    if ends in ("fails", "held"):
        yield from step("book car", refuse, "car", retry=Retry(attempts=1))
    return "booked"


def tidy() -> Flow[None]:
    try:
        yield from wait("never")
    finally:
        yield from step("tidy up", do, "tidy up")


UNDONE = ["flight", "hotel", "tidy up", "tell", "cancel flight"]


def test_what_was_deferred_is_done_last_in_first_out_with_retries_and_the_error_tells_what_failed(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    with pytest.raises(ValueError, match="car cannot be undone") as raised:
        scheduler.run(trip, "fails", id=id)
    assert DONE == UNDONE
    assert "deferred step 'cancel hotel' failed: ValueError: hotel cannot be undone" in raised.value.__notes__
    assert client.status(id) is Status.FAILED


def test_it_is_done_too_when_the_execution_is_cancelled(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(trip, "waits", id=id)
    eventually(lambda: handle.status() is Status.SUSPENDED)
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result(20)
    assert DONE == UNDONE


def test_it_is_not_done_when_the_execution_completes_or_is_terminated(scheduler: Scheduler, id: str) -> None:
    assert scheduler.run(trip, "completes", id=f"{id} completes") == "booked"
    assert DONE == ["flight", "hotel"]
    handle = scheduler.start(trip, "waits", id=id)
    eventually(lambda: handle.status() is Status.SUSPENDED)
    handle.terminate()
    with pytest.raises(ExecutionTerminated):
        handle.result(20)
    assert DONE == ["flight", "hotel", "flight", "hotel"]


def test_another_scheduler_goes_on_in_the_middle_of_it(
    new_scheduler: Callable[..., Scheduler], told: Told, id: str
) -> None:
    with new_scheduler(grace=0) as first:
        first.start(trip, "held", id, id=id)
        assert RUNNING.acquire(timeout=20)
    RELEASED.set()
    with new_scheduler(on_event=told) as second:
        with pytest.raises(ValueError, match="car cannot be undone"):
            second.result(id, 20)
        assert [entry.name for entry in second.history(id) if entry.kind == "step"] == [
            *("book flight", "book hotel", "book car", "tidy up"),
            *("hold", "cancel hotel", "cancel flight"),
        ]
    assert DONE == ["flight", "hotel", "tidy up", "cancel flight"]
    assert "blocked" not in told.events
