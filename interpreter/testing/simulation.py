"""``simulate``: a workflow run in memory, on a clock that jumps.

Owns what a test sees of such a run. What happens in it, and when, is the driver's and its world's.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, TypeVarTuple

from typing_extensions import override

from dataflows.arguments import check_call
from dataflows.commands import Flow
from dataflows.duration import Duration, to_timedelta
from dataflows.outcome import Error, Value
from dataflows.workflow import Workflow
from interpreter.machine import CancelRequested, Entry, Published, SignalReceived, Status
from interpreter.testing.answers import NEVER, REAL, REFUSED, Answer, Answers
from interpreter.testing.calling import Call
from interpreter.testing.describing import describe_duration, describe_error
from interpreter.testing.driver import Driver, Launch, Sent
from interpreter.testing.family import Family
from interpreter.testing.history import history_of
from interpreter.testing.script import Script, TimedSignal
from interpreter.testing.world import World

__all__ = ["START", "Simulation", "check_arguments", "drive", "recent", "simulate"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
"""When simulations begin, unless they are told: a Monday."""

recent: deque[Simulation[Any]] = deque(maxlen=3)
"""The last simulations of this process: what the pytest plugin shows of them when a test fails."""


class Simulation(Generic[T]):
    """What came of a simulated workflow, up to now.

    :ivar steps: every attempt at a step, in order, with the arguments of its function.
    :ivar sent: the signals that were sent to other executions, in order.
    :ivar driver: what drove it, for tools that need its machine.
    """

    def __init__(self, driver: Driver, steps: list[Call], sent: list[Sent]) -> None:
        self.steps = steps
        self.sent = sent
        self.driver = driver

    @property
    def status(self) -> Status:
        """How it has ended; ``suspended`` if it has not."""
        end = self.driver.end
        return Status.SUSPENDED if end is None else end.status

    @property
    def result(self) -> T:
        """What the workflow returned; what it raised is raised.

        :raises AssertionError: it has not ended; the message says what it waits for.
        """
        if self.driver.end is None:
            raise AssertionError(f"it has no result, since it has not ended\n\n{self}")
        if self.error is not None:
            raise self.error
        return self.driver.end.outcome.value  # type: ignore[union-attr, no-any-return]

    @property
    def error(self) -> BaseException | None:
        """What the workflow raised (``Cancelled``, if it was cancelled); None if it returned, or has not ended."""
        end, live = self.driver.end, self.driver.machine.outcome
        if end is None or not isinstance(end.outcome, Error):
            return None
        where = live.exception.__traceback__ if isinstance(live, Error) else None
        return end.outcome.exception.with_traceback(where)

    @property
    def journal(self) -> list[Entry]:
        """Its entries, with what they hold as the workflow saw it."""
        return self.driver.entries()

    @property
    def history(self) -> list[str]:
        """The journal, a line for each entry."""
        return history_of(self.driver.entries(), self.driver.start)

    @property
    def elapsed(self) -> timedelta:
        """How much virtual time has passed."""
        return self.driver.now - self.driver.start

    @property
    def waiting_at(self) -> list[str]:
        """``file:line: text`` of each yield where the workflow stands; empty when it has ended."""
        return list(self.driver.places)

    @property
    def launches(self) -> list[Launch]:
        """The executions that the workflow has started: children, and those that it does not wait for."""
        return list(self.driver.launches.values())

    @property
    def published(self) -> dict[str, Any]:
        """What can be read from outside, by key."""
        facts = [entry.fact for entry in self.driver.entries()]
        return {
            fact.name: fact.outcome.value
            for fact in facts
            if isinstance(fact, Published) and isinstance(fact.outcome, Value)
        }

    def calls(self, name: str) -> list[Call]:
        """The attempts at steps of that name."""
        return [call for call in self.steps if call.name == name]

    def signal(self, name: str, payload: Any = None, key: str | None = None) -> Simulation[T]:
        """Send a signal now, and let the workflow go on until it waits for something that takes time."""
        at = self.driver.now
        return self._let(lambda: self.driver.journal(SignalReceived(name, payload, at, key)), timedelta(0))

    def cancel(self) -> Simulation[T]:
        """Ask the workflow to cancel now, and let it clean up."""
        return self._let(lambda: self.driver.journal(CancelRequested()), timedelta(0))

    def go_on(self, duration: Duration | None = None) -> Simulation[T]:
        """Let so much more virtual time pass; without a duration, until the end or until nothing can happen.

        The workflow is re-driven from its journal, as after a crash.
        """
        return self._let(lambda: None, None if duration is None else to_timedelta(duration))

    @override
    def __str__(self) -> str:
        head = f"workflow {self.driver.workflow.name!r}, {self.status}, after {describe_duration(self.elapsed)}"
        lines = [*self.history, *(f"it stands at {place}" for place in self.waiting_at)]
        return "\n".join([head, *(f"  {line}" for line in lines)])

    @override
    def __repr__(self) -> str:
        error = f", {describe_error(self.error)}" if self.error is not None else ""
        return f"<Simulation of {self.driver.workflow.name!r}: {self.status}{error}>"

    def _let(self, act: Callable[[], None], duration: timedelta | None) -> Simulation[T]:
        if self.driver.end is not None:
            raise AssertionError(f"it has ended already\n\n{self}")
        until = None if duration is None else self.driver.now + duration
        with self.driver:
            act()
            self.driver.run(until)
        return self


def simulate(
    workflow: Callable[[*Ts], Flow[T]],
    /,
    *args: *Ts,
    steps: Mapping[str, Answer] | None = None,
    waits: Mapping[str, Answer] | None = None,
    children: Mapping[str, Answer] | None = None,
    signals: Iterable[TimedSignal] = (),
    otherwise: Answer = REFUSED,
    cancel_at: Duration | None = None,
    until: Duration | None = None,
    start: datetime = START,
    seed: int | str = 0,
    passed: Iterable[str] = (),
) -> Simulation[T]:
    """Run a workflow in memory, without a server and without waiting.

    ::

        simulation = simulate(
            copy_to_clickup, event,
            steps={"fetch-item": {"id": 1}, "create-task": lambda item, approval: {"task": item["id"]}},
            signals=[("approval", {"by": "Ada"}, "2d")],
        )
        assert simulation.result == {"task": 1}
        assert simulation.elapsed == timedelta(days=3)

    Time jumps to whatever happens next. Retries, back-offs, timeouts and deadlines are as they are live, and so
    is every value that the workflow sees: it has been through the codec.

    :param workflow: a workflow, or a plain generator function; keyword arguments go by ``functools.partial``.
    :param steps: by a step's name, what an attempt at it comes to: a value; an exception, which is raised; a
        function, called with the step's arguments (what it asserts, the test asserts);
        ``takes("45s", {"id": 1})``; ``in_turn(TimeoutError, {"id": 1})``; ``REAL``, the step's own function;
        ``NEVER``, a hanging attempt; ``Value(x)`` for an ``x`` that would be taken for one of these.
    :param waits: by a signal's name, the payload with which a wait for it is answered:
        ``{"approval": takes("2d", {"by": "Ada"})}``, ``in_turn(NEVER, {"by": "Bob"})``.
    :param children: by a workflow's name, what a child of it comes to: a value, an exception, a function of its
        arguments; by default children are simulated too, by their own code and with the same answers.
    :param signals: ``(name, payload, after, key)``: signals that come so long after the start, awaited or not.
    :param otherwise: the answer of every other step; by default the test fails, and says which it reached.
    :param cancel_at: ask the workflow to cancel so long after the start.
    :param until: stop the clock there; ``Simulation.go_on()`` goes on.
    :param passed: the changes that this execution's older code has passed: ``patched(...)`` answers False.
    :param seed: draws ``random()``, ``uuid()`` and the jitter of back-offs.
    :raises AssertionError: a step without an answer was reached, or the workflow never ends.
    :raises WrongArguments: the workflow takes others.
    :raises CannotStore: an argument or a signal's payload cannot be stored.
    """
    check_arguments("simulate", workflow, args)
    family = Family(Answers("child", children or {}, REAL))
    own, waited = Answers("step", steps or {}, otherwise), Answers("wait", waits or {}, NEVER)
    driver = drive(workflow, args, Script(own, waited, family, signals, cancel_at), start, seed, passed)
    family.add(driver)
    simulation: Simulation[T] = Simulation(driver, family.calls, family.sent)
    recent.append(simulation)
    return simulation.go_on(until)


def drive(
    workflow: Callable[..., Flow[Any]],
    args: tuple[Any, ...],
    world: World,
    start: datetime,
    seed: int | str,
    passed: Iterable[str],
) -> Driver:
    """A driver for this workflow, not yet begun."""
    return Driver(*_take_apart(workflow, args), world, start, seed, passed)


def check_arguments(verb: str, workflow: Callable[..., Flow[Any]], args: tuple[Any, ...]) -> None:
    """Nothing, if the workflow takes these.

    :param verb: what was called with them, for the message.
    :raises WrongArguments: it takes others.
    """
    whole, positional, keywords = _take_apart(workflow, args)
    check_call(verb, whole.name, whole.function, positional, keywords)


def _take_apart(
    workflow: Callable[..., Flow[Any]], args: tuple[Any, ...]
) -> tuple[Workflow[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The workflow itself, with all that it is given by position and by name."""
    kwargs: dict[str, Any] = {}
    while isinstance(workflow, functools.partial):
        args, kwargs = (*workflow.args, *args), {**workflow.keywords, **kwargs}
        workflow = workflow.func
    if not isinstance(workflow, Workflow):
        workflow = Workflow(workflow, getattr(workflow, "__name__", "workflow"))
    return workflow, args, kwargs
