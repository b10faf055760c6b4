"""What each fact does.

A rule finds what the fact is about and settles it, or changes what is wanted there. A fact about
a command that the code did not yield is a mismatch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dataflows.commands import Flow, Start
from dataflows.duration import to_text
from dataflows.errors import Cancelled, ExecutionCancelled, IdInUse, Mismatch, RetryAfter, WaitTimeout
from dataflows.outcome import Error, Outcome, Value
from dataflows.retry import Retry
from dataflows.workflow import Workflow
from interpreter.machine import mismatch
from interpreter.machine.actions import (
    AwaitChild,
    AwaitSignal,
    BeginStep,
    MarkPatch,
    OpenCallback,
    PublishValue,
    Renew,
    RunStep,
    SendSignal,
    SetTimer,
    StartChild,
    StopChild,
    StopStep,
)
from interpreter.machine.ending import add_note
from interpreter.machine.entries import (
    AttemptFailed,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
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
    Terminated,
    WaitTimedOut,
)
from interpreter.machine.fiber import Fiber
from interpreter.machine.rules.signals import deliver
from interpreter.machine.scopes import cancellation

if TYPE_CHECKING:
    from interpreter.machine.machine import Machine

__all__ = ["FACTS"]

_NEVER_AGAIN = Retry(attempts=1)
_DAMAGED = "the journal is damaged: it must open with one 'started', and then 'begun'"


def _started(machine: Machine, fact: Started) -> None:
    if machine.main is not None:
        raise Mismatch(_DAMAGED)
    machine.started = fact
    machine.seed = fact.seed
    machine.main = Fiber((), "", _main(machine.workflow, fact))


def _main(workflow: Workflow[..., Any], started: Started) -> Flow[Any]:
    """A generator around the workflow's own, so that wrong arguments fail the workflow and nothing else."""
    return (yield from workflow(*started.args, **started.kwargs))


def _begun(machine: Machine, fact: Begun) -> None:
    if machine.main is None or (machine.has_begun and not machine.open):
        raise Mismatch(_DAMAGED)
    if machine.has_begun:
        _begin_again(machine)
    else:
        machine.add(machine.main)


def _begin_again(machine: Machine) -> None:
    """A retry or a fork goes on from here: the time since then does not count for what is open, which begins anew."""
    for position, action in list(machine.open.items()):
        match action:
            case SetTimer(length=timedelta() as length):
                machine.set_open(position, replace(action, due=machine.clock + length))
            case AwaitSignal(command=command) if command.timeout is not None:
                machine.set_open(position, replace(action, due=machine.clock + command.timeout))
            case RunStep():
                machine.set_open(position, replace(action, opened_at=machine.clock))


def _step_begun(machine: Machine, fact: StepBegun) -> None:
    if mismatch.comes_late(machine, fact):
        return
    begin = mismatch.expect(machine, fact, BeginStep)
    place = (begin.position, begin.name, begin.branch)
    action = RunStep(*place, 1, 0, machine.clock, None, machine.seed, command=begin.command, retry=_NEVER_AGAIN)
    machine.set_open(begin.position, action)


def _step_ended(machine: Machine, fact: StepEnded) -> None:
    action = mismatch.expect_step(machine, fact)
    machine.settle(action.position, cancellation() if isinstance(action, StopStep) else fact.outcome)


def _attempt_failed(machine: Machine, fact: AttemptFailed) -> None:
    action = mismatch.expect_step(machine, fact)
    if isinstance(action, StopStep):
        machine.settle(action.position, cancellation())
        return
    counts = 0 if isinstance(fact.error, RetryAfter) else 1
    machine.set_open(
        action.position,
        replace(action, number=action.number + 1, failures=action.failures + counts, not_before=fact.retry_at),
    )


def _step_stopped(machine: Machine, fact: StepStopped) -> None:
    machine.settle(mismatch.expect(machine, fact, StopStep).position, cancellation())


def _slept(machine: Machine, fact: Slept) -> None:
    if not mismatch.comes_late(machine, fact):
        machine.settle(mismatch.expect(machine, fact, SetTimer).position, Value(None))


def _wait_timed_out(machine: Machine, fact: WaitTimedOut) -> None:
    if mismatch.comes_late(machine, fact):
        return
    action = mismatch.expect(machine, fact, AwaitSignal)
    command = action.command
    assert command.timeout is not None
    late = Error(WaitTimeout(f"no signal {action.name!r} came within {to_text(command.timeout)}"))
    machine.settle(action.position, Value(command.default) if command.has_default else late)


