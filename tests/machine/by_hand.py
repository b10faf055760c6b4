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
    BeginStep,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    End,
    Ended,
    Entry,
    Fact,
    Machine,
    Open,
    OpenCallback,
    PatchMarked,
    Published,
    PublishValue,
    Renew,
    Renewed,
    RunStep,
    SendSignal,
    SetTimer,
    SignalReceived,
    SignalSent,
    Slept,
    Started,
    Status,
    StepBegun,
    StepEnded,
    StepStopped,
    StopStep,
    WaitTimedOut,
    after_failure,
    fold,
    format_position,
)

_DONE = Value(None)
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
        """The name of what is open at each position; the end stands at ``""`` with its status, or ``"renewed"``."""
        return {format_position(position): _title(action) for position, action in self.machine.open.items()}

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

    def signal(self, name: str, payload: Any = None, key: str | None = None) -> None:
        self.put(SignalReceived(name, payload, self.now, key))

    def begin_step(self, where: str) -> None:
        """It is journaled that a step with ``once`` may run."""
        self.put(self.begun(where))

    def start_child(self, where: str, child_id: str = "the child") -> None:
        self.put(self.child_started(where, child_id))

    def end_child(self, where: str, value: Any = None) -> None:
        self.put(self.child_ended(where, Value(value)))

    def fail_child(self, where: str, error: BaseException) -> None:
        self.put(self.child_ended(where, Error(error)))

    def mark(self, where: str) -> None:
        """The journal is exhausted, and new code has got here."""
        self.put(self.marked(where))

    def cancel(self) -> None:
        self.put(CancelRequested())

    def end(self) -> None:
        action = self.machine.open[()]
        assert isinstance(action, End)
        self.put(Ended(action.status, action.outcome))

    def renew(self) -> Renew:
        """The workflow begins again; answers with what."""
        action = self.machine.open[()]
        assert isinstance(action, Renew)
        self.put(Renewed())
        return action

    # What could be proposed ---------------------------------------------------------------------

    def ended(self, where: str, outcome: Outcome[Any]) -> StepEnded:
        action: RunStep | StopStep = self.find(where)
        assert isinstance(action, RunStep | StopStep)
        return StepEnded(action.position, action.name, action.branch, outcome=outcome)

    def fired(self, where: str) -> Slept | WaitTimedOut:
        action: SetTimer | AwaitSignal = self.find(where)
        kind = Slept if isinstance(action, SetTimer) else WaitTimedOut
        return kind(action.position, action.name, action.branch)

    def begun(self, where: str) -> StepBegun:
        action: BeginStep = self.find(where)
        assert isinstance(action, BeginStep)
        return StepBegun(action.position, action.name, action.branch)

    def sent(self, where: str, outcome: Outcome[Any] = _DONE) -> SignalSent:
        action: SendSignal = self.find(where)
        assert isinstance(action, SendSignal)
        return SignalSent(action.position, action.name, action.branch, outcome=outcome)

    def published(self, where: str) -> Published:
        action: PublishValue = self.find(where)
        assert isinstance(action, PublishValue)
        return Published(action.position, action.name, action.branch, outcome=Value(action.command.value))

    def opened(self, where: str, url: str = "https://flows.example/callbacks/1") -> CallbackOpened:
        action: OpenCallback = self.find(where)
        assert isinstance(action, OpenCallback)
        return CallbackOpened(action.position, action.name, action.branch, url=url)

    def child_started(self, where: str, child_id: str = "the child") -> ChildStarted:
        action = self.find(where)
        return ChildStarted(action.position, action.name, action.branch, id=child_id)

    def child_ended(self, where: str, outcome: Outcome[Any]) -> ChildEnded:
        action = self.find(where)
        return ChildEnded(action.position, action.name, action.branch, outcome=outcome)

    def marked(self, where: str) -> PatchMarked:
        action = self.find(where)
        return PatchMarked(action.position, action.name, action.branch)

    # Again --------------------------------------------------------------------------------------

    def replayed(self, flow: Callable[..., Flow[Any]] | None = None) -> Machine:
        """A fresh machine with this journal; with other code, if a flow is given."""
        workflow = self.workflow if flow is None else Workflow(flow, self.workflow.name)
        self._replays.append(fold(workflow, lambda: map(copy.deepcopy, self.journal)))
        return self._replays[-1]

    def goes_on_as(self, flow: Callable[..., Flow[Any]]) -> None:
        """Other code takes over, after a replay of what there is."""
        self.workflow = Workflow(flow, self.workflow.name)
        self._replays.append(self.machine)
        self.machine = self.replayed()

    def let_go(self) -> None:
        """Abandon the machine and its replays, as a driver would."""
        for machine in (self.machine, *self._replays):
            machine.abandon()


def _name(action: Open) -> str:
    return "" if isinstance(action, End | Renew) else action.name


def _title(action: Open) -> str:
    if isinstance(action, Renew):
        return "renewed"
    return action.status if isinstance(action, End) else action.name
