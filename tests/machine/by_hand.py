"""A machine whose journal a test writes entry by entry, and whose clock it moves.

Owns nothing of the world: no step runs, no timer fires unless the test says so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from dataflows.commands import Flow
from dataflows.outcome import Error, Outcome, Value
from dataflows.retry import Retry
from dataflows.workflow import Workflow
from interpreter.machine import (
    AwaitSignal,
    Begun,
    CancelRequested,
    End,
    Ended,
    Entry,
    Fact,
    Machine,
    Open,
    RunStep,
    SetTimer,
    SignalReceived,
    Slept,
    Started,
    Status,
    StepEnded,
    StepStopped,
    StopStep,
    WaitTimedOut,
    after_failure,
    format_position,
)

START = datetime(2024, 2, 29, 12, tzinfo=UTC)


def work(*args: object, **kwargs: object) -> Any:
    """Stands for any side effect: a machine never calls it."""
    raise AssertionError("the machine ran a step")


def seconds_after_start(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class ByHand:
    """A machine that has begun; actions are named by their name, or by their position, like ``"1.0.0"``."""

    def __init__(self, flow: Callable[..., Flow[Any]], *args: Any, retry: Retry | None = None, **kwargs: Any) -> None:
        self.workflow = Workflow(flow, flow.__name__, retry=retry)
        self.machine = Machine(self.workflow)
        self.journal: list[Entry] = []
        self.now = START
        self._replays: list[Machine] = []
        self.put(Started(args, kwargs, seed="seed"), Begun())

    # What is there ------------------------------------------------------------------------------

    @property
    def open(self) -> dict[str, str]:
        """The name of what is open at each position; the workflow's end stands at ``""`` with its status."""
        actions = self.machine.open.items()
        return {
            format_position(position): action.status if isinstance(action, End) else action.name
            for position, action in actions
        }

    @property
    def names(self) -> list[str]:
        return list(self.open.values())

    @property
    def result(self) -> Any:
        """The workflow's result; its error is raised."""
        outcome = self.machine.outcome
        assert outcome is not None, f"it has not ended; open: {self.open}"
        if isinstance(outcome, Error):
            raise outcome.exception
        return outcome.value

    @property
    def status(self) -> Status:
        """How it has ended."""
        end = self.machine.open[()]
        assert isinstance(end, End)
        return end.status

    def find(self, where: str) -> Any:
        """The open action of that name or position."""
        actions = list(self.machine.open.items())
        found = [action for position, action in actions if where in {_name(action), format_position(position)}]
        assert len(found) == 1, f"{where!r} is not open, or several times: {self.open}"
        return found[0]

    # What is journaled --------------------------------------------------------------------------

    def put(self, *facts: Fact) -> None:
        """Journal the facts as one commit, and apply them."""
        for fact in facts:
            self.journal.append(Entry(len(self.journal) + 1, self.now, fact))
            self.machine.apply(self.journal[-1])

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def succeed(self, where: str, value: Any = None) -> None:
        self.put(self.ended(where, Value(value)))

    def fail(self, where: str, error: BaseException) -> None:
        """The step has failed for good."""
        self.put(self.ended(where, Error(error)))

    def fail_attempt(self, where: str, error: BaseException) -> None:
        """An attempt has failed; its policy decides whether the step has."""
        action: RunStep = self.find(where)
        self.put(after_failure(action, error, self.now))

    def stop(self, where: str) -> None:
        """A cancelled step has come to rest."""
        action: StopStep = self.find(where)
        assert isinstance(action, StopStep)
        self.put(StepStopped(action.position, action.name, action.branch))

    def fire(self, where: str) -> None:
        """Time goes on until that timer, which fires."""
        due = self.find(where).due
        self.now = max(self.now, due)
        self.put(self.fired(where))

    def signal(self, name: str, payload: Any = None) -> None:
        self.put(SignalReceived(name, payload, self.now))

    def cancel(self) -> None:
        self.put(CancelRequested())

    def end(self) -> None:
        action = self.machine.open[()]
        assert isinstance(action, End)
        self.put(Ended(action.status, action.outcome))

    # What could be proposed ---------------------------------------------------------------------

    def ended(self, where: str, outcome: Outcome[Any]) -> StepEnded:
        action: RunStep | StopStep = self.find(where)
        assert isinstance(action, RunStep | StopStep)
        return StepEnded(action.position, action.name, action.branch, outcome=outcome)

    def fired(self, where: str) -> Slept | WaitTimedOut:
        action: SetTimer | AwaitSignal = self.find(where)
        kind = Slept if isinstance(action, SetTimer) else WaitTimedOut
        return kind(action.position, action.name, action.branch)

    # Again --------------------------------------------------------------------------------------

    def replayed(self, flow: Callable[..., Flow[Any]] | None = None) -> Machine:
        """A fresh machine with this journal; with other code, if a flow is given."""
        machine = Machine(self.workflow if flow is None else Workflow(flow, self.workflow.name))
        self._replays.append(machine)
        for entry in self.journal:
            machine.apply(copy.deepcopy(entry))
        return machine

    def let_go(self) -> None:
        """Abandon the machine and its replays, as a driver would."""
        for machine in (self.machine, *self._replays):
            machine.abandon()


def _name(action: Open) -> str:
    return "" if isinstance(action, End) else action.name
