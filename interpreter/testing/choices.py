"""The world of an exploration: whatever may happen, and a path that says what does.

Owns what is possible at each moment. A step that is open may come to any of its outcomes, now or
after any timer; a signal that is awaited may come now; the earliest timer may fire; somebody may cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import override

from dataflows.errors import Cancelled, NotFound, StepInterrupted
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    CancelRequested,
    ChildEnded,
    Fact,
    RunStep,
    SendSignal,
    SignalReceived,
    SignalSent,
    StepEnded,
    StopChild,
)
from interpreter.testing.agenda import Happening, Rank
from interpreter.testing.answers import REFUSED, Answer, Answers, unpack
from interpreter.testing.calling import Call, outcome_of, payload_of, record, refusal, too_late
from interpreter.testing.driver import Driver, Sent
from interpreter.testing.refusing import refuse_child, refuse_unanswered
from interpreter.testing.world import World

__all__ = ["Choices", "walk"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between


class Choices(World):
    """What a test says may happen: see ``explore``.

    :param any_order: steps that run beside each other may end in any order; else in that in which they were begun.
    :ivar calls: the steps that were begun, in order.
    :ivar sent: the signals that were sent, in order.
    """

    def __init__(
        self,
        steps: Mapping[str, Answer],
        waits: Mapping[str, Answer],
        children: Mapping[str, Answer],
        otherwise: Answer,
        cancel: bool,
        any_order: bool,
    ) -> None:
        self.calls: list[Call] = []
        self.sent: list[Sent] = []
        self._steps = Answers("step", steps, otherwise)
        self._waits = Answers("wait", waits, [])
        self._children = Answers("child", children, REFUSED)
        self._cancel = cancel
        self._any_order = any_order

    @override
    def messages(self, driver: Driver) -> Iterable[Happening]:
        if self._cancel:
            yield Happening("cancel", driver.now, Rank.MESSAGE, CancelRequested)

    @override
    def attempts(self, driver: Driver, action: RunStep) -> list[Happening]:
        call = record(driver, action)
        self.calls.append(call)
        if (refused := refusal(action)) is not None:
            return [_ending(driver, action, call, driver.now, refused)]
        refuse_unanswered(driver, action, self._steps)
        answers = self._steps.all_for(action.name)
        if action.command.once:
            answers = [*answers, Error(StepInterrupted(f"step {action.name!r} had begun when its scheduler died"))]
        happenings = [_ending(driver, action, call, driver.now, answer) for answer in answers]
        if action.command.timeout is not None:
            due = driver.now + action.command.timeout
            happenings.append(_ending(driver, action, call, due, Error(too_late(action)), Rank.TIMER))
        return happenings

    @override
    def arrivals(self, driver: Driver, action: AwaitSignal) -> list[Happening]:
        answers = self._waits.all_for(action.name)
        if not answers and action.due is None:
            place = driver.machine.place_at(action.position)
            hint = f"waits={{{action.name!r}: [payload, …]}}{self._waits.hint(action.name)}"
            raise AssertionError(
                f"nothing ends the wait for signal {action.name!r}; which payloads come? {hint}\n  at {place}"
            )
        return [_arrival(action, driver.now, answer) for answer in answers]

    @override
    def sendings(self, driver: Driver, action: SendSignal) -> list[Happening]:
        command = action.command
        unknown = Error(NotFound(f"no execution {command.execution_id!r}, or it has ended"))
        sent = Sent(command.execution_id, command.name, command.payload)
        return [self._sending(driver, action, sent, Value(None)), self._sending(driver, action, None, unknown)]

    @override
    def children(self, driver: Driver, action: AwaitChild | StopChild) -> list[Happening]:
        if isinstance(action, StopChild):
            return [_child_ends(action, driver.now, Error(Cancelled("cancelled")), Rank.FORCED)]
        refuse_child(driver, action, self._children)
        args = driver.launches[driver.key(action.position)].args
        outcomes = [unpack(answer, lambda function: function(*args)) for answer in self._children.all_for(action.name)]
        return [_child_ends(action, driver.now, outcome) for outcome in outcomes]

    def _sending(self, driver: Driver, action: SendSignal, sent: Sent | None, outcome: Outcome[None]) -> Happening:
        def send() -> Fact:
            self.sent.extend([sent] if sent is not None else [])
            return SignalSent(action.position, action.name, action.branch, outcome=outcome)

        return Happening(action.position, driver.now, Rank.ATTEMPT, send)

    def options(self, driver: Driver) -> list[Happening]:
        """What may happen next, the least surprising first; one, if nothing is left to decide."""
        possible = list(driver.agenda)
        forced = [happening for happening in possible if happening.rank is Rank.FORCED]
        if forced:
            return forced[:1]
        timers = [happening for happening in possible if happening.rank is Rank.TIMER]
        earliest = min((happening.at for happening in timers), default=None)
        return [
            *self._endings([happening for happening in possible if happening.rank is Rank.ATTEMPT]),
            *(happening for happening in possible if happening.rank is Rank.MESSAGE and happening.about != "cancel"),
            *(happening for happening in timers if happening.at == earliest),
            *(happening for happening in possible if happening.about == "cancel"),
        ]

    def _endings(self, endings: list[Happening]) -> list[Happening]:
        return endings if self._any_order else [ending for ending in endings if ending.about == endings[0].about]


def walk(driver: Driver, world: Choices, path: Sequence[int], longest: int) -> Iterator[int]:
    """Drive along the path, and then by whatever is least surprising, until the end or until ``longest`` entries.

    :return: at each decision, how many options there are.
    :raises ValueError: the path takes an option that is not there.
    """
    choices, decisions = iter(path), 0
    with driver:
        while driver.end is None and driver.length() < longest and (options := world.options(driver)):
            choice = 0
            if len(options) > 1:
                choice = next(choices, 0)
                decisions += 1
                if choice >= len(options):
                    raise ValueError(f"only={tuple(path)}: decision {decisions} has {len(options)} options, from 0 on")
                yield len(options)
            driver.let_happen(options[choice])


def _ending(
    driver: Driver, action: RunStep, call: Call, at: datetime, answer: Answer, rank: Rank = Rank.ATTEMPT
) -> Happening:
    def end() -> Fact:
        call.outcome = outcome_of(answer, driver, action)
        return StepEnded(action.position, action.name, action.branch, outcome=call.outcome)

    return Happening(action.position, at, rank, end)


def _arrival(action: AwaitSignal, at: datetime, answer: Answer) -> Happening:
    def arrive() -> Fact:
        return SignalReceived(action.name, payload_of(answer, action), at, action.command.key)

    return Happening(action.position, at, Rank.MESSAGE, arrive)


def _child_ends(
    action: AwaitChild | StopChild, at: datetime, outcome: Outcome[Any], rank: Rank = Rank.ATTEMPT
) -> Happening:
    ended = ChildEnded(action.position, action.name, action.branch, outcome=outcome)
    return Happening(action.position, at, rank, lambda: ended)
