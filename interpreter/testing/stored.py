"""Facts as the journal holds them: whatever they carry has been through the codec.

Owns which parts of a fact are stored, and how. So a simulated workflow sees the values that it
would see live, and each time it is re-driven it is fed fresh ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from dataflows.errors import CannotStore
from dataflows.outcome import Error, Outcome, Value
from interpreter.codec import Encoded, decode, decode_error, encode, encode_error
from interpreter.machine import (
    AttemptFailed,
    ChildEnded,
    Ended,
    Fact,
    Published,
    SignalReceived,
    SignalSent,
    Started,
    Status,
    StepEnded,
)

__all__ = ["Restore", "snapshot", "stored"]

Restore: TypeAlias = Callable[[], Fact]
"""Gives the fact, with fresh values at each call."""

_UNCHANGING = (type(None), str, int, float, bytes, datetime, timedelta)


def stored(fact: Fact) -> Restore:
    """The fact as it is journaled.

    The result of a step, or of the workflow, that cannot be stored becomes its error, as it does live.

    :raises CannotStore: an argument of the workflow, or the payload of a signal, cannot be stored.
    """
    return _STORED.get(type(fact), _as_it_is)(fact)


def snapshot(value: Any) -> Any:
    """A copy of the value as it is now; the value itself, if it is code or cannot be stored."""
    if isinstance(value, _UNCHANGING) or callable(value):
        return value
    try:
        return decode(encode(value, "a value"))
    except CannotStore:
        return value


def _as_it_is(fact: Fact) -> Restore:
    return lambda: fact


def _started(fact: Started) -> Restore:
    encoded = encode([list(fact.args), fact.kwargs], "an argument of the workflow")

    def restore() -> Fact:
        args, kwargs = decode(encoded)
        return Started(tuple(args), kwargs, fact.seed)

    return restore


def _with_outcome(what: str) -> Callable[[Any], Restore]:
    def store(fact: StepEnded | ChildEnded | SignalSent | Published) -> Restore:
        outcome = _outcome(fact.outcome, f"{what} {fact.name!r}")
        return lambda: replace(fact, outcome=outcome())

    return store


def _attempt_failed(fact: AttemptFailed) -> Restore:
    encoded = encode_error(fact.error)
    return lambda: replace(fact, error=decode_error(encoded))


def _signal_received(fact: SignalReceived) -> Restore:
    encoded = encode(fact.payload, f"the payload of signal {fact.name!r}")
    return lambda: replace(fact, payload=decode(encoded))


def _ended(fact: Ended) -> Restore:
    outcome = _outcome(fact.outcome, "the result of the workflow")
    failed = isinstance(outcome(), Error) and fact.status is Status.COMPLETED
    status = Status.FAILED if failed else fact.status
    return lambda: Ended(status, outcome())


def _outcome(outcome: Outcome[Any], what: str) -> Callable[[], Outcome[Any]]:
    if isinstance(outcome, Error):
        return _error(encode_error(outcome.exception))
    try:
        encoded = encode(outcome.value, what)
    except CannotStore as error:
        return _error(encode_error(error))
    return lambda: Value(decode(encoded))


def _error(encoded: Encoded) -> Callable[[], Outcome[Any]]:
    return lambda: Error(decode_error(encoded))


_STORED: dict[type[Any], Callable[[Any], Restore]] = {
    Started: _started,
    StepEnded: _with_outcome("the result of step"),
    SignalSent: _with_outcome("what came of the signal"),
    Published: _with_outcome("the published value of"),
    ChildEnded: _with_outcome("the result of child"),
    AttemptFailed: _attempt_failed,
    SignalReceived: _signal_received,
    Ended: _ended,
}