# Other executions -------------------------------------------------------------------------------


def _signal_sent(machine: Machine, fact: SignalSent) -> None:
    machine.finish(mismatch.expect(machine, fact, SendSignal), fact.outcome)


def _published(machine: Machine, fact: Published) -> None:
    failed = isinstance(fact.outcome, Error)
    machine.finish(mismatch.expect(machine, fact, PublishValue), fact.outcome if failed else Value(None))


def _callback_opened(machine: Machine, fact: CallbackOpened) -> None:
    machine.finish(mismatch.expect(machine, fact, OpenCallback), Value(fact.url))


def _child_started(machine: Machine, fact: ChildStarted) -> None:
    if mismatch.comes_late(machine, fact):
        return
    action = mismatch.expect(machine, fact, StartChild)
    if isinstance(action.command, Start):
        machine.finish(action, Value(fact.id))
    else:
        follow = StopChild if action.stopping else AwaitChild
        machine.set_open(action.position, follow(action.position, action.name, action.branch, fact.id))


def _child_ended(machine: Machine, fact: ChildEnded) -> None:
    action = mismatch.expect_child(machine, fact)
    if isinstance(action, StartChild):
        machine.overtake(action, cancellation() if action.stopping else _from_child(action, None, fact.outcome))
    elif isinstance(action, AwaitChild):
        machine.settle(action.position, _from_child(action, action.child_id, fact.outcome))
    else:
        machine.settle(action.position, cancellation())


def _from_child(action: StartChild | AwaitChild, child_id: str | None, outcome: Outcome[Any]) -> Outcome[Any]:
    """As it arrives at the parent: an error with a note of where it comes from, a cancellation as an error."""
    if isinstance(outcome, Value) or (child_id is None and isinstance(outcome.exception, IdInUse)):
        return outcome
    child = " ".join(filter(None, ("child execution", child_id and repr(child_id), f"of workflow {action.name!r}")))
    if isinstance(outcome.exception, Cancelled):
        return Error(ExecutionCancelled(f"{child} was cancelled"))
    add_note(outcome.exception, f"in {child}")
    return outcome


# The execution itself ---------------------------------------------------------------------------


def _patch_marked(machine: Machine, fact: PatchMarked) -> None:
    """It is the answer of all that ask it. Several may have had it proposed; the first has answered the others."""
    if fact.name not in machine.asked:
        mismatch.expect_answered(machine, fact)
        return
    machine.patches[fact.name] = True
    for position in machine.asked.pop(fact.name):
        action = machine.open[position]
        assert isinstance(action, MarkPatch)
        machine.finish(action, Value(True))


def _cancel_requested(machine: Machine, fact: CancelRequested) -> None:
    if machine.renewal is not None:
        machine.cancel_requested = True  # it is for the fresh journal to tell
        if isinstance(renew := machine.open.get(()), Renew):
            machine.set_open((), replace(renew, cancel_requested=True))
    elif machine.main is not None:
        machine.cancel(machine.main)


def _ended(machine: Machine, fact: Ended) -> None:
    mismatch.expect_end(machine, fact)
    machine.close(())


def _renewed(machine: Machine, fact: Renewed) -> None:
    mismatch.expect_renewal(machine, fact)
    machine.close(())


def _terminated(machine: Machine, fact: Terminated) -> None:
    mismatch.expect_not_ended(machine, fact)
    machine.terminate(Error(fact.error))
    machine.facts = AFTER_TERMINATION


def _ignored(machine: Machine, fact: Fact) -> None:
    """What was under way when it was terminated may still be journaled."""


FACTS: dict[type[Any], Callable[[Machine, Any], None]] = {
    Started: _started,
    Begun: _begun,
    StepBegun: _step_begun,
    StepEnded: _step_ended,
    AttemptFailed: _attempt_failed,
    StepStopped: _step_stopped,
    Slept: _slept,
    WaitTimedOut: _wait_timed_out,
    SignalReceived: deliver,
    SignalSent: _signal_sent,
    Published: _published,
    CallbackOpened: _callback_opened,
    ChildStarted: _child_started,
    ChildEnded: _child_ended,
    PatchMarked: _patch_marked,
    CancelRequested: _cancel_requested,
    Ended: _ended,
    Renewed: _renewed,
    Terminated: _terminated,
}
AFTER_TERMINATION: dict[type[Any], Callable[[Machine, Any], None]] = dict.fromkeys(FACTS, _ignored)
