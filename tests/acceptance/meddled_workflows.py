"""What people meddle with: workflows that use every word of the language, and each of which ends by itself."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from psycopg import Connection

from dataflows import (
    DataflowsError,
    Flow,
    NotFound,
    Retry,
    StepInterrupted,
    Task,
    cancel,
    cancelled,
    child,
    continue_as_new,
    current_attempt,
    defer,
    fork,
    gather,
    now,
    patched,
    publish,
    race,
    signal,
    sleep,
    start,
    step,
    transaction,
    uuid,
    wait,
    workflow,
)

__all__ = ["KEYS", "LIMITS", "SCHEMA", "leaf", "whole"]

SERVICE = "service"
LIMITS = {SERVICE: (100, "1s")}

KEYS = 20
"""How many keys of events there are."""

GENERATIONS = 3
SCHEMA = "CREATE TABLE counted (attempt text PRIMARY KEY); GRANT ALL ON counted TO public"
"""A transaction that is done twice violates it."""


class Unlucky(Exception):
    """One of some."""


def work() -> float:
    time.sleep(random.random() * 0.02)
    return time.time()


def try_luck() -> None:
    time.sleep(random.random() * 0.02)
    if random.random() < 0.2:
        raise Unlucky


async def wait_long() -> None:
    """Longer than others wait for it."""
    while not cancelled():
        await asyncio.sleep(0.02)


def count(connection: Connection[Any]) -> str:
    key = current_attempt().idempotency_key
    connection.execute("INSERT INTO counted VALUES (%s)", [key])
    return key


@workflow("meddled/leaf", retry=Retry(attempts=2, first=0.05), at_once=40)
def leaf(number: int) -> Flow[int]:
    yield from defer("undo", work)
    yield from step("luck", try_luck, limit=SERVICE)
    yield from sleep("rest", number % 7 * 0.2)
    return number


@workflow("meddled/whole", retry=Retry(attempts=2, first=0.05))
def whole(number: int, generation: int = 1) -> Flow[int]:
    """Each of its waits ends by itself."""
    yield from defer("undo", work)
    yield from transaction("count", count)
    if (yield from patched("the date is noted")):
        yield from step("note the date", work)
    yield from publish("generation", generation)
    beside: Task[None] = yield from fork(aside(number))
    try:
        yield from gather(child(leaf, number), child(leaf, number + 1), step("luck", try_luck))
    except DataflowsError:
        yield from publish("a child", "has failed")
    yield from race(
        go=wait("go", timeout="1.2s", default=None),
        paid=wait("paid", key=f"order {number % KEYS}", timeout="1s", default=None),
        long=step("wait long", wait_long),
    )
    try:
        yield from step("once", work, once=True)
    except StepInterrupted:
        yield from publish("once", "is not known")
    try:
        yield from signal(f"whole-{number + 1}", "go", str((yield from uuid())))
    except NotFound:
        yield from publish("sent", False)
    yield from start(leaf, number + 2)
    if number % 3 == 0:
        yield from cancel(beside)
    if generation < GENERATIONS:
        yield from continue_as_new(number, generation + 1)
    yield from sleep("at the end", 0.1 * (number % 5))
    return (yield from now()).year


def aside(number: int) -> Flow[None]:
    yield from wait("aside", timeout=0.3 + number % 4 * 0.3, default=None)
    yield from transaction("count aside", count)
