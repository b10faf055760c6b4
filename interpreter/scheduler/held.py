"""An execution that this scheduler holds, and an attempt at one of its steps.

Owns who may say what an attempt came to: several threads may want to (the step returns, its
time runs out, it is cancelled), and the first one wins.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from dataflows.attempt import Attempt
from dataflows.workflow import Workflow
from interpreter.machine import (
    AwaitSignal,
    Machine,
    Open,
    Position,
    RunStep,
    SetTimer,
    format_position,
    parse_position,
)
from interpreter.store.records import Message
from interpreter.store.rows import Row

if TYPE_CHECKING:
    from interpreter.scheduler.errands import UnderWay

__all__ = ["ATTEMPT_ENDS", "SUSPECT", "Held", "LiveAttempt", "Stage", "Ticket"]

ATTEMPT_ENDS = ("step", "attempt", "stopped")
"""The kinds of journal entries with which an attempt at a step is over."""

SUSPECT = 2
"""From so many deaths of its holders on, it may be what killed them; the query ``claim`` has the same number."""

_MOST_NAMES = 50
"""Of signals that are waited for, which are noted for whoever sends one."""


@dataclass(eq=False, slots=True)
class Ticket:
    """A turn at a limit, waited for or had.

    :ivar limit: its name; "": nobody knows here which.
    :ivar is_turn: it is the turn of who has this.
    :ivar is_kept: it was told to come back, and keeps its place in front.
    :ivar told_to_wait: to be called when a service has said how long.
    """

    limit: str
    is_turn: bool = False
    is_kept: bool = False
    told_to_wait: Callable[[datetime], None] | None = None


class Held:
    """A held execution.

    Only the driver's thread touches it, but for ``seq``, ``last_at`` and ``deaths``, which are the committer's.

    :ivar scheduler: the number under which it was claimed; under another it is lost. 0: it is held no longer.
    :ivar ready: its machine stands where its journal does, or did when it was claimed. It counts as held before that,
        and nothing is done with it.
    :ivar seq: of the last entry that was committed.
    :ivar last_at: no later entry may carry an earlier time.
    :ivar deaths: how many of its holders died since an entry was last journaled.
    :ivar is_suspect: it may be what killed them; until an entry is journaled, no other such is claimed.
    :ivar inbox_seq: number of the last message that is known to have been sent.
    :ivar read: number of the last message that was proposed.
    :ivar attempts: position → the attempt under way there, until what it came to has been applied.
    :ivar timers: position → when something is to happen there.
    :ivar errands: position → the errand under way for what is wanted there, until what comes of it is proposed.
    :ivar tickets: position → the turn at a limit that is waited for, or had, there; (): for the execution itself.
    :ivar subscribed: the positions of the waits that may have a subscription to events.
    :ivar proposed: position → for how many entries there the driver has proposed that are not yet applied.
    :ivar unplaced: how many entries without a position it has proposed so.
    :ivar leaving: it is being suspended, ended or blocked; nothing is proposed until that is known.
    :ivar broken: its machine is of no use any more.
    :ivar paused: nothing further of it is begun here; it is let go when what is under way has come back.
    :ivar result: the row it ended with.
    :ivar problem: why it is to be blocked, where that is still to be written.
    :ivar is_awaited: its end is to be told to its parent.
    """

    __slots__ = (
        "attempts",
        "broken",
        "deaths",
        "deferred",
        "errands",
        "generation",
        "id",
        "inbox_seq",
        "is_awaited",
        "is_suspect",
        "last_at",
        "leaving",
        "machine",
        "paused",
        "problem",
        "proposed",
        "read",
        "ready",
        "result",
        "scheduler",
        "seq",
        "subscribed",
        "tickets",
        "timers",
        "unplaced",
    )

    def __init__(
        self,
        scheduler: int,
        execution_id: str,
        generation: int,
        machine: Machine,
        inbox_seq: int = 0,
        deaths: int = 0,
        *,
        is_awaited: bool = False,
    ) -> None:
        self.scheduler = scheduler
        self.id = execution_id
        self.generation = generation
        self.machine = machine
        self.ready = False
        self.seq = machine.seq
        self.last_at = machine.time
        self.deaths = deaths
        self.is_suspect = deaths >= SUSPECT
        self.is_awaited = is_awaited
        self.inbox_seq = inbox_seq
        self.read = inbox_seq
        self.attempts: dict[Position, LiveAttempt] = {}
        self.timers: dict[Position, datetime] = {}
        self.errands: dict[Position, UnderWay] = {}
        self.tickets: dict[Position, Ticket] = {}
        self.subscribed: set[Position] = set()
        self.proposed: dict[str, int] = {}
        self.unplaced = 0
        self.deferred: tuple[Message, ...] = ()
        self.leaving = False
        self.broken = False
        self.paused = False
        self.result: Row | None = None
        self.problem: str | None = None

    @property
    def workflow(self) -> Workflow[..., Any]:
        return self.machine.workflow

    @property
    def has_ended(self) -> bool:
        """Whether its end is committed, so that nobody comes to hold it again."""
        return self.result is not None and not self.scheduler

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that will come back as an entry."""
        return bool(self.attempts or self.proposed or self.unplaced or self.errands)

    @property
    def due(self) -> datetime | None:
        """When something happens here by itself."""
        wanted = self._not_waiting() if self.tickets else self.machine.open.values()
        return min(filter(None, map(_due, wanted)), default=None)

    @property
    def waits_for(self) -> str | None:
        """The names of the signals that it waits for, as JSON; None: they are too many to be noted."""
        waits = (action.command for action in self.machine.open.values() if isinstance(action, AwaitSignal))
        names = {wait.name for wait in waits if wait.key is None}
        if not names:
            return "[]"
        return json.dumps(sorted(names)) if len(names) <= _MOST_NAMES else None

    @property
    def is_outside(self) -> bool:
        """Whether the execution itself waits for its turn: nothing of it is begun."""
        ticket = self.tickets.get(())
        return ticket is not None and not ticket.is_turn

    def _not_waiting(self) -> list[Open]:
        """What is wanted where no turn is waited for."""
        if self.is_outside:
            return []
        return [action for position, action in self.machine.open.items() if position not in self.tickets]

    def note_subscriptions(self) -> None:
        """Where it waits for events, whoever held it before may have subscribed to them."""
        for position, action in self.machine.open.items():
            if isinstance(action, AwaitSignal) and action.command.key is not None:
                self.subscribed.add(position)

    def expect(self, row: Row) -> None:
        """An entry is proposed, which will come back."""
        if row.position is None:
            self.unplaced += 1
        else:  # a child's start and its end may be under way at once
            self.proposed[row.position] = self.proposed.get(row.position, 0) + 1

    def account_for(self, row: Row) -> None:
        """What was under way has come back, as this entry."""
        if row.position is None:
            self.unplaced -= row.kind in ("begun", "signal", "cancel")
        else:
            if self.proposed:
                self._strike(row.position)
            if row.kind in ATTEMPT_ENDS:
                self.attempts.pop(parse_position(row.position), None)

    def _strike(self, position: str) -> None:
        number = self.proposed.pop(position, 0)
        if number > 1:
            self.proposed[position] = number - 1


