"""The executions of one simulation: the workflow's own, its children, and what they send to each other.

Owns children that are simulated by their own code: each has a driver, which is let go between any
two things that happen to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from dataflows.errors import Cancelled, NotFound
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import (
    AwaitChild,
    CancelRequested,
    ChildEnded,
    Fact,
    Position,
    SendSignal,
    SignalReceived,
    SignalSent,
    StopChild,
)
from interpreter.testing.agenda import Happening, Rank
from interpreter.testing.answers import NEVER, REAL, Answers, unpack
from interpreter.testing.calling import Call
from interpreter.testing.driver import Driver, Sent
from interpreter.testing.refusing import refuse_child
from interpreter.testing.world import World

__all__ = ["Family"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between


class _Expected(NamedTuple):
    at: datetime
    outcome: Outcome[Any] | None


class Family:
    """All executions of a simulation.

    :param answers: by workflow, what a child comes to.
    :ivar calls: the attempts that were begun, in order.
    :ivar sent: the signals that were sent, in order.
    """

    def __init__(self, answers: Answers) -> None:
        self.calls: list[Call] = []
        self.sent: list[Sent] = []
        self._answers = answers
        self._drivers: dict[str, Driver] = {}
        self._parents: dict[str, tuple[Driver, Position]] = {}
        self._expected: dict[tuple[str, int, Position], Driver | _Expected] = {}
        self._cancelled: set[str] = set()

    def add(self, driver: Driver) -> None:
        """It can be sent signals."""
        self._drivers[driver.id] = driver

    def send(self, driver: Driver, action: SendSignal) -> Fact:
        """Send the signal; what nobody here is known by is taken for an execution elsewhere, which receives it."""
        command = action.command
        self.sent.append(Sent(command.execution_id, command.name, command.payload))
        outcome: Outcome[Any] = Value(None)
        receiver = self._drivers.get(command.execution_id)
        if receiver is not None and receiver.end is not None:
            outcome = Error(NotFound(f"execution {command.execution_id!r} has ended"))
        elif receiver is not None:
            receiver.deliver(SignalReceived(command.name, command.payload, driver.now), driver.now)
            self._tell_parents(receiver)
        return SignalSent(action.position, action.name, action.branch, outcome=outcome)

    def children(
        self, driver: Driver, action: AwaitChild | StopChild, new_world: Callable[[], World]
    ) -> list[Happening]:
        """What may happen next to the child that is awaited, or cancelled."""
        key = (driver.id, *driver.key(action.position))
        if key not in self._expected:
            self._expected[key] = self._expect(driver, action, new_world)
        expected = self._expected[key]
        if isinstance(expected, Driver):
            return self._of_own_code(driver, action, expected)
        if isinstance(action, StopChild):
            return [_child_ends(action, driver.now, Error(Cancelled("cancelled")))]
        return [] if expected.outcome is None else [_child_ends(action, expected.at, expected.outcome)]

    def _expect(
        self, driver: Driver, action: AwaitChild | StopChild, new_world: Callable[[], World]
    ) -> Driver | _Expected:
        refuse_child(driver, action, self._answers)
        launch = driver.launches[driver.key(action.position)]
        duration, answer = (taking := self._answers.next_for(action.name)).duration, taking.answer
        if answer is REAL:
            child = Driver(launch.workflow, launch.args, {}, new_world(), driver.start, launch.id, id=launch.id)
            child.now = driver.now
            self._parents[child.id] = driver, action.position
            self.add(child)
            with child:
                return child
        outcome = None if answer is NEVER else unpack(answer, lambda function: function(*launch.args))
        return _Expected(driver.now + duration, outcome)

    def _of_own_code(self, driver: Driver, action: AwaitChild | StopChild, child: Driver) -> list[Happening]:
        if isinstance(action, StopChild) and child.id not in self._cancelled:
            self._cancelled.add(child.id)
            child.deliver(CancelRequested(), driver.now)
        if child.end is not None:
            return [_child_ends(action, driver.now, child.end.outcome)]
        following = child.agenda.next()
        if following is None:
            return []
        return [Happening(action.position, max(following.at, driver.now), following.rank, lambda: _advance(child))]

    def _tell_parents(self, driver: Driver) -> None:
        """What happens next to a child may now be another thing, at another time."""
        while (parent := self._parents.get(driver.id)) is not None:
            driver, position = parent
            driver.plan(position)


def _advance(child: Driver) -> None:
    with child:
        if (following := child.agenda.next()) is not None:
            child.let_happen(following)


def _child_ends(action: AwaitChild | StopChild, at: datetime, outcome: Outcome[Any]) -> Happening:
    ended = ChildEnded(action.position, action.name, action.branch, outcome=outcome)
    return Happening(action.position, at, Rank.ATTEMPT, lambda: ended)
