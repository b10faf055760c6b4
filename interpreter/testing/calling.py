"""Steps' functions, and what stands in for them, are called here: at once, on this thread.

Owns the calls that a simulation makes, and what the called code sees of them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dataflows.arguments import WrongCall
from dataflows.attempt import Attempt, running_attempt
from dataflows.commands import Step
from dataflows.duration import to_text
from dataflows.errors import StepTimeout, WrongArguments
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import AwaitSignal, RunStep, format_position
from interpreter.testing.answers import REAL, Answer, unpack
from interpreter.testing.driver import Driver
from interpreter.testing.stored import snapshot

__all__ = ["Call", "outcome_of", "payload_of", "record", "refusal", "too_late"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between


@dataclass(slots=True)
class Call:
    """An attempt at a step.

    :ivar name: the step's.
    :ivar args: what its function was, or would have been, given; as it was then.
    :ivar number: which attempt, from 1.
    :ivar at: virtual time since the start, when the attempt began.
    :ivar execution_id: whose step it is: ``"simulation"``, or a child's.
    :ivar outcome: what it came to; None while it runs, and for one that was stopped: it may have done
        what it was to do.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    number: int
    at: timedelta
    execution_id: str
    outcome: Outcome[Any] | None = None


def record(driver: Driver, action: RunStep) -> Call:
    """The call for an attempt that now begins."""
    command = action.command
    args = tuple(map(snapshot, command.args))
    kwargs = {name: snapshot(value) for name, value in command.kwargs.items()}
    return Call(command.name, args, kwargs, action.number, driver.now - driver.start, driver.id)


def outcome_of(answer: Answer, driver: Driver, action: RunStep) -> Outcome[Any]:
    """What an attempt comes to; functions are called with the step's arguments, async ones awaited.

    :raises AssertionError: as raised by a function that stands in for the step's own: it is the test that fails.
    """
    if answer is not REAL:
        return unpack(answer, lambda function: _call(function, driver, action))
    if action.command.transaction:
        place = driver.machine.place_at(action.position)
        problem = f"step {action.name!r} is a transaction, and there is no database: give it an answer"
        raise AssertionError(f"{problem}\n  at {place}")
    try:
        return Value(_call(action.command.fn, driver, action))
    except Exception as error:
        return Error(error)


def refusal(action: RunStep) -> Error | None:
    """What every attempt comes to, whatever the test says, if the step's function takes other arguments."""
    function = action.command.fn
    return Error(WrongArguments(function.problem)) if isinstance(function, WrongCall) else None


def too_late(action: RunStep) -> StepTimeout:
    """The error of an attempt whose time is up."""
    limit = action.command.timeout
    assert limit is not None
    return StepTimeout(f"step {action.name!r}: attempt {action.number} did not end within {to_text(limit)}")


def payload_of(answer: Answer, action: AwaitSignal) -> Any:
    """The payload that answers a wait; a function is called with the ``Wait``."""
    outcome = unpack(answer, lambda function: function(action.command))
    if isinstance(outcome, Error):
        raise outcome.exception
    return outcome.value


def _call(function: Callable[..., Any], driver: Driver, action: RunStep) -> Any:
    command: Step[Any] = action.command
    token = running_attempt.set(lambda: _attempt(driver, action))
    try:
        value = function(*command.args, **command.kwargs)
        return _awaited(value) if inspect.isawaitable(value) else value
    finally:
        running_attempt.reset(token)


def _attempt(driver: Driver, action: RunStep) -> Attempt:
    position = format_position(action.position)
    key = f"{driver.id}/{len(driver.generations)}/{position}"
    return Attempt(driver.id, position, action.name, action.number, key)


def _awaited(value: Awaitable[Any]) -> Any:
    """On a thread of its own, since the test itself may run on an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, asyncio.run, _await(value)).result()


async def _await(value: Awaitable[Any]) -> Any:
    return await value