def _due(action: Open) -> datetime | None:
    if isinstance(action, SetTimer | AwaitSignal):
        return action.due
    return action.not_before if isinstance(action, RunStep) else None


class Stage(Enum):
    """Where an attempt is in its life."""

    QUEUED = 1
    ANNOUNCED = 2
    """It has room, and that it begins is being journaled."""
    RUNNING = 3
    REPORTED = 4
    """What it came to has been proposed."""
    DISCARDED = 5
    """Nobody wants to know any more what it comes to."""


class LiveAttempt:
    """One attempt under way in this process.

    :ivar stopping: its step was cancelled; it is asked to stop.
    :ivar in_thread: it occupies a thread of the performer's.
    :ivar cancel: asks the code that runs to stop, where there is a way.
    :ivar announce: to be called when it has room and before it runs; None: it may run at once.
    """

    __slots__ = ("_lock", "action", "announce", "cancel", "held", "in_thread", "stage", "stopping")

    def __init__(self, held: Held, action: RunStep, announce: Callable[[], None] | None = None) -> None:
        self.held = held
        self.action = action
        self.announce = announce
        self.stage = Stage.QUEUED
        self.stopping = False
        self.in_thread = False
        self.cancel: Callable[[], object] | None = None
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """It starts to run, unless nobody wants it any more."""
        return self._move(Stage.QUEUED, Stage.RUNNING)

    def report(self) -> bool:
        """The caller may say what it came to, unless another has."""
        return self._move(Stage.RUNNING, Stage.REPORTED)

    def withdraw_report(self) -> None:
        """The caller, who was to say what it came to, takes that back."""
        self._move(Stage.REPORTED, Stage.RUNNING)

    def discard(self) -> Stage:
        """Nobody wants to know any more; answers the stage before, which tells whether something runs."""
        with self._lock:
            before = self.stage
            if before is not Stage.REPORTED:
                self.stage = Stage.DISCARDED
            return before

    def be_announced(self) -> bool:
        """It has room, unless nobody wants it any more; and waits until it may run."""
        return self._move(Stage.QUEUED, Stage.ANNOUNCED)

    def proceed(self) -> bool:
        """It may run, unless nobody wants it any more."""
        self.announce = None
        return self._move(Stage.ANNOUNCED, Stage.QUEUED)

    def discard_if_announced(self) -> bool:
        """Nobody wants it any more, and it has room but may not run yet; False if that is not so."""
        return self._move(Stage.ANNOUNCED, Stage.DISCARDED)

    def discard_if_queued(self) -> bool:
        """Nobody wants it any more, and it has not begun; False if it has."""
        return self._move(Stage.QUEUED, Stage.DISCARDED)

    def _move(self, expected: Stage, to: Stage) -> bool:
        with self._lock:
            if self.stage is not expected:
                return False
            self.stage = to
            return True

    def is_cancelled(self) -> bool:
        """What ``cancelled()`` answers in the step."""
        return self.stopping or self.stage is Stage.DISCARDED

    def as_seen_by_step(self) -> Attempt:
        """What ``current_attempt()`` answers in the step."""
        position = format_position(self.action.position)
        key = f"{self.held.id}/{self.held.generation}/{position}"
        return Attempt(self.held.id, position, self.action.name, self.action.number, key, self.is_cancelled)
