"""Executors that are handed in: any ``concurrent.futures.Executor``, by the name that a step gives."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from dataflows import CannotStore, ExecutionBlocked, ExecutionCancelled, Flow, Retry, step, workflow
from interpreter import Scheduler, Status
from tests.waiting import eventually

FUNCTIONS: list[Callable[..., Any]] = []


@workflow("executors/one")
def one_step(fn: int, *args: Any, on: str = "processes", timeout: float | None = None) -> Flow[Any]:
    retry = Retry(attempts=1)
    return (yield from step("far", FUNCTIONS[fn], *args, on=on, retry=retry, timeout=timeout))


@workflow("executors/shipped")
def shipped(weight: int) -> Flow[Any]:
    price = yield from step("price", lambda: weight * 2, on="processes")
    return (yield from step("pay", lambda: price + weight, on="threads"))


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def scheduler(database: str, processes: ProcessPoolExecutor) -> Iterator[Scheduler]:
    with ThreadPoolExecutor(2, thread_name_prefix="handed in") as threads:
        with Scheduler(database, executors={"processes": processes, "threads": threads}) as scheduler:
            yield scheduler


def outcome(scheduler: Scheduler, fn: Callable[..., Any], *args: Any, **options: Any) -> Any:
    FUNCTIONS.append(fn)
    return scheduler.start_by_name("executors/one", (len(FUNCTIONS) - 1, *args), options).result()


def test_a_lambda_with_a_closure_runs_in_another_process(scheduler: Scheduler) -> None:
    here, secret = os.getpid(), ["of the test"]
    pid, told = outcome(scheduler, lambda given: (os.getpid(), [*secret, given]), "argument")
    assert pid != here
    assert told == ["of the test", "argument"]


def test_a_workflow_may_use_several_executors(scheduler: Scheduler) -> None:
    assert scheduler.run(shipped, 3) == 9


def test_an_async_function_is_awaited_in_the_other_process(scheduler: Scheduler) -> None:
    async def far() -> int:
        await asyncio.sleep(0)
        return os.getpid()

    assert outcome(scheduler, far) != os.getpid()


def test_a_thread_pool_is_an_executor_like_any_other(scheduler: Scheduler) -> None:
    name = outcome(scheduler, lambda: threading.current_thread().name, on="threads")
    assert name.startswith("handed in")


def test_an_error_in_another_process_keeps_its_type_and_its_cause(scheduler: Scheduler) -> None:
    def fail() -> None:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error

    with pytest.raises(ValueError, match="outer") as raised:
        outcome(scheduler, fail)
    assert isinstance(raised.value.__cause__, KeyError)


def test_a_result_or_an_argument_that_cannot_travel_is_named(scheduler: Scheduler) -> None:
    with pytest.raises(CannotStore, match="the result of step 'far'"):
        outcome(scheduler, threading.Lock)
    lock = threading.Lock()
    with pytest.raises(CannotStore, match="lock"):
        outcome(scheduler, lambda: lock)


def test_a_process_that_dies_fails_the_attempt_and_not_the_scheduler(new_scheduler: Callable[..., Scheduler]) -> None:
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        new_scheduler(executors={"processes": pool}) as scheduler,
    ):
        with pytest.raises(Exception, match="terminated abruptly"):
            outcome(scheduler, lambda: os._exit(1))
        assert scheduler.list()[0].status == Status.FAILED


# Executors that are not there -------------------------------------------------------------------


def test_a_step_on_an_unknown_executor_blocks_and_goes_on_where_there_is_one(
    new_scheduler: Callable[..., Scheduler], processes: ProcessPoolExecutor
) -> None:
    with ThreadPoolExecutor(1) as threads:
        with new_scheduler(executors={"processes": processes}) as without:
            handle = without.start(shipped, 3)
            with pytest.raises(ExecutionBlocked, match=r"step 'pay' at 1: on='threads' .*it has: 'processes'"):
                handle.result()
            assert handle.status() == Status.BLOCKED
        with new_scheduler(executors={"processes": processes, "threads": threads}) as complete:
            assert complete.status(handle.id) == Status.BLOCKED, "a person has to look at it first"
            complete.resume(handle.id)
            assert complete.result(handle.id) == 9
            assert [entry.kind for entry in complete.history(handle.id)].count("step") == 2


class Broken(Executor):
    """Takes nothing."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        raise RuntimeError("cannot schedule new futures after shutdown")


def test_an_executor_that_takes_nothing_fails_the_attempt(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(executors={"processes": Broken()}) as scheduler:
        with pytest.raises(RuntimeError, match="after shutdown"):
            outcome(scheduler, lambda: 1)


# Stopping ---------------------------------------------------------------------------------------


RUNNING, RELEASED = threading.Event(), threading.Event()
RAN: list[str] = []


def hold(which: str) -> str:
    """It goes to the executor by its name, and so sees this module as it is."""
    RAN.append(which)
    RUNNING.set()
    RELEASED.wait(20)
    return which


def test_what_an_executor_has_not_begun_is_taken_back_when_it_is_cancelled(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    FUNCTIONS.append(hold)
    fn = len(FUNCTIONS) - 1
    with ThreadPoolExecutor(1) as one, new_scheduler(executors={"processes": one}) as scheduler:
        first = scheduler.start(one_step, fn, "first")
        assert RUNNING.wait(20)
        second = scheduler.start(one_step, fn, "second")
        eventually(lambda: one._work_queue.qsize() == 1)
        second.cancel()
        with pytest.raises(ExecutionCancelled):
            second.result()
        RELEASED.set()
        assert first.result() == "first"
        assert RAN == ["first"]
