"""A journal as the lines of a recorded test.

Owns what each kind of entry is told as. Failed attempts are left out: the code never sees them.
What the test need not say, since the code goes the same way without, is left out too: that is tried.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from dataflows.commands import Start
from dataflows.errors import Mismatch
from dataflows.logs import replaying
from dataflows.outcome import Error, Outcome
from dataflows.workflow import Workflow
from interpreter.machine import (
    AttemptFailed,
    BeginStep,
    Begun,
    CallbackOpened,
    CancelRequested,
    ChildEnded,
    ChildStarted,
    Ended,
    Entry,
    Machine,
    PatchMarked,
    Position,
    Published,
    PublishValue,
    Recording,
    Renew,
    Renewed,
    RunStep,
    SignalReceived,
    SignalSent,
    Slept,
    StartChild,
    Started,
    Status,
    StepBegun,
    StepEnded,
    StepStopped,
    Terminated,
    WaitTimedOut,
    format_position,
)
from interpreter.testing.passing import changes_passed
from interpreter.testing.plans import url_for
from interpreter.testing.recording.recorded import Recorded, fresh, given_to
from interpreter.testing.standing import open_commands

__all__ = ["Call", "Story", "tell"]


@dataclass(frozen=True, slots=True)
class Call:
    """``method(*args, **kwargs)``, of a ``Recorded``, or making one."""

    method: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """How a ``Recorded`` is made, and what is called on it."""

    start: Call
    calls: list[Call]


def tell(workflow: Workflow[..., Any], recording: Recording, given: Callable[[Any], bool]) -> Story:
    """The journal as calls that this code follows, with as little said as will do.

    :param given: whether a step's arguments can be told.
    :raises Mismatch: the code does not follow the journal.
    """
    token = replaying.set(True)
    try:
        return _shortest(workflow, recording, given)
    finally:
        replaying.reset(token)


def _shortest(workflow: Workflow[..., Any], recording: Recording, given: Callable[[Any], bool]) -> Story:
    problem: Exception | None = None
    for tells_given, (tells_seed, tells_times) in product(
        (True, False), ((False, False), (True, False), (False, True), (True, True))
    ):
        story = _Teller(workflow, recording, given if tells_given else lambda value: False, tells_times).story(
            tells_seed
        )
        try:
            _play(workflow, story)
        except (AssertionError, Mismatch) as error:
            problem = error
        else:
            return story
    raise Mismatch(f"execution {recording.id!r} cannot be told so that its code follows: {problem}")


def _play(workflow: Workflow[..., Any], story: Story) -> None:
    with Recorded(workflow, *story.start.args, **story.start.kwargs) as execution:
        for call in story.calls:
            getattr(execution, call.method)(*call.args, **call.kwargs)


class _Teller:
    """Applies the journal, and says of each entry how it is told."""

    def __init__(
        self, workflow: Workflow[..., Any], recording: Recording, given: Callable[[Any], bool], times: bool
    ) -> None:
        self._workflow = workflow
        self._recording = recording
        self._given = given
        self._times = times
        self._passed = changes_passed(workflow, recording)
        self._machine = Machine(workflow, self._passed)

    def story(self, seed: bool) -> Story:
        try:
            calls = list(self._calls())
        finally:
            self._machine.abandon()
        return Story(self._start(seed), calls)

    def _start(self, seed: bool) -> Call:
        entry, begun, *_ = [*self._recording.entries(), None]
        if entry is None or not isinstance(entry.fact, Started):
            raise Mismatch(f"execution {self._recording.id!r} has no journal that begins with its start")
        bound = inspect.signature(self._workflow.function).bind(*entry.fact.args, **entry.fact.kwargs)
        details: dict[str, Any] = {"kwargs": bound.kwargs} if bound.kwargs else {}
        if self._passed:
            details["passed"] = sorted(self._passed)
        if seed:
            details["seed"] = entry.fact.seed
        if self._times and begun is not None:
            details["begun"] = begun.at.isoformat()
        return Call("Recorded", bound.args, details)

    def _calls(self) -> Iterator[Call]:
        # Twice, since the code may change what it is given, and the test is to tell it as it was.
        for entry, told in zip(self._recording.entries(), self._recording.entries(), strict=True):
            if isinstance(entry.fact, Terminated):
                break  # the workflow was not asked
            call = _TOLD[type(entry.fact)](self, told.fact)
            if call is not None:
                at = {"at": entry.at.isoformat()} if self._times and call.method not in _ENDS else {}
                yield Call(call.method, call.args, call.kwargs | at)
            self._machine.apply(_without_url(entry))
        if self._machine.open and () not in self._machine.open:
            yield Call("stands_at", tuple(f"{each.kind} {each.name!r}" for each in open_commands(self._machine)))

    def at(self, method: str, fact: Any, **details: Any) -> Call:
        """A call about one command; its position is told where its name is not enough."""
        namesakes = [action for action in self._machine.open.values() if getattr(action, "name", None) == fact.name]
        if len(namesakes) > 1:
            details["position"] = format_position(fact.position)
        return Call(method, (fact.name,), details)

    def step(self, fact: StepEnded) -> Call:
        return self.at("step", fact, **self._step_given(fact.position), **_came_to(fact.outcome))

    def begun(self) -> Call | None:
        """The first one is in how it is made."""
        return Call("went_on") if self._machine.has_begun else None

    def signal(self, fact: SignalReceived) -> Call:
        payload = () if fact.payload is None else (fact.payload,)
        return Call("signal", (fact.name, *payload), {} if fact.key is None else {"key": fact.key})

    def child_started(self, fact: ChildStarted) -> Call | None:
        """That of a child is told with its end."""
        action = self._machine.open.get(fact.position)
        is_alone = isinstance(action, StartChild) and isinstance(action.command, Start)
        return self.at("started", fact, id=fact.id) if is_alone else None

    def published(self, fact: Published) -> Call:
        action = self._machine.open.get(fact.position)
        call = self.at("published", fact)
        if not isinstance(action, PublishValue) or not self._given(action.command.value):
            return call
        return Call(call.method, (*call.args, fresh(action.command.value)), call.kwargs)

    def renewed(self, fact: Renewed) -> Call:
        renew = self._machine.open.get(())
        return Call("continued_as_new", renew.args if isinstance(renew, Renew) else ())

    def _step_given(self, position: Position) -> dict[str, Any]:
        action = self._machine.open.get(position)
        if not isinstance(action, RunStep | BeginStep):
            return {}
        arguments = given_to(action)
        return {"given": fresh(arguments)} if arguments and self._given(arguments) else {}

    def ended(self, fact: Ended) -> Call:
        outcome = self._machine.outcome or fact.outcome
        if fact.status is Status.CANCELLED:
            return Call("was_cancelled")
        if isinstance(outcome, Error):
            return Call("raised", (outcome.exception,))
        return Call("returned", (outcome.value,))


def _without_url(entry: Entry) -> Entry:
    """The code is given the URL that the recorded test gives it, so that what it makes of that is no secret."""
    if not isinstance(fact := entry.fact, CallbackOpened):
        return entry
    return replace(entry, fact=replace(fact, url=url_for(fact.name, fact.position)))


def _came_to(outcome: Outcome[Any]) -> dict[str, Any]:
    if isinstance(outcome, Error):
        return {"raises": outcome.exception}
    return {} if outcome.value is None else {"returns": outcome.value}


_ENDS = {"returned", "raised", "was_cancelled", "continued_as_new"}

_TOLD: dict[type[Any], Callable[[_Teller, Any], Call | None]] = {
    Started: lambda teller, fact: None,
    Begun: lambda teller, fact: teller.begun(),
    AttemptFailed: lambda teller, fact: None,
    StepEnded: _Teller.step,
    StepStopped: lambda teller, fact: teller.at("stopped", fact),
    Slept: lambda teller, fact: teller.at("sleep", fact),
    WaitTimedOut: lambda teller, fact: teller.at("timeout", fact),
    StepBegun: lambda teller, fact: None,
    SignalReceived: _Teller.signal,
    ChildStarted: _Teller.child_started,
    ChildEnded: lambda teller, fact: teller.at("child", fact, **_came_to(fact.outcome)),
    SignalSent: lambda teller, fact: teller.at("sent", fact, **_came_to(fact.outcome)),
    Published: _Teller.published,
    CallbackOpened: lambda teller, fact: teller.at("callback", fact),
    PatchMarked: lambda teller, fact: Call("patched", (fact.name,)),
    Renewed: _Teller.renewed,
    CancelRequested: lambda teller, fact: Call("cancel"),
    Ended: _Teller.ended,
}
