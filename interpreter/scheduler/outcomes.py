"""What an attempt came to, as the journal entry that it proposes.

Owns the choice between an outcome, another attempt, and a step that was stopped.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dataflows.errors import CannotStore, RateLimited
from dataflows.outcome import Error, Outcome, Value
from interpreter.codec import Encoded
from interpreter.machine import (
    AttemptFailed,
    Fact,
    StepEnded,
    StepStopped,
    after_failure,
    format_position,
    moment_asked,
)
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.held import LiveAttempt
from interpreter.scheduler.monitor import Monitor
from interpreter.store.rows import Row, to_row

__all__ = ["row_of"]


def row_of(attempt: LiveAttempt, outcome: Outcome[Any] | Encoded, clock: DatabaseClock, monitor: Monitor) -> Row:
    """The journal entry to propose. Code of authors is run where a value is encoded, and may raise anything."""
    try:
        return _row_of(attempt, outcome, clock, monitor)
    except BaseException as error:
        action = attempt.action
        reason = f"what step {action.name!r} came to cannot be stored: to encode it raises {type(error).__name__}"
        return to_row(StepEnded(action.position, action.name, action.branch, outcome=Error(CannotStore(reason))))


def _row_of(attempt: LiveAttempt, outcome: Outcome[Any] | Encoded, clock: DatabaseClock, monitor: Monitor) -> Row:
    action = attempt.action
    if isinstance(outcome, Encoded):
        return Row("step", format_position(action.position), action.name, action.branch or None, True, *outcome)
    if isinstance(outcome, Value):
        return to_row(StepEnded(action.position, action.name, action.branch, outcome=outcome))
    if isinstance(outcome.exception, RateLimited):
        _hold_back_others(attempt, moment_asked(outcome.exception, clock.now()))
    fact: Fact
    if attempt.stopping:
        fact = StepStopped(action.position, action.name, action.branch)
    else:
        fact = after_failure(action, outcome.exception, clock.now())
        _tell(attempt, fact, outcome.exception, monitor)
    return to_row(fact)


def _hold_back_others(attempt: LiveAttempt, until: datetime) -> None:
    """A service's limit is used up: for whoever has a turn at the limit of that name, too."""
    ticket = attempt.held.tickets.get(attempt.action.position)
    if ticket is not None and ticket.told_to_wait is not None:
        ticket.is_kept = True
        ticket.told_to_wait(until)


def _tell(attempt: LiveAttempt, fact: Fact, error: BaseException, monitor: Monitor) -> None:
    event = "attempt-failed" if isinstance(fact, AttemptFailed) else "step-failed"
    details: dict[str, Any] = {"retry_at": fact.retry_at} if isinstance(fact, AttemptFailed) else {}
    held, action = attempt.held, attempt.action
    monitor.emit(event, execution=held.id, step=action.name, attempt=action.number, error=error, **details)
