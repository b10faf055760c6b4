"""The world of a simulation: steps and waits are answered as the test says, signals come when it says.

Owns what was begun and promised, so that it is the same after the workflow was re-driven.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from typing_extensions import override

from dataflows.duration import Duration, to_timedelta
from dataflows.outcome import Error, Outcome, Value
from interpreter.machine import (
    AwaitChild,
    AwaitSignal,
    CancelRequested,
    Fact,
    Position,
    RunStep,
    SendSignal,
    SignalReceived,
    StepEnded,
    StopChild,
    after_failure,
)
from interpreter.testing.agenda import Happening, Rank
from interpreter.testing.answers import NEVER, Answers, Taking
from interpreter.testing.calling import Call, outcome_of, payload_of, record, refusal, too_late
from interpreter.testing.driver import Driver
from interpreter.testing.family import Family
from interpreter.testing.refusing import refuse_unanswered
from interpreter.testing.world import World

__all__ = ["Script", "TimedSignal"]

__tracebackhide__ = True  # by pytest: a failure shows the test and the workflow, not what lies between

TimedSignal: TypeAlias = Sequence[Any]
"""``(name, payload, after, key)``: a signal that comes so long after the start, awaited or not; the name is enough."""


class _Timed(NamedTuple):
    name: Any
    payload: Any = None
    after: Any = 0
    key: Any = None


class _Begun(NamedTuple):
    call: Call
    answer: Taking
    since: datetime


class _Promised(NamedTuple):
    at: datetime
    payload: Any


class Script(World):
    """What a test says: see ``simulate``.

    :param family: the executions that this one has started, and what all of them have done.
    """

    def __init__(
        self,
        steps: Answers,
        waits: Answers,
        family: Family,
        signals: Iterable[TimedSignal] = (),
        cancel_at: Duration | None = None,
    ) -> None:
        self.family = family
        self._steps = steps
        self._waits = waits
        self._signals = [_timed(signal) for signal in signals]
        self._cancel_at = cancel_at
        self._begun: dict[tuple[int, Position, int], _Begun] = {}
        self._promised: dict[tuple[int, Position], _Promised | None] = {}

    def for_child(self) -> Script:
        """The same answers, for another execution."""
        return Script(self._steps, self._waits, self.family)

    @override
    def messages(self, driver: Driver) -> Iterable[Happening]:
        for number, (name, payload, after, key) in enumerate(self._signals):
            at = driver.start + to_timedelta(after)
            yield Happening(("signal", number), at, Rank.MESSAGE, _arrival(name, payload, at, key))
        if self._cancel_at is not None:
            at = driver.start + to_timedelta(self._cancel_at)
            yield Happening("cancel", at, Rank.MESSAGE, CancelRequested)

    @override
    def attempts(self, driver: Driver, action: RunStep) -> list[Happening]:
        call, answer, since = self._attempt(driver, action)
        limit = action.command.timeout
        if limit is not None and _times_out(action, answer):
            return [_ending(action, call, since + limit, Error(too_late(action)))]
        if answer.answer is NEVER:
            return []
        return [_ending(action, call, since + answer.duration, answer.answer)]

    @override
    def arrivals(self, driver: Driver, action: AwaitSignal) -> list[Happening]:
        promised = self._promise(driver, action)
        if promised is None:
            return []
        at, payload = promised
        arrival = _arrival(action.name, payload, at, action.command.key)
        return [Happening(action.position, at, Rank.MESSAGE, arrival)]

    @override
    def sendings(self, driver: Driver, action: SendSignal) -> list[Happening]:
        return [Happening(action.position, driver.now, Rank.ATTEMPT, lambda: self.family.send(driver, action))]

    @override
    def children(self, driver: Driver, action: AwaitChild | StopChild) -> list[Happening]:
        return self.family.children(driver, action, self.for_child)

    def _attempt(self, driver: Driver, action: RunStep) -> _Begun:
        key = (*driver.key(action.position), action.number)
        if key not in self._begun:
            answer = self._answer(driver, action)
            call = record(driver, action)
            self.family.calls.append(call)
            if answer.answer is not NEVER and not _times_out(action, answer):
                answer = Taking(answer.duration, outcome_of(answer.answer, driver, action))
            self._begun[key] = _Begun(call, answer, driver.now)
        return self._begun[key]

    def _answer(self, driver: Driver, action: RunStep) -> Taking:
        if (refused := refusal(action)) is not None:
            return Taking(timedelta(0), refused)
        refuse_unanswered(driver, action, self._steps)
        return self._steps.next_for(action.name)

    def _promise(self, driver: Driver, action: AwaitSignal) -> _Promised | None:
        key = driver.key(action.position)
        if key not in self._promised:
            duration, answer = (taking := self._waits.next_for(action.name)).duration, taking.answer
            promised = None if answer is NEVER else _Promised(driver.now + duration, payload_of(answer, action))
            self._promised[key] = promised
        return self._promised[key]


def _timed(signal: TimedSignal) -> _Timed:
    if isinstance(signal, str) or not 1 <= len(signal) <= 4 or not isinstance(signal[0], str):
        raise TypeError(f'a signal is (name, payload, after), like ("approval", {{"ok": True}}, "2d"); got {signal!r}')
    return _Timed(*signal)


def _times_out(action: RunStep, answer: Taking) -> bool:
    limit = action.command.timeout
    return limit is not None and (answer.answer is NEVER or answer.duration > limit)


def _ending(action: RunStep, call: Call, at: datetime, outcome: Outcome[Any]) -> Happening:
    def end() -> Fact:
        call.outcome = outcome
        if isinstance(outcome, Value):
            return StepEnded(action.position, action.name, action.branch, outcome=outcome)
        return after_failure(action, outcome.exception, at)

    return Happening(action.position, at, Rank.ATTEMPT, end)


def _arrival(name: str, payload: Any, at: datetime, key: str | None) -> Any:
    return lambda: SignalReceived(name, payload, at, key)
