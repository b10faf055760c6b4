"""Carries out steps: their attempts begin, are waited for, stopped, given up, and tried again.

Owns what an attempt goes through between what a machine asks and what the performer reports. Everything here runs on
the driver's thread. Timers, and what is no step, are the dispatcher's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dataflows.duration import to_text
from dataflows.errors import StepInterrupted, StepTimeout
from dataflows.outcome import Error
from dataflows.retry import Retry
from interpreter.machine import (
    BeginStep,
    Fact,
    Position,
    RunStep,
    StepBegun,
    StepEnded,
    StepStopped,
    StopStep,
    after_failure,
    format_position,
)
from interpreter.scheduler.admissions import Admissions
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.held import Held, LiveAttempt
from interpreter.scheduler.performer import Performer
from interpreter.scheduler.proposals import Proposal
from interpreter.store.rows import to_row

__all__ = ["Attempts"]

_A_MOMENT = timedelta(milliseconds=50)


class Attempts:
    """Those of the executions that are held.

    :param propose: the committer's door.
    :param place: proposes a fact.
    :param block: called with an execution that cannot go on here, and why.
    :param may_begin: whether anything further of an execution may begin here.
    :param set_timer: has a position fired then.
    :param unset_timer: has it not.
    :param grace: how long a cancelled step may go on running before its workflow does.
    """

    def __init__(
        self,
        clock: DatabaseClock,
        performer: Performer,
        grace: timedelta,
        *,
        propose: Callable[[Proposal], None],
        place: Callable[[Held, Fact], None],
        block: Callable[[Held, str], None],
        may_begin: Callable[[Held], bool],
        set_timer: Callable[[Held, Position, datetime], None],
        unset_timer: Callable[[Held, Position], None],
    ) -> None:
        self.admissions: Admissions  # set before anything is carried out: each needs the other
        self._clock = clock
        self._performer = performer
        self._grace = grace
        self._propose = propose
        self._place = place
        self._block = block
        self._may_begin = may_begin
        self._set_timer = set_timer
        self._unset_timer = unset_timer

    def limit(self, attempt: LiveAttempt) -> None:
        """An attempt with a time limit has begun to run."""
        held, position, timeout = attempt.held, attempt.action.position, attempt.action.command.timeout
        if timeout is not None and held.attempts.get(position) is attempt:
            self._set_timer(held, position, self._clock.now() + timeout)

    def withdraw(self, held: Held) -> None:
        """What it has under way here is not wanted any more, but for what has been proposed already, which comes."""
        for position, attempt in list(held.attempts.items()):
            if self._performer.give_up(attempt):
                del held.attempts[position]

    def run(self, held: Held, action: RunStep) -> None:
        """Make an attempt, as soon as its back-off is over, and it is its turn."""
        self._unset_timer(held, action.position)
        if action.not_before is not None and action.not_before > self._clock.now():
            self._set_timer(held, action.position, action.not_before)
        else:
            self._submit(held, action)

    def _submit(self, held: Held, action: RunStep) -> None:
        if action.command.once:
            self._go_on(held, action)
        elif self._may_begin(held) and self._can_run(held, action):
            if action.command.limit is None:
                self._begin_attempt(held, action)
            else:
                self.admissions.ask(held, action)

    def begin(self, held: Held, action: RunStep | BeginStep) -> None:
        """Begin a step whose turn it is."""
        if self._may_begin(held):
            if isinstance(action, RunStep):
                self._begin_attempt(held, action)
            else:
                self._announce(held, action)

    def _begin_attempt(self, held: Held, action: RunStep) -> None:
        attempt = held.attempts[action.position] = LiveAttempt(held, action)
        self._performer.submit(attempt)

    def _can_run(self, held: Held, action: RunStep | BeginStep) -> bool:
        problem = self._performer.cannot_run(action.command)
        if problem is not None:
            self._block(held, f"step {action.name!r} at {format_position(action.position)}: {problem}")
        return problem is None

    def begin_once(self, held: Held, action: BeginStep) -> None:
        """It waits for room, then its start is journaled, then it runs: what waits has not begun."""
        if not (self._may_begin(held) and self._can_run(held, action)):
            return
        if action.command.limit is None:
            self._announce(held, action)
        else:
            self.admissions.ask(held, action)

    def _announce(self, held: Held, action: BeginStep) -> None:
        proposal = Proposal(held, to_row(StepBegun(action.position, action.name, action.branch)))
        run = _as_it_will_run(action, self._clock.now())
        attempt = held.attempts[action.position] = LiveAttempt(held, run, lambda: self._propose(proposal))
        self._performer.submit(attempt)

    def _go_on(self, held: Held, action: RunStep) -> None:
        """A step that is to run once has begun, by the journal: here, or where it was lost."""
        attempt = held.attempts.get(action.position)
        if attempt is None:
            self._interrupted(held, action)
        else:
            attempt.action = action
            self._performer.proceed(attempt)

    def _interrupted(self, held: Held, action: RunStep) -> None:
        error = StepInterrupted(
            f"step {action.name!r} had begun when its scheduler was lost, and may have happened; "
            "since it is to run once it is not run again: look before you go on"
        )
        self.admissions.never_mind(held, action.position)
        self._place(held, StepEnded(action.position, action.name, action.branch, outcome=Error(error)))

    def stop(self, held: Held, action: StopStep) -> None:
        """Stop a step that was cancelled."""
        self._unset_timer(held, action.position)
        attempt = held.attempts.get(action.position)
        if attempt is None:
            self.admissions.never_mind(held, action.position)
        if attempt is None or self._performer.stop(attempt):
            self._stopped(held, action)
        else:
            self._set_timer(held, action.position, self._clock.now() + self._grace)

    def retry_or_give_up(self, held: Held, action: RunStep) -> None:
        """The back-off is over, or an attempt's time."""
        attempt = held.attempts.get(action.position)
        if attempt is None:
            self._submit(held, action)
        elif self._performer.give_up(attempt):
            limit, number = action.command.timeout, action.number
            assert limit is not None
            late = StepTimeout(f"step {action.name!r}: attempt {number} did not end within {to_text(limit)}")
            self._place(held, after_failure(action, late, self._clock.now()))
        else:  # it has just reported, and may take that back: its commit may fail
            self._set_timer(held, action.position, self._clock.now() + _A_MOMENT)

    def grace_is_over(self, held: Held, action: StopStep) -> None:
        """It was cancelled, and has not ended by itself."""
        attempt = held.attempts.get(action.position)
        if attempt is None:
            return
        if self._performer.give_up(attempt):
            self._stopped(held, action)
        else:  # as above
            self._set_timer(held, action.position, self._clock.now() + _A_MOMENT)

    def _stopped(self, held: Held, action: StopStep) -> None:
        self._place(held, StepStopped(action.position, action.name, action.branch))


def _as_it_will_run(action: BeginStep, now: datetime) -> RunStep:
    place = (action.position, action.name, action.branch)
    return RunStep(*place, 1, 0, now, None, "", command=action.command, retry=Retry(attempts=1))
