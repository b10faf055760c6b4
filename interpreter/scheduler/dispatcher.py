"""Carries out what a machine asks for: timers go to the heap, facts to the committer, steps to ``attempts``.

Owns the timers, and which action goes where. Everything here runs on the driver's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from dataflows.outcome import Value
from interpreter.machine import (
    Action,
    AwaitChild,
    AwaitSignal,
    BeginStep,
    Close,
    End,
    Ended,
    Fact,
    MarkPatch,
    OpenCallback,
    PatchMarked,
    Position,
    Published,
    PublishValue,
    Renew,
    RunStep,
    SendSignal,
    SetTimer,
    Slept,
    StartChild,
    Status,
    StopChild,
    StopStep,
    WaitTimedOut,
    format_position,
)
from interpreter.scheduler.admissions import Admissions
from interpreter.scheduler.attempts import Attempts
from interpreter.scheduler.callbacks import Callbacks
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.held import Held
from interpreter.scheduler.performer import Performer
from interpreter.scheduler.proposals import Proposal
from interpreter.scheduler.relations import Relations
from interpreter.scheduler.settings import Settings
from interpreter.scheduler.timers import Timers
from interpreter.store.records import Move, Opening, Outside
from interpreter.store.rows import Row, to_row

__all__ = ["Dispatcher"]

_NOT_NOW = timedelta(milliseconds=50)
_AFTER_REFUSAL = timedelta(seconds=1)
"""From when the database has refused to have an execution blocked until it is asked again."""


class Dispatcher:
    """Does what is asked at a position, and fires what is due there.

    :param propose: the committer's door.
    :param block: called with an execution that cannot go on here, and why.
    """

    def __init__(
        self,
        clock: DatabaseClock,
        performer: Performer,
        propose: Callable[[Proposal], None],
        block: Callable[[Held, str], None],
        settings: Settings,
    ) -> None:
        self.stopping = False
        self.relations: Relations  # set before anything is carried out, as are the next: each needs the other
        self.admissions: Admissions
        self._clock = clock
        self._performer = performer
        self._propose = propose
        self._block = block
        self._timers: Timers[tuple[Held, Position]] = Timers(_is_set)
        self.attempts = Attempts(
            *(clock, performer, settings.grace),
            propose=propose,
            place=self.place,
            block=block,
            may_begin=self._may_begin,
            set_timer=self._set_timer,
            unset_timer=self._unset_timer,
        )
        self._callbacks = Callbacks(settings.public_url, self._place_opening, block)
        self._carry_out: dict[type[Any], Callable[[Held, Any], None]] = {
            RunStep: self.attempts.run,
            BeginStep: self.attempts.begin_once,
            StopStep: self.attempts.stop,
            PublishValue: self._publish,
            OpenCallback: self._open_callback,
            MarkPatch: self._mark_patch,
            SetTimer: self.set_due,
            AwaitSignal: self._await_signal,
            StartChild: self._start_child,
            AwaitChild: self._wait,
            StopChild: self._stop_child,
            SendSignal: self._send_signal,
            Close: self._close,
            Renew: self._renew,
            End: self._end,
        }
        self._fire: dict[type[Any], Callable[[Held, Any], None]] = {
            SetTimer: self._slept,
            AwaitSignal: self._timed_out,
            RunStep: self.attempts.retry_or_give_up,
            StopStep: self.attempts.grace_is_over,
        }

    def carry_out(self, held: Held, actions: Iterable[Action]) -> None:
        """What the execution's machine asks for."""
        for action in actions:
            if not held.broken:  # by the action before
                self._carry_out[type(action)](held, action)

    def take_due(self) -> Iterator[tuple[Held, Position]]:
        """Where something is due, and still wanted; it is to be fired."""
        for held, position in self._timers.take_due(self._clock.now()):
            del held.timers[position]
            yield held, position

    def fire(self, held: Held, position: Position) -> None:
        """Do what is due there."""
        action = held.machine.open.get(position)
        if held.problem is not None:
            self._block(held, held.problem)
        elif held.leaving:
            self._set_timer(held, position, self._clock.now() + _NOT_NOW)
        elif held.paused and position not in held.attempts:
            return  # it is set again when the execution goes on
        elif action is not None and type(action) in self._fire:
            self._fire[type(action)](held, action)

    def block_later(self, held: Held, problem: str) -> None:
        """The database does not even take that it is blocked, and would not if it were asked at once."""
        held.problem = problem
        self._set_timer(held, (), self._clock.now() + _AFTER_REFUSAL)

    def seconds_to_next(self) -> float | None:
        """How long until something is due; None: nothing is."""
        return self._timers.seconds_to_next(self._clock.now())

    def discard(self, held: Held) -> None:
        """Nothing of this execution is wanted here any more."""
        for attempt in held.attempts.values():
            self._performer.give_up(attempt)
        held.attempts.clear()
        held.errands.clear()
        self._timers.forget(len(held.timers))
        held.timers.clear()

    # What people ask ----------------------------------------------------------------------------

    def obey(self, held: Held, done: Outside) -> None:
        """It was terminated, paused or resumed from outside. If it is just leaving, one looks again should it stay."""
        if held.leaving:
            return
        if done.terminated:
            self._leave_terminated(held)
        elif done.paused and not held.paused:
            self._pause(held)
        elif held.paused and not done.paused:
            self._resume(held)

    def _leave_terminated(self, held: Held) -> None:
        """It has ended, by an entry that its machine is not shown; all that is left is to let it go."""
        self.discard(held)
        held.leaving = held.broken = True
        self._propose(Proposal(held, move=Move(held.id, Status.CANCELLED, expected=Status.CANCELLED)))

    def _pause(self, held: Held) -> None:
        """Begin nothing further, and withdraw what has not begun; what runs goes on."""
        held.paused = True
        for position, attempt in list(held.attempts.items()):
            has_begun = attempt.action.command.once and attempt.announce is None  # by the journal
            if not has_begun and attempt.discard_if_queued():
                del held.attempts[position]

    def _resume(self, held: Held) -> None:
        """Carry out what was left while it was paused."""
        held.paused = False
        if held.is_outside:
            return
        under_way = {*held.proposed, *map(format_position, (*held.attempts, *held.errands))}
        wanted = list(held.machine.open.items())
        self.carry_out(held, [action for position, action in wanted if format_position(position) not in under_way])

    # What is asked ------------------------------------------------------------------------------

    def set_due(self, held: Held, action: SetTimer | AwaitSignal) -> None:
        """Something happens there when it is due, if it is ever."""
        if action.due is not None:
            self._set_timer(held, action.position, action.due)

    def _await_signal(self, held: Held, action: AwaitSignal) -> None:
        if action.command.key is None:
            self.set_due(held, action)
        elif self._may_begin(held):
            self.relations.await_event(held, action)

    def _start_child(self, held: Held, action: StartChild) -> None:
        if self._may_begin(held) and not _is_proposed(held, action.position):
            self.relations.start_child(held, action)

    def _stop_child(self, held: Held, action: StopChild) -> None:
        if self._may_begin(held):
            self.relations.stop_child(held, action)

    def _send_signal(self, held: Held, action: SendSignal) -> None:
        if self._may_begin(held) and not _is_proposed(held, action.position):
            self.relations.send_signal(held, action)

    def _may_begin(self, held: Held) -> bool:
        return not (self.stopping or held.paused)

    def _wait(self, held: Held, action: AwaitChild) -> None:
        """The child's end comes as a message."""

    def _close(self, held: Held, action: Close) -> None:
        self._unset_timer(held, action.position)
        if action.position in held.subscribed:
            self.relations.forget_event(held, action.position)
        if (attempt := held.attempts.pop(action.position, None)) is not None:  # cancelled before it began
            self._performer.give_up(attempt)
        if action.position in held.tickets:
            self.admissions.drop(held, action.position)

    def _publish(self, held: Held, action: PublishValue) -> None:
        value = Value(action.command.value)
        self._place_once(held, Published(action.position, action.name, action.branch, outcome=value))

    def _open_callback(self, held: Held, action: OpenCallback) -> None:
        if not _is_proposed(held, action.position):
            self._callbacks.open(held, action)

    def _mark_patch(self, held: Held, action: MarkPatch) -> None:
        """Its journal has nothing more to tell. Of several that ask of the same change, the first is for all."""
        if held.machine.asked[action.name][0] == action.position:
            self._place_once(held, PatchMarked(action.position, action.name, action.branch))

    def _renew(self, held: Held, action: Renew) -> None:
        """It begins again when nothing of it is under way, which is seen where executions are let go."""

    def _end(self, held: Held, action: End) -> None:
        row = to_row(Ended(action.status, action.outcome))
        held.leaving, held.result = True, row
        self._propose(Proposal(held, row, move=Move(held.id, Status(row.kind))))

    # What is due --------------------------------------------------------------------------------

    def _set_timer(self, held: Held, position: Position, due: datetime) -> None:
        held.timers[position] = due
        self._timers.set(due, (held, position))

    def _unset_timer(self, held: Held, position: Position) -> None:
        if held.timers.pop(position, None) is not None:
            self._timers.forget(1)

    def _slept(self, held: Held, action: SetTimer) -> None:
        self.place(held, Slept(action.position, action.name, action.branch), action.due)

    def _timed_out(self, held: Held, action: AwaitSignal) -> None:
        is_error = not action.command.has_default
        self.place(held, WaitTimedOut(action.position, action.name, action.branch, is_error), action.due)

    def _place_once(self, held: Held, fact: Published | PatchMarked) -> None:
        if not _is_proposed(held, fact.position):
            self.place(held, fact)

    def _place_opening(self, held: Held, fact: Fact, opening: Opening) -> None:
        self.place(held, fact, opening=opening)

    def place(self, held: Held, fact: Fact, floor: datetime | None = None, *, opening: Opening | None = None) -> None:
        """Propose a fact about a command, with the callback that it opens, if it does."""
        row: Row = to_row(fact)
        held.expect(row)
        self._propose(Proposal(held, row, floor, opening=opening))


def _is_set(item: tuple[Held, Position], due: datetime) -> bool:
    held, position = item
    return held.timers.get(position) == due


def _is_proposed(held: Held, position: Position) -> bool:
    """Whether what came of it is on its way: what is cancelled meanwhile is asked for once more, as cancelled."""
    return format_position(position) in held.proposed
