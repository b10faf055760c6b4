"""``patched(change)`` under real schedulers: new code and old code on one journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dataflows import ExecutionBlocked, Flow, Workflow, gather, patched, step, wait
from interpreter import Handle, Scheduler, Status
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.waiting import eventually

RAN: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


def run(what: str) -> str:
    RAN.append(what)
    return what


def old() -> Flow[list[Any]]:
    """As it was deployed first."""
    seen = [(yield from step("fetch", run, "fetch"))]
    yield from wait("go")
    seen.append((yield from step("ship", run, "ship")))
    yield from wait("end")
    return seen


def new() -> Flow[list[Any]]:
    """The invoice is new, and so is the check before everything."""
    seen = ["checked"] if (yield from patched("check")) else []
    seen.append((yield from step("fetch", run, "fetch")))
    yield from wait("go")
    if (yield from patched("invoice")):
        seen.append((yield from step("invoice", run, "invoice")))
    seen.append((yield from step("ship", run, "ship")))
    yield from wait("end")
    return seen


def invoiced() -> Flow[list[Any]]:
    """The invoice alone is new."""
    seen = [(yield from step("fetch", run, "fetch"))]
    yield from wait("go")
    if (yield from patched("invoice")):
        seen.append((yield from step("invoice", run, "invoice")))
    seen.append((yield from step("ship", run, "ship")))
    yield from wait("end")
    return seen


def newest() -> Flow[list[Any]]:
    """Nobody asks any more: no execution of the oldest code is left, it is thought."""
    seen = ["checked", (yield from step("fetch", run, "fetch"))]
    yield from wait("go")
    seen.append((yield from step("invoice", run, "invoice")))
    seen.append((yield from step("ship", run, "ship")))
    yield from wait("end")
    return seen


def in_branches() -> Flow[Any]:
    yield from wait("go")
    return (yield from gather(_branch("a"), _branch("b"), patched("x")))


def _branch(name: str) -> Flow[Any]:
    return (yield from patched("x")), (yield from step(name, run, name)), (yield from patched("x"))


def deployed(function: Callable[[], Flow[Any]]) -> Workflow[[], Any]:
    """The function as the workflow's code from now on; other code is registered under this name nowhere."""
    return Workflow(function, "patches/order")


@pytest.fixture
def served(new_scheduler: Callable[..., Scheduler]) -> Callable[..., Scheduler]:
    """A scheduler that serves this code."""
    return lambda function, **settings: new_scheduler(workflows=[deployed(function)], **settings)


@pytest.fixture(params=["kept", "evicted"])
def cached(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many suspended machines a scheduler keeps."""
    yield 1_000 if request.param == "kept" else 0


def suspended(handle: Handle[Any], *ran: str) -> None:
    eventually(lambda: handle.status() is Status.SUSPENDED and tuple(RAN) == ran)


@contextmanager
def full(scheduler: Scheduler) -> Iterator[None]:
    """Meanwhile it claims nothing."""
    room = scheduler._engine._room  # type: ignore[union-attr]
    size, room._size = room._size, 0
    yield
    room._size = size


def marks(scheduler: Scheduler, id: str) -> list[str | None]:
    return [entry.name for entry in scheduler.history(id) if entry.kind == "patch"]


def test_an_execution_that_begins_with_new_code_takes_the_new_way(
    served: Callable[..., Scheduler], cached: int
) -> None:
    with served(new, cached=cached) as scheduler:
        handle = scheduler.start(deployed(new))
        suspended(handle, "fetch")
        handle.signal("go")
        suspended(handle, "fetch", "invoice", "ship")
        handle.signal("end")
        assert handle.result(20) == ["checked", "fetch", "invoice", "ship"]
        assert marks(scheduler, handle.id) == ["check", "invoice"]


def test_one_that_old_code_has_begun_goes_on_as_old_up_to_where_new_code_gets_first(
    served: Callable[..., Scheduler],
) -> None:
    with served(old) as before:
        handle = before.start(deployed(old))
        suspended(handle, "fetch")
    with served(new) as after:
        after.signal(handle.id, "go")
        after.signal(handle.id, "end")
        assert after.result(handle.id, 20) == ["fetch", "invoice", "ship"]
        assert marks(after, handle.id) == ["invoice"]


def test_one_that_old_code_has_led_past_every_change_ends_as_old(served: Callable[..., Scheduler]) -> None:
    with served(old) as before:
        handle = before.start(deployed(old))
        before.signal(handle.id, "go")
        suspended(handle, "fetch", "ship")
    with served(new) as after:
        after.signal(handle.id, "end")
        assert after.result(handle.id, 20) == ["fetch", "ship"]
        assert marks(after, handle.id) == []
    assert RAN == ["fetch", "ship"]


def test_one_that_old_code_has_led_on_meanwhile_is_folded_anew_where_new_code_had_it_in_memory(
    served: Callable[..., Scheduler], told: Told
) -> None:
    with served(invoiced, on_event=told) as scheduler:
        handle = scheduler.start(deployed(invoiced))
        suspended(handle, "fetch")
        with full(scheduler), served(old) as before:
            before.signal(handle.id, "go")
            suspended(handle, "fetch", "ship")
        handle.signal("end")
        assert handle.result(20) == ["fetch", "ship"]
    assert RAN == ["fetch", "ship"]
    assert not {"blocked", "thread-failed"}.intersection(told.events)


def test_branches_that_ask_at_once_are_answered_alike_by_one_entry(served: Callable[..., Scheduler]) -> None:
    with served(in_branches) as scheduler:
        handle = scheduler.start(deployed(in_branches))
        handle.signal("go")
        assert handle.result(20) == ((True, "a", True), (True, "b", True), True)
        assert marks(scheduler, handle.id) == ["x"]


def test_code_that_asks_no_more_is_stopped_where_a_journal_still_has_the_answer(
    served: Callable[..., Scheduler],
) -> None:
    with served(new) as before:
        handle = before.start(deployed(new))
        suspended(handle, "fetch")
    with served(newest) as after:
        after.signal(handle.id, "go")
        with pytest.raises(ExecutionBlocked, match=r"(?s)patched 'check'"):
            after.result(handle.id, 20)
    with served(new) as reverted:
        reverted.resume(handle.id)
        reverted.signal(handle.id, "end")
        assert reverted.result(handle.id, 20) == ["checked", "fetch", "invoice", "ship"]


def test_an_old_scheduler_stops_at_what_a_new_one_has_marked_and_loses_nothing(
    served: Callable[..., Scheduler],
) -> None:
    with served(new) as after:
        handle = after.start(deployed(new))
        suspended(handle, "fetch")
    with served(old) as before:
        with opened(str(before._named)) as connection:
            connection.execute("UPDATE dataflows.executions SET due_at = now()")
        eventually(lambda: before.status(handle.id) is Status.BLOCKED)
    with served(new) as again:
        again.resume(handle.id)
        again.signal(handle.id, "go")
        again.signal(handle.id, "end")
        assert again.result(handle.id, 20) == ["checked", "fetch", "invoice", "ship"]
    assert RAN == ["fetch", "invoice", "ship"]
