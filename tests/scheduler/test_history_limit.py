"""A journal that grows without end: a warning half way, and then a clear end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataflows import Flow, HistoryTooLong, continue_as_new, gather, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.scheduler.conftest import Told
from tests.waiting import eventually

CLEANED: list[str] = []


@workflow("limit/endless")
def endless() -> Flow[None]:
    try:
        while True:
            yield from gather(step("a", int), step("b", int), step("c", int))
    except Exception:
        CLEANED.append("an error was thrown in")  # dataflows: allow DF206
        raise


@workflow("limit/exactly")
def exactly(steps: int) -> Flow[int]:
    for _ in range(steps):
        yield from step("one", int)
    return steps


@workflow("limit/renewed")
def renewed(generation: int) -> Flow[int]:
    for _ in range(6):
        yield from step("one", int)
    return generation if generation == 5 else (yield from continue_as_new(generation + 1))


@workflow("limit/waiting")
def waiting() -> Flow[None]:
    while True:
        yield from wait("tick")


def test_an_execution_over_its_limit_fails_where_it_stands_and_says_what_to_do(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    CLEANED.clear()
    with new_scheduler(history=50, on_event=told) as scheduler:
        handle = scheduler.start(endless)
        with pytest.raises(HistoryTooLong, match=r"50 are the most.*continue_as_new.*Scheduler\(history=\)"):
            handle.result(20)
        with Client(scheduler._named) as client, pytest.raises(HistoryTooLong):
            client.result(handle.id, 20)
        entries = handle.history()
        assert (handle.status(), entries[-1].kind, entries[-1].name) == (Status.FAILED, "terminated", "failed")
        assert 50 < len(entries) <= 54, "what had ended when it was noticed is journaled before the end"
        assert CLEANED == []
        assert scheduler.run(exactly, 3) == 3
        eventually(lambda: not scheduler._engine._driver.held)  # type: ignore[union-attr]
    warned = [details for event, details in told if event == "history-long"]
    assert [(details["execution"], details["most"]) for details in warned] == [(handle.id, 50)]


def test_one_that_ends_with_its_last_entry_has_ended(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(history=10) as scheduler:
        assert scheduler.run(exactly, 8) == 8
        with pytest.raises(HistoryTooLong):
            scheduler.run(exactly, 9)


def test_each_generation_counts_by_itself(new_scheduler: Callable[..., Scheduler], told: Told) -> None:
    with new_scheduler(history=10, on_event=told) as scheduler:
        assert scheduler.run(renewed, 1) == 5


def test_messages_count_and_an_execution_that_is_taken_up_over_the_limit_ends_too(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler() as before:
        handle = before.start(waiting)
        eventually(lambda: handle.status() is Status.SUSPENDED)
        for _ in range(30):
            handle.signal("tick")
        eventually(lambda: len(handle.history()) == 32)
    with new_scheduler(history=20) as after:
        after.signal(handle.id, "tick")
        with pytest.raises(HistoryTooLong):
            after.result(handle.id, 20)
        assert [entry.kind for entry in after.history(handle.id)].count("terminated") == 1


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="history"):
        Scheduler(history=0)
