"""Workflows whose steps hurt the process that runs them, or that are hurt by its end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

from dataflows import Flow, sleep, step, wait, workflow
from tests.acceptance.ledger import record

__all__ = ["computing", "doing_nothing_wrong", "forking", "harmless", "poisonous", "resting", "slow", "waiting"]


def work(seconds: float) -> str:
    token = record()
    time.sleep(seconds)
    return token


@workflow("fault/slow")
def slow(seconds: float) -> Flow[str]:
    """One step that takes so long, then another that takes no time."""
    first = yield from step("slow", work, seconds)
    second = yield from step("quick", work, 0.0)
    return f"{first} {second}"


@workflow("fault/many-steps")
def doing_nothing_wrong(steps: int, seconds: float) -> Flow[int]:
    for index in range(steps):
        yield from step(f"step-{index}", work, seconds)
    return steps


# What kills the process -------------------------------------------------------------------------


def swallow(cure: str) -> str:
    """Kill the process, unless the cure is there."""
    token = record()
    if not Path(cure).exists():
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return token


@workflow("fault/poison")
def poisonous(cure: str) -> Flow[str]:
    yield from step("before", work, 0.0)
    yield from step("swallow", swallow, cure)
    return "cured"


@workflow("fault/harmless")
def harmless(number: int) -> Flow[int]:
    yield from step("first", work, 0.02)
    yield from sleep("rest", 1.2)
    yield from step("second", work, 0.02)
    return number


# What outlives the process ----------------------------------------------------------------------


@workflow("fault/resting")
def resting(seconds: float) -> Flow[str]:
    yield from step("before", work, 0.0)
    yield from sleep("rest", seconds)
    yield from step("after", work, 0.0)
    return "rested"


@workflow("fault/waiting")
def waiting() -> Flow[str]:
    yield from step("before", work, 0.0)
    told = yield from wait("go", str)
    yield from step("after", work, 0.0)
    return told


# What forks -------------------------------------------------------------------------------------


def fork_and_return() -> int:
    """The child comes back from the step too: it must not go on with the scheduler's work."""
    record()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return os.getpid()


def fork_and_raise() -> int:
    record()
    child = os.fork()
    if not child:
        raise RuntimeError("the child's own trouble")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fork_by_multiprocessing() -> int:
    record()
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=[0.01])
    child.start()
    child.join()
    return child.exitcode or 0


@workflow("fault/forking")
def forking() -> Flow[tuple[int, int, int]]:
    process = yield from step("return", fork_and_return)
    raised = yield from step("raise", fork_and_raise)
    exitcode = yield from step("multiprocessing", fork_by_multiprocessing)
    return process, raised, exitcode


# What takes its time between two yields ----------------------------------------------------------


@workflow("fault/computing")
def computing(times: int, seconds: float) -> Flow[int]:
    for index in range(times):
        time.sleep(seconds)  # dataflows: allow DF202
        yield from step(f"step-{index}", work, 0.0)
    return times
