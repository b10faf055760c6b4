"""What follows a failed attempt: another one, or the step's end.

Owns the decision. It is made once, by whoever saw the failure, and journaled; a replay reads
it and does not decide again, so that a changed policy never rewrites history.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from dataflows.errors import Cancelled, RetryAfter, StepFailed
from dataflows.outcome import Error
from interpreter.machine.actions import RunStep
from interpreter.machine.chance import chance
from interpreter.machine.entries import AttemptFailed, StepEnded

__all__ = ["after_failure", "moment_asked"]

_CONTROL_FLOW = (StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError, Cancelled)
"""Thrown into a generator, these would steer Python itself; a stand-in arrives instead."""


_NEVER = datetime(9999, 12, 30, tzinfo=UTC)
"""As late as every time zone can show."""


def after_failure(action: RunStep, error: BaseException, now: datetime) -> AttemptFailed | StepEnded:
    """The fact to propose when an attempt raised ``error`` at ``now`` (the database's clock)."""
    if isinstance(error, _CONTROL_FLOW):
        error = StepFailed(f"{type(error).__module__}.{type(error).__qualname__}", str(error))
    retry_at = _retry_at(action, error, now)
    if retry_at is None:
        return StepEnded(action.position, action.name, action.branch, outcome=Error(error))
    return AttemptFailed(action.position, action.name, action.branch, error=error, retry_at=retry_at)


def _retry_at(action: RunStep, error: BaseException, now: datetime) -> datetime | None:
    if action.command.once:
        return None
    if isinstance(error, RetryAfter) and not isinstance(error, action.retry.never):
        retry_at = moment_asked(error, now)
    elif action.retry.is_worth_another(error, action.failures + 1):
        jitter = chance(action.seed, action.position, action.number)
        retry_at = now + action.retry.delay(action.failures + 1, jitter)
    else:
        return None
    return retry_at if action.retry.allows_start_after(retry_at - action.opened_at) else None


def moment_asked(error: RetryAfter, now: datetime) -> datetime:
    """Before when an attempt that failed at ``now`` is not to be made again."""
    if isinstance(error.when, datetime):
        return max(now, error.when)
    try:
        return now + timedelta(seconds=error.when)
    except OverflowError:
        return _NEVER
