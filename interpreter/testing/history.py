"""A journal as lines for people: the virtual time, where, what, and what it came to.

Owns the text of each kind of entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from dataflows.outcome import Error, Outcome
from interpreter.machine import (
    AttemptFailed,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
    Entry,
    Fact,
    PatchMarked,
    Published,
    Renewed,
    SignalReceived,
    SignalSent,
    Slept,
    Started,
    StepBegun,
    StepEnded,
    StepStopped,
    WaitTimedOut,
    format_position,
)
from interpreter.machine.entries import At
from interpreter.testing.describing import describe_duration, describe_error, describe_outcome, describe_value

__all__ = ["describe_fact", "history_of"]


def history_of(entries: Sequence[Entry], start: datetime) -> list[str]:
    """``+2d  1  step fetch-item → {'id': 42}``, a line for each entry but the one that says it has begun."""
    shown = [entry for entry in entries if not isinstance(entry.fact, Begun)]
    columns = [(f"+{describe_duration(entry.at - start)}", _position(entry.fact)) for entry in shown]
    widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
    return [
        f"{at:<{widths[0]}}  {position:<{widths[1]}}  {describe_fact(entry.fact)}"
        for (at, position), entry in zip(columns, shown, strict=True)
    ]


def describe_fact(fact: Fact) -> str:
    """What it says, in a few words."""
    branch = f"  (in branch {fact.branch})" if isinstance(fact, At) and fact.branch else ""
    return _TEXTS.get(type(fact), _other)(fact) + branch


def _position(fact: Fact) -> str:
    return format_position(fact.position) if isinstance(fact, At) else ""


def _started(fact: Started) -> str:
    arguments = [describe_value(value) for value in fact.args]
    arguments += [f"{name}={describe_value(value)}" for name, value in fact.kwargs.items()]
    return f"started with {', '.join(arguments) or 'no arguments'}"


def _failed(fact: AttemptFailed) -> str:
    return f"step {fact.name} failed, to be tried again: {describe_error(fact.error)}"


def _unless_well(outcome: Outcome[Any]) -> str:
    return f" {describe_outcome(outcome)}" if isinstance(outcome, Error) else ""


def _other(fact: Any) -> str:
    return f"{type(fact).__name__} {getattr(fact, 'name', '')}".strip()


_TEXTS: dict[type[Any], Callable[[Any], str]] = {
    Started: _started,
    StepEnded: lambda fact: f"step {fact.name} {describe_outcome(fact.outcome)}",
    AttemptFailed: _failed,
    StepStopped: lambda fact: f"step {fact.name} stopped",
    Slept: lambda fact: f"sleep {fact.name} over",
    WaitTimedOut: lambda fact: f"wait {fact.name} timed out",
    StepBegun: lambda fact: f"step {fact.name} may have begun",
    SignalSent: lambda fact: f"sent signal {fact.name}{_unless_well(fact.outcome)}",
    Published: lambda fact: f"published {fact.name} {describe_outcome(fact.outcome)}",
    CallbackOpened: lambda fact: f"callback {fact.name} at {fact.url}",
    ChildStarted: lambda fact: f"child {fact.name} started as {fact.id!r}",
    ChildEnded: lambda fact: f"child {fact.name} {describe_outcome(fact.outcome)}",
    PatchMarked: lambda fact: f"patched {fact.name}",
    Renewed: lambda fact: "continues as new",
    SignalReceived: lambda fact: f"signal {fact.name} {describe_value(fact.payload)}",
    CancelRequested: lambda fact: "cancel requested",
    Ended: lambda fact: f"{fact.status} {describe_outcome(fact.outcome)}",
}
