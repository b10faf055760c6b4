"""A driver's thread that was left behind in a stuck workflow, and comes back: it touches nothing any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from dataflows import Flow, gather, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.waiting import eventually

RUNS: list[int] = []
BACK, COMPUTING, COMPUTE_ON, GO = threading.Event(), threading.Event(), threading.Event(), threading.Event()


@workflow("left behind/blocks when it is replayed")
def blocks() -> Flow[None]:
    RUNS.append(1)  # dataflows: allow DF206
    if len(RUNS) == 2:
        BACK.wait(20)  # dataflows: allow DF202
    yield from step("as ever", lambda: None)
    yield from wait("go")


@workflow("left behind/two branches")
def two_branches() -> Flow[Any]:
    return (yield from gather(computes_long(), step("b", GO.wait, 20)))


def computes_long() -> Flow[str]:
    yield from step("a", lambda: None)
    COMPUTING.set()
    COMPUTE_ON.wait(20)  # dataflows: allow DF202
    return (yield from step("c", lambda: "c"))


def test_who_was_left_behind_touches_nothing_whatever_it_comes_back_with(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler(cached=0, drive_limit=0.4) as scheduler, Client(scheduler._named) as client:
        engine = scheduler._host
        assert engine is not None
        driver = engine._driver  # type: ignore[attr-defined]
        stuck = scheduler.start(blocks)
        eventually(lambda: client.status(stuck.id) is Status.SUSPENDED and not driver.held, 20)
        former = driver._thread
        client.signal(stuck.id, "go")
        eventually(lambda: driver._thread is not former and client.status(stuck.id) is Status.BLOCKED, 20)
        engine._watchdog._limit = 20  # type: ignore[attr-defined]
        other = client.start(two_branches)
        assert COMPUTING.wait(20)
        GO.set()
        eventually(lambda: driver._posted, 20)  # step b is committed, and waits for the driver, which computes
        BACK.set()
        former.join(20)  # it has ended, and has taken nothing of what was posted
        assert not former.is_alive()
        COMPUTE_ON.set()
        assert other.result(20) == ("c", True)
