"""What the chaos runs: workflows of a given number of steps, each of another shape, each long enough to be killed.

Every step writes its line in the ledger and answers the line's token, so that a result tells which runs it was
made of. Between the steps they rest, so that executions are suspended, let go and claimed again.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any, TypedDict

from dataflows import Flow, Retry, current_attempt, gather, race, sleep, step, wait, workflow
from tests.acceptance.ledger import record

__all__ = ["SHAPES", "Result"]


class Result(TypedDict):
    """What each workflow returns.

    :ivar tokens: step name → the token of the run whose outcome it was given.
    :ivar told: what else it was told: the signal's payload, the race's winner, or nothing.
    """

    tokens: dict[str, str]
    told: Any


# Steps ------------------------------------------------------------------------------------------


def work() -> str:
    token = record()
    time.sleep(random.random() * 0.02)
    return token


async def work_async() -> str:
    token = await asyncio.to_thread(record)
    await asyncio.sleep(random.random() * 0.02)
    return token


def work_at_leisure(longest: float) -> str:
    token = record()
    time.sleep(random.random() * longest)
    return token


def fail_twice() -> str:
    token = record()
    if current_attempt().number <= 2:
        raise ConnectionError("not yet")
    return token


# Workflows --------------------------------------------------------------------------------------


def rest_of(number: int) -> float:
    """How long the execution of that number rests: 0.2 to 1.5 s."""
    return 0.2 + number * 37 % 131 / 100


def in_a_row(first: int, end: int) -> Flow[dict[str, str]]:
    """The steps of these numbers, one after the other; every second one is async."""
    tokens: dict[str, str] = {}
    for index in range(first, end):
        name = f"step-{index}"
        tokens[name] = (yield from step(name, work_async)) if index % 2 else (yield from step(name, work))
    return tokens


@workflow("chaos/sequence")
def sequence(number: int, steps: int) -> Flow[Result]:
    rest_after = number % steps
    tokens = yield from in_a_row(0, rest_after)
    yield from sleep("rest", rest_of(number))
    tokens |= yield from in_a_row(rest_after, steps)
    return {"tokens": tokens, "told": None}


@workflow("chaos/gather")
def gathering(number: int, steps: int) -> Flow[Result]:
    tokens = yield from in_a_row(0, 1)
    names = [f"together-{index}" for index in range(steps - 2)]
    yield from sleep("rest", rest_of(number))
    together = yield from gather(*(step(name, work) for name in names))
    tokens |= dict(zip(names, together, strict=True))
    tokens |= yield from in_a_row(steps - 1, steps)
    return {"tokens": tokens, "told": None}


@workflow("chaos/race")
def racing(number: int, steps: int) -> Flow[Result]:
    tokens = yield from in_a_row(0, steps - 1)
    limit = rest_of(number)
    winner = yield from race(contender=step("contender", work_at_leisure, limit * 2), limit=sleep("limit", limit))
    if winner.value is not None:
        tokens["contender"] = winner.value
    return {"tokens": tokens, "told": winner.name}


@workflow("chaos/retry")
def retrying(number: int, steps: int) -> Flow[Result]:
    tokens = yield from in_a_row(0, steps - 1)
    tokens["flaky"] = yield from step("flaky", fail_twice, retry=Retry(attempts=3, first="600ms"))
    return {"tokens": tokens, "told": None}


@workflow("chaos/signal")
def signalled(number: int, steps: int) -> Flow[Result]:
    tokens = yield from in_a_row(0, 1)
    told = yield from wait("go", timeout="1h")
    yield from sleep("rest", rest_of(number))
    tokens |= yield from in_a_row(1, steps)
    return {"tokens": tokens, "told": told}


SHAPES = (sequence, gathering, racing, retrying, signalled)
