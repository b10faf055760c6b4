"""What a program of one fiber comes to when its steps are simply called, one after the other.

Knows no machine and no journal: it is what the machine is compared with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dataflows.commands import Callback, Command, Defer, Publish, Signal, Sleep, Step, Wait
from dataflows.duration import to_text
from dataflows.errors import RetryAfter, WaitTimeout
from dataflows.outcome import Error, Outcome, Value
from tests.machine.happenings import outcome_of_publishing, outcome_of_sending
from tests.machine.player import Program, result_of_attempt
from tests.machine.singles import url_of


def reference(program: Program) -> Outcome[Any]:
    """Its outcome; what it saw is noted in ``program.run``."""
    generator = program.workflow()
    answer: Outcome[Any] = Value(None)
    deferred: list[Step[Any]] = []
    while True:
        try:
            command = generator.send(answer.value) if isinstance(answer, Value) else generator.throw(answer.exception)
        except StopIteration as stop:
            return Value(stop.value)
        except Exception as error:
            _make_up_for(deferred, error)
            return Error(error)
        answer = _answer(command, deferred)


def _make_up_for(deferred: list[Step[Any]], error: Exception) -> None:
    for step in reversed(deferred):
        if isinstance(outcome := _called(step), Error):
            failure = outcome.exception
            error.add_note(f"deferred step {step.name!r} failed: {type(failure).__name__}: {failure}")


def _answer(command: Command[Any], deferred: list[Step[Any]]) -> Outcome[Any]:
    match command:
        case Defer():
            deferred.append(command.step)
            return Value(None)
        case Signal():
            return outcome_of_sending(command.execution_id)
        case Publish():
            outcome = outcome_of_publishing(command.value)
            return outcome if isinstance(outcome, Error) else Value(None)
        case Callback():
            return Value(url_of(command.name))
        case Step():
            return _called(command)
        case Sleep():
            return Value(None)
        case Wait(has_default=True):
            return Value(command.default)
        case Wait(timeout=timedelta() as timeout):
            return Error(WaitTimeout(f"no signal {command.name!r} came within {to_text(timeout)}"))
        case _:
            raise AssertionError(f"not for a program of one fiber: {command}")


def _called(command: Step[Any]) -> Outcome[Any]:
    """Try until it succeeds or has failed too often; being asked to wait is no failure."""
    if command.once:
        return result_of_attempt(command, 1)
    assert command.retry is not None
    number = failures = 0
    while True:
        number += 1
        outcome = result_of_attempt(command, number)
        if isinstance(outcome, Value):
            return outcome
        failures += not isinstance(outcome.exception, RetryAfter)
        if failures == command.retry.attempts:
            return outcome
