"""Steps that take too long, never end, or come to what cannot even be looked at: the scheduler goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataflows import CannotStore, Flow, Retry, StepTimeout, gather, step, workflow
from dataflows.errors import ExecutionBlocked
from interpreter import Scheduler
from tests.acceptance.waiting import wait_until

OpenScheduler = Callable[..., Scheduler]


class Gate:
    """Where steps of a test wait until it lets them pass."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.open = threading.Event()
        self.waiting = 0
        self._lock = threading.Lock()

    def wait(self) -> int:
        with self._lock:
            self.waiting += 1
        self.open.wait(60)
        return 1


GATE = Gate()


@pytest.fixture(autouse=True)
def gate() -> Iterator[Gate]:
    """Closed for each test; whoever waits there is let go with the test, so that no thread is left."""
    GATE.reset()
    yield GATE
    GATE.open.set()


def wait_at_gate() -> int:
    return GATE.wait()


def answer() -> int:
    return 42


# Time -------------------------------------------------------------------------------------------


@workflow("step/overruns")
def overruns() -> Flow[str]:
    try:
        yield from step("endless", wait_at_gate, timeout="100ms", retry=Retry(attempts=1))
    except StepTimeout:
        return "late"
    return "in time"


@workflow("step/quick")
def quick() -> Flow[int]:
    return (yield from step("answer", answer))


def test_steps_in_threads_that_never_end_do_not_use_up_the_schedulers_room(
    open_scheduler: OpenScheduler, gate: Gate
) -> None:
    scheduler = open_scheduler(concurrency=2)
    late = [scheduler.start(overruns) for _ in range(6)]

    assert [handle.result("20s") for handle in late] == ["late"] * 6
    assert [scheduler.start(quick).result("20s") for _ in range(3)] == [42] * 3
    assert gate.waiting == 6  # three times as many as may run at once


@workflow("step/at-once")
def at_once(steps: int) -> Flow[int]:
    yield from step("answer", answer)
    return sum((yield from gather(*(step(f"gate-{index}", wait_at_gate) for index in range(steps)))))


def test_as_many_steps_run_at_once_as_there_is_room_for(open_scheduler: OpenScheduler, gate: Gate) -> None:
    scheduler = open_scheduler(concurrency=8)
    assert scheduler.run(quick) == 42  # one thread is idle now, and must not be counted on by two
    handle = scheduler.start(at_once, 8)
    wait_until(lambda: gate.waiting == 8, "all eight run")
    gate.open.set()

    assert handle.result("20s") == 8


# What cannot be looked at -----------------------------------------------------------------------


class Hostile:
    """To store it, or to show it, runs code that ends a program."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SystemExit("hostile")


class HostileError(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt("hostile")

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SystemExit("hostile")


def make_hostile() -> Hostile:
    return Hostile()


def raise_hostile() -> None:
    raise HostileError


@workflow("step/hostile")
def hostile(fn: str) -> Flow[str]:
    try:
        yield from step("hostile", {"value": make_hostile, "error": raise_hostile}[fn], retry=Retry(attempts=1))
    except Exception as error:
        return type(error).__name__
    return "stored"


@workflow("step/hostile-result")
def hostile_result() -> Flow[Any]:
    yield from step("answer", answer)
    return Hostile()


def test_a_value_whose_own_code_ends_a_program_ends_its_step_and_nothing_else(open_scheduler: OpenScheduler) -> None:
    scheduler = open_scheduler(concurrency=1)

    assert scheduler.start(hostile, "value").result("20s") == "CannotStore"
    assert scheduler.start(hostile, "error").result("20s") != "stored"
    assert scheduler.run(quick) == 42


def test_a_result_whose_own_code_ends_a_program_ends_its_execution_and_nothing_else(
    open_scheduler: OpenScheduler,
) -> None:
    scheduler = open_scheduler()

    with pytest.raises((CannotStore, Exception), match="SystemExit"):
        scheduler.start(hostile_result).result("20s")
    assert scheduler.run(quick) == 42


# What comes too late ----------------------------------------------------------------------------


class SlowToStore:
    """Between the end of its step and the proposal of its entry there is time for everything to change."""

    def __reduce__(self) -> Any:
        GATE.wait()
        return SlowToStore, ()


def make_slow_to_store() -> SlowToStore:
    return SlowToStore()


def go_nowhere_when_the_other_is_being_stored() -> Flow[None]:
    yield from step("watch", wait_until, lambda: GATE.waiting, "the other step's value is being stored")
    yield from step("nowhere", answer, on="an executor that is not there")


@workflow("step/blocked-meanwhile")
def blocked_meanwhile() -> Flow[None]:
    yield from gather(step("slow", make_slow_to_store), go_nowhere_when_the_other_is_being_stored())


def test_what_a_step_came_to_after_its_execution_was_blocked_is_not_journaled(
    open_scheduler: OpenScheduler, gate: Gate
) -> None:
    scheduler = open_scheduler()
    handle = scheduler.start(blocked_meanwhile)
    with pytest.raises(ExecutionBlocked, match="executor"):
        handle.result("20s")
    before = handle.history()
    gate.open.set()
    assert scheduler.run(quick) == 42  # what was proposed before it is written before it, or never

    assert handle.history() == before
