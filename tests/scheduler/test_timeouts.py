"""Time limits of attempts, and steps that are no longer wanted."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dataflows import (
    Cancelled,
    ExecutionCancelled,
    Flow,
    Retry,
    StepTimeout,
    cancelled,
    gather,
    race,
    sleep,
    step,
    workflow,
)
from interpreter import Scheduler, Status
from tests.waiting import eventually

ACTS: dict[str, Callable[[], Any]] = {}


def act(name: str) -> Any:
    return ACTS[name]()


async def act_async(name: str) -> Any:
    return await ACTS[name]()


@workflow("timeouts/one")
def one_step(name: str, is_async: bool, timeout: float | None, attempts: int = 1) -> Flow[Any]:
    retry = Retry(attempts=attempts, first=0)
    return (yield from step("act", act_async if is_async else act, name, timeout=timeout, retry=retry))


@workflow("timeouts/after it")
def after_it(name: str) -> Flow[Any]:
    try:
        yield from step("act", act, name, timeout=0.1, retry=Retry(attempts=1))
    except StepTimeout:
        return (yield from step("after", lambda: "went on"))


@workflow("timeouts/cleaned up")
def cleaned_up(name: str, is_async: bool) -> Flow[Any]:
    try:
        yield from step("act", act_async if is_async else act, name)
    except Cancelled:
        yield from step("clean up", act, f"{name}-clean up")
        raise


@workflow("timeouts/raced")
def raced(name: str, is_async: bool) -> Flow[Any]:
    winner = yield from race(slow=step("slow", act_async if is_async else act, name), quick=sleep("quick", 0.05))
    return winner.name


def kinds(scheduler: Scheduler, id: str) -> list[str]:
    return [entry.kind for entry in scheduler.history(id)]


# Time limits ------------------------------------------------------------------------------------


def test_an_attempt_on_a_thread_that_takes_too_long_fails_and_its_late_result_is_discarded(
    scheduler: Scheduler, id: str
) -> None:
    released, returned = threading.Event(), threading.Event()

    def slow() -> str:
        released.wait(20)
        returned.set()
        return "late"

    ACTS[id] = slow
    handle = scheduler.start(after_it, id, id=id)
    assert handle.result() == "went on"
    released.set()
    assert returned.wait(20)
    assert kinds(scheduler, id) == ["started", "begun", "step", "step", "completed"]
    assert "did not end within" in handle.history()[2].text


def test_a_thread_that_runs_late_is_told_that_nobody_waits(scheduler: Scheduler, id: str) -> None:
    told = threading.Event()

    def slow() -> None:
        eventually(cancelled)
        told.set()

    ACTS[id] = slow
    with pytest.raises(StepTimeout, match="step 'act': attempt 1 did not end within"):
        scheduler.run(one_step, id, False, 0.05)
    assert told.wait(20)


def test_an_async_attempt_that_takes_too_long_is_cancelled_where_it_stands(scheduler: Scheduler, id: str) -> None:
    stopped = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    ACTS[id] = slow
    with pytest.raises(StepTimeout):
        scheduler.run(one_step, id, True, 0.05)
    assert stopped.wait(20)


def test_each_attempt_has_the_whole_time(scheduler: Scheduler, id: str, calls: list[Any]) -> None:
    def slow_at_first() -> int:
        calls.append(1)
        if len(calls) < 3:
            eventually(cancelled)
        return len(calls)

    ACTS[id] = slow_at_first
    assert scheduler.run(one_step, id, False, 0.2, 3) == 3
    assert kinds(scheduler, scheduler.list(limit=1)[0].id).count("attempt") == 2


def test_the_time_limit_of_a_failed_attempt_does_not_cut_off_the_next(
    scheduler: Scheduler, id: str, calls: list[Any]
) -> None:
    def fails_first() -> str:
        calls.append(1)
        threading.Event().wait(0.5)  # twice it is beyond the first attempt's limit
        if len(calls) == 1:
            raise ConnectionError("down")
        return "done"

    ACTS[id] = fails_first
    assert scheduler.run(one_step, id, False, 0.9, 2) == "done"


def test_waiting_for_room_is_no_part_of_the_time(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    ACTS[id] = lambda: threading.Event().wait(0.15)
    with new_scheduler(concurrency=1) as scheduler:
        handles = [scheduler.start(one_step, id, False, 0.6) for _ in range(6)]
        assert [handle.result() for handle in handles] == [False] * 6


@pytest.mark.parametrize("concurrency", [1, 2])
def test_threads_that_never_end_cost_no_room(
    new_scheduler: Callable[..., Scheduler], id: str, concurrency: int
) -> None:
    released = threading.Event()
    ACTS[id] = lambda: released.wait(30)
    ACTS[f"{id}-quick"] = lambda: "quick"
    with new_scheduler(concurrency=concurrency) as scheduler:
        stuck = [scheduler.start(one_step, id, False, 0.1) for _ in range(4)]
        for handle in stuck:
            with pytest.raises(StepTimeout):
                handle.result()
        assert scheduler.run(one_step, f"{id}-quick", False, 5) == "quick"
        released.set()
        results = [scheduler.start(one_step, f"{id}-quick", False, 5) for _ in range(8)]
        assert [handle.result() for handle in results] == ["quick"] * 8


# Cancelling -------------------------------------------------------------------------------------


def test_a_cancelled_async_step_has_ended_before_the_workflows_cleanup_begins(
    scheduler: Scheduler, id: str, calls: list[Any]
) -> None:
    running = threading.Event()

    async def slow() -> None:
        running.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            calls.append("the step's own cleanup")

    ACTS[id] = slow
    ACTS[f"{id}-clean up"] = lambda: calls.append("the workflow's cleanup")
    handle = scheduler.start(cleaned_up, id, True, id=id)
    assert running.wait(20)
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result()
    assert calls == ["the step's own cleanup", "the workflow's cleanup"]
    assert kinds(scheduler, id) == ["started", "begun", "cancel", "stopped", "step", "cancelled"]


def test_a_cancelled_thread_is_asked_and_its_result_is_discarded(
    scheduler: Scheduler, id: str, calls: list[Any]
) -> None:
    running = threading.Event()

    def polite() -> None:
        running.set()
        eventually(cancelled)
        calls.append("heard")
        raise ConnectionError("of the step: nobody wants to know")

    ACTS[id] = polite
    ACTS[f"{id}-clean up"] = lambda: calls.append("cleaned up")
    handle = scheduler.start(cleaned_up, id, False, id=id)
    assert running.wait(20)
    handle.cancel()
    with pytest.raises(ExecutionCancelled):
        handle.result()
    assert calls == ["heard", "cleaned up"]
    assert kinds(scheduler, id) == ["started", "begun", "cancel", "stopped", "step", "cancelled"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_step_that_does_not_hear_is_left_behind_when_its_grace_is_over(
    new_scheduler: Callable[..., Scheduler], id: str, calls: list[Any], is_async: bool
) -> None:
    running, released = threading.Event(), threading.Event()

    def deaf() -> None:
        running.set()
        released.wait(30)

    async def deaf_async() -> None:
        running.set()
        while not released.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    ACTS[id] = deaf_async if is_async else deaf
    ACTS[f"{id}-clean up"] = lambda: calls.append("cleaned up")
    with new_scheduler(grace=0.2) as scheduler:
        handle = scheduler.start(cleaned_up, id, is_async)
        assert running.wait(20)
        handle.cancel()
        with pytest.raises(ExecutionCancelled):
            handle.result()
        assert calls == ["cleaned up"]
        released.set()


def test_a_step_that_waits_for_room_is_cancelled_without_having_run(
    new_scheduler: Callable[..., Scheduler], id: str, calls: list[Any]
) -> None:
    released, running = threading.Event(), threading.Event()

    def first() -> None:
        running.set()
        released.wait(20)

    ACTS[id] = first
    ACTS[f"{id}-never"] = lambda: calls.append("ran")
    with new_scheduler(concurrency=1) as scheduler:
        busy = scheduler.start(one_step, id, False, None)
        assert running.wait(20)
        queued = scheduler.start(one_step, f"{id}-never", False, None)
        eventually(lambda: queued.status() == Status.RUNNING)
        queued.cancel()
        with pytest.raises(ExecutionCancelled):
            queued.result()
        released.set()
        assert busy.result() is None
        assert calls == []


@pytest.mark.parametrize("is_async", [False, True])
def test_the_loser_of_a_race_is_stopped(scheduler: Scheduler, id: str, is_async: bool) -> None:
    stopped = threading.Event()

    def loser() -> None:
        eventually(cancelled)
        stopped.set()

    async def async_loser() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    ACTS[id] = async_loser if is_async else loser
    handle = scheduler.start(raced, id, is_async, id=id)
    assert handle.result() == "quick"
    assert stopped.is_set(), "before the race is answered"


@workflow("timeouts/many queued")
def many_queued(name: str) -> Flow[Any]:
    return (yield from gather(*(step("act", act, name, on="threads") for _ in range(1_500))))


def test_hundreds_that_wait_for_room_can_be_cancelled_at_once(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    released, running = threading.Event(), threading.Event()

    def hold() -> None:
        running.set()
        released.wait(20)

    ACTS[id] = hold
    ACTS[f"{id}-after"] = lambda: "after"
    with ThreadPoolExecutor(2) as pool, new_scheduler(concurrency=1, executors={"threads": pool}) as scheduler:
        handle = scheduler.start(many_queued, id)
        assert running.wait(20)
        handle.cancel()
        eventually(lambda: [entry.kind for entry in handle.history()].count("stopped") >= 1_499)
        released.set()
        with pytest.raises(ExecutionCancelled):
            handle.result()
        assert scheduler.run(one_step, f"{id}-after", False, None) == "after"
