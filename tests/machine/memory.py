"""An in-memory driver: a machine, a journal, and a clock that jumps to whatever happens next.

The world that it plays is a pure function of what is open and of a seed, and the driver's own
state is one of the journal. So after a crash the same things happen at the same times, and a
run with crashes can be compared with one without, entry by entry.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zlib import crc32

from dataflows.outcome import Error, Outcome, Value
from dataflows.workflow import Workflow
from interpreter.machine import (
    AttemptFailed,
    AwaitSignal,
    Begun,
    CancelRequested,
    End,
    Ended,
    Entry,
    Fact,
    Machine,
    Open,
    Position,
    RunStep,
    SetTimer,
    SignalReceived,
    Slept,
    Started,
    StepEnded,
    StepStopped,
    StopStep,
    WaitTimedOut,
    after_failure,
)
from tests.machine.by_hand import START, seconds_after_start
from tests.machine.plain import plain_open

MOST_COMMITS = 5_000
"""More than any program here needs; a run that is longer never ends."""


class Signal(NamedTuple):
    """A signal that comes so many seconds after the start."""

    after: float
    name: str
    payload: Any = None


@dataclass(frozen=True)
class World:
    """What happens outside of the workflow.

    :ivar attempt: what an attempt at a step comes to.
    :ivar longest: no attempt takes more seconds than this.
    :ivar signals: those that come, the earliest first.
    :ivar cancel_after: seconds after the start, or None.
    :ivar most_together: no commit has more entries than this.
    :ivar seed: draws how long each attempt takes, and in which order things of one moment are journaled.
    """

    attempt: Callable[[RunStep], Outcome[Any]] = lambda action: Value(action.name)
    longest: int = 3
    signals: Sequence[Signal] = ()
    cancel_after: float | None = None
    most_together: int = 1
    seed: int = 0

    def draw(self, below: int, *what: object) -> int:
        """A number that is always the same for the same thing."""
        return crc32(repr((self.seed, what)).encode()) % below


def from_table(table: dict[str, list[Any]]) -> Callable[[RunStep], Outcome[Any]]:
    """What each attempt returns or raises, by the name of the step; the last one stands for all that follow."""

    def attempt(action: RunStep) -> Outcome[Any]:
        outcomes = table[action.name]
        outcome = outcomes[min(action.number, len(outcomes)) - 1]
        return Error(outcome) if isinstance(outcome, BaseException) else Value(outcome)

    return attempt


class Happening(NamedTuple):
    """Something that happens next, unless something else happens before."""

    at: datetime
    order: int
    fact: Fact


class Attempt(NamedTuple):
    """An attempt that was begun when the journal had ``seq`` entries."""

    seq: int
    position: Position
    number: int


class Memory:
    """One execution and its world.

    :ivar journal: what was committed.
    :ivar commits: after which entries a commit ended.
    :ivar performed: every attempt that was begun.
    :ivar opened: what was open after each entry, as the live machine had it; ``opened[seq - 1]``.
    :ivar lost: the attempts that were running at a crash.
    """

    def __init__(self, workflow: Workflow[..., Any], *args: Any, world: World | None = None, **kwargs: Any) -> None:
        self.workflow = workflow
        self.world = world or World()
        self.journal: list[Entry] = []
        self.commits: list[int] = []
        self.performed: list[Attempt] = []
        self.opened: list[dict[Any, Any]] = []
        self.lost: list[Attempt] = []
        self.now = START
        self._running: dict[tuple[Position, int], Attempt] = {}
        self._since: dict[Position, datetime] = {}
        self.machine = Machine(workflow)
        self._commit([Started(args, kwargs, seed=f"seed {self.world.seed}"), Begun()])

    def run(self, crash_after: Container[int] = (), evict_after: Container[int] = ()) -> Outcome[Any] | None:
        """Go on until the workflow's end is journaled, or nothing can happen any more.

        :param crash_after: the entries after which the driver dies; all that is not in the journal is lost.
        :param evict_after: the entries after which the machine is let go; attempts go on.
        """
        while facts := self._happening_next():
            self._commit(facts)
            assert len(self.commits) < MOST_COMMITS, "it never ends"
            if len(self.journal) in crash_after:
                self.lost += self._running.values()
                self._running.clear()
                self.rebuild()
            elif len(self.journal) in evict_after:
                self.rebuild()
        return self.machine.outcome

    def take_over(self, journal: Sequence[Entry]) -> None:
        """Go on from what another has journaled."""
        self.journal, self.commits, self.now = list(journal), [len(journal)], journal[-1].at
        self.rebuild()

    def put(self, *facts: Fact) -> None:
        """Journal these facts now."""
        self._commit(facts)

    def decoded(self) -> Iterator[Entry]:
        """The journal as a codec gives it: with fresh values each time."""
        return (copy.deepcopy(entry) for entry in self.journal)

    def rebuild(self) -> None:
        """Let the machine go, and fold the journal into a fresh one."""
        self.machine.abandon()
        self.machine = Machine(self.workflow)
        self._since.clear()
        for entry in self.decoded():
            self._apply(entry)

    def _commit(self, facts: Sequence[Fact]) -> None:
        """All of them were proposed while the same actions were open."""
        first = len(self.journal) + 1
        self.journal += [Entry(seq, self.now, fact) for seq, fact in enumerate(facts, first)]
        self.commits.append(len(self.journal))
        for entry in self.journal[first - 1 :]:
            self._apply(copy.deepcopy(entry))
            self.opened.append(plain_open(self.machine))
        self._running = {key: attempt for key, attempt in self._running.items() if self._is_wanted(attempt)}

    def _apply(self, entry: Entry) -> None:
        self.machine.apply(entry)
        for action in self.machine.actions():
            if isinstance(action, StopStep | End):
                self._since[_position(action)] = entry.at

    def _happening_next(self) -> list[Fact]:
        """The next commit: some of what happens at the next moment at which anything happens."""
        happenings = sorted(self._happenings(), key=lambda happening: happening[:2])
        if not happenings:
            return []
        self.now = happenings[0].at
        self._begin_attempts()
        size = 1 + self.world.draw(self.world.most_together, "size", len(self.journal))
        facts = [happening.fact for happening in happenings if happening.at == self.now][:size]
        ends = [number for number, fact in enumerate(facts, 1) if isinstance(fact, Ended)]
        return facts[: ends[0]] if ends else facts

    def _happenings(self) -> Iterator[Happening]:
        if isinstance(self.journal[-1].fact, Ended):
            return
        for action in self.machine.open.values():
            if (at := self._when(action)) is not None:
                at = max(at, self.now)
                order = self.world.draw(1 << 30, _position(action), getattr(action, "number", 0))
                yield Happening(at, order, self._fact(action, at))
        yield from self._arriving()

    def _arriving(self) -> Iterator[Happening]:
        """The next signal, and the cancellation."""
        received = sum(isinstance(entry.fact, SignalReceived) for entry in self.journal)
        for signal in self.world.signals[received : received + 1]:
            sent_at = seconds_after_start(signal.after)
            fact = SignalReceived(signal.name, signal.payload, sent_at)
            yield Happening(max(sent_at, self.now), self.world.draw(1 << 30, "signal", received), fact)
        if self.world.cancel_after is not None and not any(isinstance(e.fact, CancelRequested) for e in self.journal):
            at = max(seconds_after_start(self.world.cancel_after), self.now)
            yield Happening(at, self.world.draw(1 << 30, "cancel"), CancelRequested())

    def _when(self, action: Open) -> datetime | None:
        match action:
            case RunStep():
                taken = self.world.draw(self.world.longest + 1, "taken", action.position, action.number)
                return _starts_at(action) + timedelta(seconds=taken)
            case SetTimer() | AwaitSignal():
                return action.due
            case StopStep():
                grace = self.world.draw(2, "grace", action.position)
                return self._since[action.position] + timedelta(seconds=grace)
            case End():
                return self._since[()]

    def _fact(self, action: Open, at: datetime) -> Fact:
        match action:
            case RunStep():
                outcome = self.world.attempt(action)
                if isinstance(outcome, Error):
                    return after_failure(action, outcome.exception, at)
                return StepEnded(action.position, action.name, action.branch, outcome=outcome)
            case SetTimer():
                return Slept(action.position, action.name, action.branch)
            case AwaitSignal():
                return WaitTimedOut(action.position, action.name, action.branch)
            case StopStep():
                return self._come_to_rest(action, at)
            case End():
                return Ended(action.status, action.outcome)

    def _come_to_rest(self, action: StopStep, at: datetime) -> Fact:
        """A cancelled attempt may come to anything."""
        where = (action.position, action.name, action.branch)
        error = InterruptedError("while it was being stopped")
        rests: list[Fact] = [
            StepStopped(*where),
            StepEnded(*where, outcome=Value("nobody sees this")),
            StepEnded(*where, outcome=Error(error)),
            AttemptFailed(*where, error=error, retry_at=at),
        ]
        return rests[self.world.draw(len(rests), "rest", action.position)]

    def _begin_attempts(self) -> None:
        for action in self.machine.open.values():
            if isinstance(action, RunStep) and _starts_at(action) <= self.now:
                key = (action.position, action.number)
                if key not in self._running:
                    self._running[key] = Attempt(self.machine.seq, *key)
                    self.performed.append(self._running[key])

    def _is_wanted(self, attempt: Attempt) -> bool:
        action = self.machine.open.get(attempt.position)
        return isinstance(action, RunStep) and action.number == attempt.number


def _starts_at(action: RunStep) -> datetime:
    return action.not_before or action.opened_at


def _position(action: Open) -> Position:
    return () if isinstance(action, End) else action.position
