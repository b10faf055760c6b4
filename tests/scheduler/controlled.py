"""Workflows that people do something to while they run, and what is told of them."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from dataflows import Flow, cancelled, fork, gather, sleep, step, wait, workflow
from interpreter import Handle, Status
from tests.databases import opened
from tests.store.desk import one
from tests.waiting import eventually

__all__ = [
    "RAN",
    "RELEASED",
    "RUNNING",
    "STOPPED",
    "asks",
    "asks_nothing",
    "beside",
    "busy",
    "forget",
    "kinds",
    "let_go",
    "stubborn",
    "suspended",
    "three_at_once",
    "two_steps",
]

RAN: Counter[tuple[str, str]] = Counter()
RUNNING = threading.Semaphore(0)
RELEASED = threading.Event()
STOPPED = threading.Event()


def forget() -> None:
    """Nothing is running or released any more."""
    RELEASED.clear()
    STOPPED.clear()
    while RUNNING.acquire(blocking=False):
        pass


def note(id: str, name: str) -> str:
    RAN[id, name] += 1
    return name


def hold(id: str, name: str) -> str:
    RAN[id, name] += 1
    RUNNING.release()
    RELEASED.wait(20)
    return name


def hold_until_cancelled(id: str) -> None:
    RUNNING.release()
    while not cancelled():
        RELEASED.wait(0.01)
    STOPPED.set()


@workflow("control/two steps")
def two_steps(id: str) -> Flow[list[str]]:
    try:
        first = yield from step("first", hold, id, "first")
        return [first, (yield from step("second", note, id, "second"))]
    finally:
        yield from step("cleanup", note, id, "cleanup")


@workflow("control/stubborn")
def stubborn(id: str) -> Flow[None]:
    yield from step("hold", hold_until_cancelled, id)


@workflow("control/beside")
def beside(id: str) -> Flow[tuple[Any, ...]]:
    return (yield from gather(_in_turn(id), _naps(id), wait("go", timeout=0.1, default="nobody")))


def _in_turn(id: str) -> Flow[str]:
    yield from step("first", hold, id, "first")
    return (yield from step("second", note, id, "second"))


def _naps(id: str) -> Flow[str]:
    yield from sleep("nap", 0.05)
    return (yield from step("after", note, id, "after"))


@workflow("control/three at once")
def three_at_once(id: str) -> Flow[tuple[str, ...]]:
    return (yield from gather(*[step(name, hold, id, name) for name in ("a", "b", "c")]))


@workflow("control/asks")
def asks(question: str) -> Flow[Any]:
    yield from step("ask", note, question, "ask")
    return question, (yield from wait("answer"))


@workflow("control/busy")
def busy(id: str) -> Flow[int]:
    for number in range(12):
        yield from step("work", note, id, str(number))
    task = yield from fork(sleep("rest", 0.5))
    yield task
    return 12


def kinds(verbs: Any, id: str) -> list[str]:
    return [entry.kind for entry in verbs.history(id)]


def let_go(database: str, id: str) -> bool:
    with opened(database) as connection:
        query = "SELECT count(*) FROM dataflows.executions WHERE id = %s AND scheduler IS NULL"
        return bool(one(connection, query, id))


def suspended(handle: Handle[Any]) -> None:
    eventually(lambda: handle.status() is Status.SUSPENDED)


@workflow("control/asks nothing")
def asks_nothing() -> Flow[str]:
    return (yield from step("done", lambda: "done"))
