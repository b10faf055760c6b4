"""A workflow that computes or blocks for ever between two yields: it is blocked, the others go on, and one can stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from dataflows import Flow, sleep, step, wait, workflow
from dataflows.errors import ExecutionBlocked
from interpreter import Scheduler, Status
from interpreter.scheduler.driver import Driver
from tests.acceptance.waiting import wait_for_status, wait_until

OpenScheduler = Callable[..., Scheduler]


class Switch:
    """Lets the stuck loops of a test end with it: a thread cannot be stopped from outside."""

    on = True
    off = threading.Event()


@pytest.fixture(autouse=True)
def switch() -> Any:
    Switch.on = True
    Switch.off.clear()
    yield
    Switch.on = False
    Switch.off.set()


def answer() -> int:
    return 42


@workflow("stuck/innocent")
def innocent() -> Flow[int]:
    yield from sleep("rest", 0.05)
    return (yield from step("answer", answer))


@workflow("stuck/spins")
def spins() -> Flow[int]:
    yield from step("answer", answer)
    while Switch.on:
        pass
    return 1


@workflow("stuck/blocks")
def blocks() -> Flow[int]:
    yield from step("answer", answer)
    while Switch.on:
        time.sleep(5)  # dataflows: allow DF202
    return 1


@workflow("stuck/held-up")
def held_up() -> Flow[None]:
    yield from step("answer", answer)
    Switch.off.wait()  # dataflows: allow DF202


@workflow("stuck/swallows")
def swallows() -> Flow[int]:
    yield from step("answer", answer)
    while Switch.on:
        with suppress(BaseException):
            while Switch.on:
                time.sleep(0.001)  # dataflows: allow DF202
    return 1


@workflow("stuck/cleans-up-for-ever")
def cleans_up_for_ever() -> Flow[None]:
    try:
        yield from wait("never")
    finally:
        while Switch.on:
            time.sleep(0.001)  # dataflows: allow DF202, DF304


@workflow("stuck/blocks-when-it-is-let-go")
def blocks_when_it_is_let_go() -> Flow[None]:
    try:
        yield from step("wait", Switch.off.wait)
    finally:
        Switch.off.wait()  # dataflows: allow DF202, DF304


@pytest.mark.parametrize(
    ("stuck", "line"),
    [(spins, "while Switch.on:"), (blocks, "time.sleep(5)"), (swallows, "time.sleep(0.001)")],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_workflow_that_never_yields_is_blocked_with_its_stack_and_the_others_go_on(
    stuck: Any, line: str, open_scheduler: OpenScheduler
) -> None:
    scheduler = open_scheduler(drive_limit="300ms")
    handles = [scheduler.start(innocent) for _ in range(5)]
    guilty = scheduler.start(stuck)
    handles += [scheduler.start(innocent) for _ in range(5)]

    with pytest.raises(ExecutionBlocked, match="without yielding"):
        guilty.result("20s")
    assert [handle.result("20s") for handle in handles] == [42] * 10
    assert scheduler.run(innocent) == 42
    problem = guilty.describe().problem
    assert problem is not None and line in problem and "test_stuck_workflows.py" in problem
    assert [entry.kind for entry in guilty.history()] == ["started", "begun", "step"]


def test_a_scheduler_can_be_left_while_a_workflow_is_stuck(database: str) -> None:
    with Scheduler(database, lease="1s", drive_limit="300ms") as scheduler:
        guilty = scheduler.start(blocks)
        wait_until(lambda: len(guilty.history()) == 3, "it is stuck behind its step")
    with Scheduler(database, lease="1s", drive_limit="300ms", workflows=[innocent]) as scheduler:
        assert scheduler.run(innocent) == 42


def test_of_the_threads_that_waited_for_one_that_is_left_behind_only_the_new_one_drives(
    open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    drivers: set[threading.Thread] = set()
    drive = Driver._drive

    def noted(driver: Driver) -> None:
        drivers.add(threading.current_thread())
        drive(driver)

    monkeypatch.setattr(Driver, "_drive", noted)
    of_others = threading.enumerate()
    scheduler = open_scheduler(drive_limit="300ms")
    guilty = scheduler.start(held_up)
    wait_until(lambda: len(guilty.history()) == 3, "it is stuck behind its step")
    handles = [scheduler.start(innocent) for _ in range(3)]  # which wakes the driver's own thread
    with pytest.raises(ExecutionBlocked):
        guilty.result("20s")
    assert [handle.result("20s") for handle in handles] == [42] * 3
    threads = [thread for thread in threading.enumerate() if thread.name == "dataflows driver"]
    own = [thread for thread in threads if thread not in of_others]
    drivers.clear()
    Switch.off.set()
    wait_until(lambda: sum(thread.is_alive() for thread in own) == 1, "the one that was left behind has ended")
    assert scheduler.run(innocent) == 42
    assert drivers == {thread for thread in own if thread.is_alive()}


def test_two_workflows_that_are_stuck_one_after_the_other_are_both_blocked(open_scheduler: OpenScheduler) -> None:
    scheduler = open_scheduler(drive_limit="300ms")
    handles = [scheduler.start(stuck) for stuck in (blocks, swallows, blocks, spins)]

    for handle in handles:
        with pytest.raises(ExecutionBlocked):
            handle.result("30s")
    assert scheduler.run(innocent) == 42


def test_a_cleanup_that_never_ends_when_a_suspended_workflow_is_let_go_stops_nobody(
    open_scheduler: OpenScheduler,
) -> None:
    scheduler = open_scheduler(drive_limit="300ms", cached=1)
    first = scheduler.start(cleans_up_for_ever)
    wait_for_status(first, Status.SUSPENDED)
    second = scheduler.start(cleans_up_for_ever)
    wait_for_status(second, Status.SUSPENDED)  # and it is kept in the place of the first, which is let go

    assert scheduler.run(innocent) == 42
    assert first.status() is Status.SUSPENDED


def test_a_cleanup_that_never_ends_when_a_lease_is_lost_keeps_no_other_from_being_let_go(
    open_scheduler: OpenScheduler,
) -> None:
    scheduler = open_scheduler(drive_limit="300ms", lease="9s")
    handles = [scheduler.start(blocks_when_it_is_let_go) for _ in range(2)]
    wait_until(lambda: all(scheduler._host.holds(handle.id) for handle in handles), "all are held")
    scheduler._host._lease.lost(scheduler._host._lease.scheduler)

    wait_until(lambda: not scheduler._host._driver.held, "none is held any more")
    assert scheduler.run(innocent) == 42


def test_a_workflow_that_raises_what_ends_a_program_fails_alone(open_scheduler: OpenScheduler) -> None:
    scheduler = open_scheduler()
    handles = [scheduler.start(raises, kind) for kind in ("KeyboardInterrupt", "SystemExit", "GeneratorExit")]

    for handle in handles:
        with pytest.raises(BaseException, match="KeyboardInterrupt|SystemExit|GeneratorExit|on purpose"):
            handle.result("20s")
    assert scheduler.run(innocent) == 42


@workflow("stuck/raises")
def raises(kind: str) -> Flow[None]:
    yield from step("answer", answer)
    raise {"KeyboardInterrupt": KeyboardInterrupt, "SystemExit": SystemExit, "GeneratorExit": GeneratorExit}[kind](
        "on purpose"
    )


@workflow("stuck/computes-a-little")
def computes_a_little(times: int) -> Flow[int]:
    for index in range(times):
        time.sleep(0.1)  # dataflows: allow DF202 (within the limit, each time)
        yield from step(f"answer-{index}", answer)
    yield from wait("go")
    return times


def test_the_limit_is_for_one_drive_and_not_for_the_replay_of_all(open_scheduler: OpenScheduler, database: str) -> None:
    with Scheduler(database, lease="1s") as first:
        handle = first.start(computes_a_little, 12)
        wait_for_status(handle, Status.SUSPENDED)  # behind all that it computes
    second = open_scheduler(drive_limit="500ms")
    second.signal(handle.id, "go")

    assert second.result(handle.id, "20s") == 12
