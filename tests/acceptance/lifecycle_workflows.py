"""Workflows that promise something about how they end, begin again, or run a step once; their steps keep the ledger."""

from __future__ import annotations

import time

from dataflows import Flow, Retry, StepInterrupted, continue_as_new, defer, step, wait, workflow
from tests.acceptance.ledger import record

__all__ = ["NUMBER", "charging", "compensating", "counting"]

NUMBER = 20


def work() -> str:
    token = record()
    time.sleep(0.05)
    return token


def refuse() -> None:
    raise ValueError("the last of them is refused")


@workflow("lifecycle/compensating")
def compensating() -> Flow[None]:
    """Does so many things, fails, and undoes them."""
    for number in range(NUMBER):
        yield from step(f"do {number}", record)
        yield from defer(f"undo {number}", work)
    yield from step("fail", refuse, retry=Retry(attempts=1))


@workflow("lifecycle/charging")
def charging() -> Flow[list[str]]:
    """Runs so many steps at most once each, and tells which may not have happened."""
    interrupted = []
    for number in range(NUMBER):
        try:
            yield from step(f"charge {number}", work, once=True)
        except StepInterrupted:
            interrupted.append(f"charge {number}")
    return interrupted


@workflow("lifecycle/counting")
def counting(total: int, most: int) -> Flow[int]:
    """Adds what it is sent, and begins again after each three."""
    for _ in range(3):
        if total == most:
            return total
        total += yield from wait("add")
    return (yield from continue_as_new(total, most))
