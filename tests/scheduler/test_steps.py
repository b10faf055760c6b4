"""Steps: where they run, and what they can tell of themselves."""

from __future__ import annotations

import asyncio
import decimal
import functools
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Flow, current_attempt, step, workflow
from interpreter import Scheduler
from tests.scheduler.stepping import number_of, one_step, outcome


def test_a_plain_function_runs_on_a_thread_of_the_schedulers(scheduler: Scheduler) -> None:
    assert outcome(scheduler, lambda: threading.current_thread().name) == "dataflows step"


def test_an_async_function_runs_on_the_schedulers_loop(scheduler: Scheduler) -> None:
    async def where() -> tuple[str, bool]:
        await asyncio.sleep(0)
        return threading.current_thread().name, asyncio.get_running_loop().is_running()

    class Callable_:
        async def __call__(self) -> tuple[str, bool]:
            return await where()

    for fn in (where, Callable_(), functools.partial(where), lambda: where()):
        assert outcome(scheduler, fn) == ("dataflows async steps", True)


def test_async_steps_run_beside_each_other_on_one_loop(scheduler: Scheduler) -> None:
    async def main() -> Any:
        await meeting.wait()
        return "met"

    async def open_it() -> str:
        meeting.set()
        return "opened"

    meeting = asyncio.Event()
    numbers = number_of(main), number_of(open_it)
    handles = [scheduler.start(one_step, number) for number in numbers]
    assert [handle.result(20) for handle in handles] == ["met", "opened"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_step_may_fork_and_its_child_has_no_business_here(scheduler: Scheduler, id: str) -> None:
    def fork() -> str:
        child = os.fork()
        if child == 0:
            return "of the child"
        _, status = os.waitpid(child, 0)
        return f"of the parent; the child left with {os.waitstatus_to_exitcode(status)}"

    handle = scheduler.start(one_step, number_of(fork), id=id)
    assert handle.result() == "of the parent; the child left with 0"
    assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "completed"]
    assert outcome(scheduler, lambda: "the scheduler goes on") == "the scheduler goes on"


def test_a_step_knows_which_attempt_it_is(scheduler: Scheduler, id: str) -> None:
    def look() -> tuple[Any, ...]:
        attempt = current_attempt()
        return attempt.execution_id, attempt.position, attempt.name, attempt.number, attempt.idempotency_key

    async def look_too() -> tuple[Any, ...]:
        return look()

    plain_step = scheduler.start(one_step, number_of(look), id=id)
    async_step = scheduler.start(one_step, number_of(look_too), id=f"{id}a")
    assert plain_step.result() == (id, "0", "one", 1, f"{id}/1/0")
    assert async_step.result() == (f"{id}a", "0", "one", 1, f"{id}a/1/0")
    with pytest.raises(LookupError):
        current_attempt()


# What follows a step on its thread --------------------------------------------------------------

AT_THE_YIELD: dict[str, Callable[[], Any]] = {}


@workflow("steps/thirds")
def thirds() -> Flow[list[str]]:
    before = str(decimal.Decimal(1) / 3)
    yield from step("round", lambda: setattr(decimal.getcontext(), "prec", 4))
    return [before, str(decimal.Decimal(1) / 3)]


@workflow("steps/meddles")
def meddles(id: str) -> Flow[None]:
    yield from step("first", lambda: None)
    AT_THE_YIELD[id]()
    yield from step("second", AT_THE_YIELD[f"{id}/second"])


@workflow("steps/waits")
def waits(id: str) -> Flow[Any]:
    return AT_THE_YIELD[id]()
    yield


def test_what_a_step_sets_in_its_context_is_not_there_when_the_workflow_goes_on(scheduler: Scheduler) -> None:
    before, after = scheduler.run(thirds)
    assert before == after


def test_a_step_does_not_wait_for_other_workflows_that_are_driven_meanwhile(scheduler: Scheduler, id: str) -> None:
    ran = threading.Event()
    AT_THE_YIELD[f"{id}/second"] = ran.set
    AT_THE_YIELD[f"{id}/other"] = lambda: ran.wait(5)
    AT_THE_YIELD[id] = lambda: scheduler.start(waits, f"{id}/other", id=f"{id}/other")
    scheduler.run(meddles, id)
    assert scheduler.result(f"{id}/other") is True
