"""How an execution ends: what its main fiber came to, what was deferred, and what the end is called.

Owns the order: first the tasks have ended, then what was deferred runs, then the end is
proposed, or the workflow begins again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dataflows.commands import Flow, Step
from dataflows.errors import Cancelled
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine.actions import End, Renew
from interpreter.machine.fiber import Fiber
from interpreter.machine.scopes import replaced_by
from interpreter.machine.status import Status

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["add_note", "conclude", "with_errors_nobody_asked_for"]


def conclude(machine: Machine, main: Fiber, outcome: Outcome[Any]) -> None:
    """The main fiber has come to this, and its tasks have ended; or the last fiber has run what was deferred."""
    if machine.failure is not None:
        outcome = machine.failure
    elif isinstance(outcome, Error):
        machine.renewal = None  # the cleanup of a task has failed, and the workflow with it
        if machine.defers:
            _compensate(machine, main, outcome)
            return
    machine.outcome = outcome
    if machine.renewal is not None:
        machine.set_open((), Renew(machine.renewal.args, machine.signals_kept, machine.cancel_requested))
    else:
        machine.set_open((), End(_status(outcome), outcome))


def with_errors_nobody_asked_for(fiber: Fiber, returned: Outcome[Any]) -> Outcome[Any]:
    """What the fiber came to, its tasks included: an error of theirs is no less an error because nobody looked."""
    for task in fiber.tasks:
        if isinstance(task.outcome, Error) and not task.was_asked_for:
            exception = task.outcome.exception
            if not isinstance(exception, Cancelled) and _gives_way(returned):
                return replaced_by(exception, returned)
    return returned


def add_note(exception: BaseException, note: str) -> None:
    """Add it, unless the exception is of a class that takes none."""
    with suppress(Exception):
        exception.add_note(note)


def _compensate(machine: Machine, main: Fiber, failure: Error) -> None:
    """Run what was deferred in a last fiber, which stands where the main one has left off; no cancel reaches it."""
    last = Fiber((), "", _deferred(machine.defers, failure.exception))
    last.next = main.next
    last.cancelled = True
    machine.main, machine.failure = last, failure
    machine.add(last)


def _deferred(defers: list[Step[Any]], error: BaseException) -> Flow[None]:
    """What was deferred last runs first; one that fails for good is noted on the error, and the next still runs."""
    while defers:
        step = defers.pop()
        try:
            yield step
        except GeneratorExit:
            raise
        except BaseException as failure:
            add_note(error, f"deferred step {step.name!r} failed: {_in_words(failure)}")


def _in_words(failure: BaseException) -> str:
    """An author's exception may raise when it is asked for its text."""
    try:
        return f"{type(failure).__name__}: {failure}"
    except Exception:
        return type(failure).__name__


def _gives_way(returned: Outcome[Any]) -> bool:
    return isinstance(returned, Value) or isinstance(returned.exception, Cancelled)


def _status(outcome: Outcome[Any]) -> Status:
    if isinstance(outcome, Value):
        return Status.COMPLETED
    return Status.CANCELLED if isinstance(outcome.exception, Cancelled) else Status.FAILED
