"""An in-memory driver: a machine, a journal, and a clock that jumps to whatever happens next.

What it plays is a pure function of what is open and of a seed, and the driver's own
state is one of the journal. So after a crash the same things happen at the same times, and a
run with crashes can be compared with one without, entry by entry.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from dataflows.errors import ExecutionCancelled, StepInterrupted
from dataflows.outcome import Error, Outcome
from dataflows.workflow import Workflow
from interpreter.machine import (
    Begun,
    CancelRequested,
    Ended,
    Entry,
    Fact,
    Machine,
    Open,
    Position,
    Renewed,
    RunStep,
    SignalReceived,
    Started,
    Status,
    StepEnded,
    Terminated,
)
from tests.machine.by_hand import START, seconds_after_start
from tests.machine.happenings import facts, starts_at, when
from tests.machine.plain import plain_open
from tests.machine.world import Signal, World, from_table

__all__ = ["Memory", "Signal", "World", "from_table"]

MOST_COMMITS = 5_000
"""More than any program here needs; a run that is longer never ends."""


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
        while proposed := self._happening_next():
            self._commit(proposed)
            assert len(self.commits) < MOST_COMMITS, "it never ends"
            if len(self.journal) in crash_after:
                self.lost += self._running.values()
                self._running.clear()
                self.rebuild()
            elif len(self.journal) in evict_after:
                self.rebuild()
        return self.machine.outcome

    @property
    def has_ended(self) -> bool:
        """Whether its end is journaled, of whatever kind."""
        return self.machine.outcome is not None and not self.machine.open

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

    def _commit(self, proposed: Sequence[Fact]) -> None:
        """All of them were proposed while the same actions were open."""
        first = len(self.journal) + 1
        self.journal += [Entry(seq, self.now, fact) for seq, fact in enumerate(proposed, first)]
        self.commits.append(len(self.journal))
        for entry in self.journal[first - 1 :]:
            self._apply(copy.deepcopy(entry))
            self.opened.append(plain_open(self.machine))
        self._running = {key: attempt for key, attempt in self._running.items() if self._is_wanted(attempt)}

    def _apply(self, entry: Entry) -> None:
        self.machine.apply(entry)
        for action in self.machine.actions():
            self._since[action.position] = entry.at

    def _happening_next(self) -> list[Fact]:
        """The next commit: some of what happens at the next moment at which anything happens."""
        happenings = sorted(self._happenings(), key=lambda happening: happening[:2])
        if not happenings:
            return []
        self.now = happenings[0].at
        self._begin_attempts()
        size = 1 + self.world.draw(self.world.most_together, "size", len(self.journal))
        proposed = [happening.fact for happening in happenings if happening.at == self.now][:size]
        ends = [number for number, fact in enumerate(proposed, 1) if isinstance(fact, Ended | Renewed)]
        return proposed[: ends[0]] if ends else proposed

    def _happenings(self) -> Iterator[Happening]:
        if self.has_ended:
            return
        for action in self.machine.open.values():
            if (at := when(self.world, action, self._since[action.position])) is not None:
                at = max(at, self.now)
                order = self.world.draw(1 << 30, action.position, getattr(action, "number", 0))
                for fact in self._facts(action, at):
                    yield Happening(at, order, fact)
        yield from self._arriving()

    def _facts(self, action: Open, at: datetime) -> list[Fact]:
        if isinstance(action, RunStep) and action.command.once and self._was_lost(action):
            outcome = Error(StepInterrupted("it may have happened"))
            return [StepEnded(action.position, action.name, action.branch, outcome=outcome)]
        return facts(self.world, action, at)

    def _arriving(self) -> Iterator[Happening]:
        """The next signal, the cancellation, and the termination."""
        received = sum(isinstance(entry.fact, SignalReceived) for entry in self.journal)
        for signal in self.world.signals[received : received + 1]:
            sent_at = seconds_after_start(signal.after)
            fact = SignalReceived(signal.name, signal.payload, sent_at, signal.key)
            yield Happening(max(sent_at, self.now), self.world.draw(1 << 30, "signal", received), fact)
        yield from self._once(CancelRequested(), self.world.cancel_after)
        yield from self._once(
            Terminated(Status.CANCELLED, ExecutionCancelled("terminated")), self.world.terminate_after
        )

    def _once(self, fact: Fact, after: float | None) -> Iterator[Happening]:
        if after is not None and not any(type(entry.fact) is type(fact) for entry in self.journal):
            at = max(seconds_after_start(after), self.now)
            yield Happening(at, self.world.draw(1 << 30, type(fact).__name__), fact)

    def _begin_attempts(self) -> None:
        for action in self.machine.open.values():
            if isinstance(action, RunStep) and starts_at(action) <= self.now:
                key = (action.position, action.number)
                if key not in self._running and not (action.command.once and self._was_lost(action)):
                    self._running[key] = Attempt(self.machine.seq, *key)
                    self.performed.append(self._running[key])

    def _was_lost(self, action: RunStep) -> bool:
        return any(attempt.position == action.position for attempt in self.lost)

    def _is_wanted(self, attempt: Attempt) -> bool:
        action = self.machine.open.get(attempt.position)
        return isinstance(action, RunStep) and action.number == attempt.number
