"""Executions whose only step calls a function of the test that starts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows import Flow, Retry, step, workflow
from interpreter import Scheduler

__all__ = ["FUNCTIONS", "number_of", "one_step", "outcome", "retried"]

FUNCTIONS: list[Callable[..., Any]] = []
"""A function is no value, so a workflow is given its place here."""


@workflow("stepping/one")
def one_step(fn: int, *args: Any) -> Flow[Any]:
    return (yield from step("one", FUNCTIONS[fn], *args, retry=Retry(attempts=1)))


@workflow("stepping/retried")
def retried(fn: int) -> Flow[Any]:
    return (yield from step("one", FUNCTIONS[fn], retry=Retry(attempts=3, first=0)))


def number_of(fn: Callable[..., Any]) -> int:
    FUNCTIONS.append(fn)
    return len(FUNCTIONS) - 1


def outcome(scheduler: Scheduler, fn: Callable[..., Any], *args: Any) -> Any:
    """What an execution comes to whose only step calls this."""
    return scheduler.run(one_step, number_of(fn), *args)
