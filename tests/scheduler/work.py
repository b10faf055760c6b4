"""Workflows whose steps are counted, and one that stays in its step until it is released."""

from __future__ import annotations

import threading
from collections import Counter

from dataflows import Flow, Retry, gather, sleep, step, wait, workflow

__all__ = ["RAN", "RELEASED", "RUNNING", "forget", "held", "named", "of_the_desk", "steps"]

RAN: Counter[tuple[str, int]] = Counter()
RELEASED = threading.Event()
RUNNING = threading.Semaphore(0)


def forget() -> None:
    RAN.clear()
    RELEASED.clear()


def run(id: str, number: int) -> int:
    RAN[id, number] += 1
    return number


def hold(id: str) -> str:
    RAN[id, 0] += 1
    RUNNING.release()
    RELEASED.wait(20)
    return "held"


@workflow("work/steps", retry=Retry(attempts=1))
def steps(id: str) -> Flow[int]:
    total = 0
    for number in range(5):
        total += yield from step("run", run, id, number)
        yield from sleep("breathe", 0.05)
    return total + sum((yield from gather(step("a", run, id, 5), step("b", run, id, 6))))


@workflow("work/held", retry=Retry(attempts=1))
def held(id: str) -> Flow[str]:
    return (yield from step("hold", hold, id))


@workflow("work/named", retry=Retry(attempts=1))
def named(name: str) -> Flow[str]:
    yield from step(name, run, name, 0)
    return (yield from wait("go"))


@workflow("w", retry=Retry(attempts=1))
def of_the_desk() -> Flow[str]:
    return (yield from step("work", lambda: "done by another"))
