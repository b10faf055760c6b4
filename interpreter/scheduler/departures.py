"""How executions are let go: suspended, ended, blocked, begun again, given back, or lost.

Owns when one is, and what is written with it. Everything here runs on whatever thread drives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from dataflows.errors import CannotStore
from dataflows.outcome import Error
from interpreter.codec import Encoded, describe, is_error
from interpreter.machine import CancelRequested, Ended, Renew, Renewed, Started, Status, Terminated
from interpreter.scheduler.applier import Applier
from interpreter.scheduler.cache import Cache
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.dispatcher import Dispatcher
from interpreter.scheduler.held import Held
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Proposal
from interpreter.store.identifiers import new_seed
from interpreter.store.records import Move
from interpreter.store.rows import Row, storable_text, to_row

__all__ = ["Departures"]

_WORTH_KEEPING = timedelta(seconds=1)
"""What is due within this time is not worth letting go and claiming again."""


class Departures:
    """Lets executions go.

    :param propose: the committer's door.
    :param let_go: told the due time of an execution that is suspended, and None when there is room for another.
    :param ended: told an execution's status, with its result row when it ends and its problem when it is blocked.
    :param begun_again: told an execution, and how many generations it has had, when it begins another.
    """

    def __init__(
        self,
        held: Holdings,
        applier: Applier,
        dispatcher: Dispatcher,
        cache: Cache,
        clock: DatabaseClock,
        monitor: Monitor,
        *,
        propose: Callable[[Proposal], None],
        let_go: Callable[[datetime | None], None],
        ended: Callable[[str, Status, Row | str], None],
        begun_again: Callable[[str, int], None],
    ) -> None:
        self._held = held
        self._applier = applier
        self._dispatcher = dispatcher
        self._cache = cache
        self._clock = clock
        self._monitor = monitor
        self._propose = propose
        self._let_go = let_go
        self._ended = ended
        self._begun_again = begun_again

    # What is proposed ---------------------------------------------------------------------------

    def rest(self, held: Held) -> None:
        """Let the execution go, if for the next while it only waits; or begin it again, if that is what it wants."""
        if held.leaving or held.is_busy or self._dispatcher.stopping:
            return
        due, now = held.due, self._clock.now()
        if held.paused:  # what is left, and what comes meanwhile, is found when it is resumed
            due = now
        elif isinstance(renew := held.machine.open.get(()), Renew):
            self._renew(held, renew)
            return
        elif due is not None and due <= now + _WORTH_KEEPING:
            return
        held.leaving = True
        inbox_seq = None if held.paused else held.inbox_seq
        move = Move(held.id, Status.SUSPENDED, due, inbox_seq, waits_for=held.waits_for)
        self._propose(Proposal(held, move=move))

    def block(self, held: Held, problem: str) -> None:
        """The execution cannot go on until a person has looked at it."""
        self._dispatcher.discard(held)
        held.leaving = held.broken = True
        self._propose(Proposal(held, move=Move(held.id, Status.BLOCKED, problem=storable_text(problem))))

    def give_back(self, held: Held) -> None:
        """Its machine is of no use: it is to be claimed again, with a fresh one."""
        held.leaving = held.broken = True
        self._propose(Proposal(held, move=Move(held.id, Status.SUSPENDED, self._clock.now())))

    def end(self, held: Held, row: Row) -> None:
        """It has ended, by this entry of its journal."""
        held.leaving, held.result = True, row
        status = Status(row.name or "") if row.kind == "terminated" else Status(row.kind)
        self._propose(Proposal(held, move=Move(held.id, status)))

    def end_too_long(self, held: Held, problem: Exception) -> None:
        """End it where it stands, once nothing of it is under way any more: that is the last entry there can be."""
        held.leaving = True
        self._dispatcher.attempts.withdraw(held)
        if not held.is_busy and held.result is None:
            held.result = to_row(Terminated(Status.FAILED, problem))
            self._propose(Proposal(held, held.result, move=Move(held.id, Status.FAILED)))

    def _renew(self, held: Held, renew: Renew) -> None:
        """The end of this generation of its journal, and the beginning of the next, in one commit."""
        held.leaving = True
        try:
            first = _first_rows(renew)
        except CannotStore as error:
            held.result = to_row(Ended(Status.FAILED, Error(error)))
            self._propose(Proposal(held, held.result, move=Move(held.id, Status.FAILED)))
        else:
            move = Move(held.id, Status.RUNNING, generation=held.generation + 1)
            self._propose(Proposal(held, to_row(Renewed()), move=move, renewal=first))

    # What has come to pass ----------------------------------------------------------------------

    def say_goodbye(self, held: Held, move: Move) -> None:
        """It has been let go."""
        if held.tickets:
            self._dispatcher.admissions.leave(held, move.status)
        self._drop(held)
        if move.status is Status.SUSPENDED and not held.broken:
            self._cache.keep(held.id, held.generation, held.machine)
            self._let_go(self._clock.now() if held.deferred else move.due_at)  # a message came just then
            return
        self._applier.abandon(held.id, held.machine)
        self._let_go(move.due_at)
        if move.problem is not None:
            self._monitor.emit("blocked", execution=held.id, workflow=held.workflow.name, problem=move.problem)
        if move.status is not Status.SUSPENDED:
            told = move.problem or held.result or ""
            self._monitor.emit("execution-ended", execution=held.id, status=move.status, **_reason_of(told))
            self._ended(held.id, move.status, told)

    def renewed(self, former: Held) -> None:
        """Its generation is over; in its place the next one is held."""
        self._drop(former)
        self._applier.abandon(former.id, former.machine)
        self._monitor.emit("continued-as-new", execution=former.id, generation=former.generation + 1)
        self._begun_again(former.id, former.generation)

    def drop_all(self, lost: Iterable[Held]) -> None:
        """These are held no longer."""
        for held in lost:
            self._drop(held)
            self._applier.abandon(held.id, held.machine)

    def _drop(self, held: Held) -> None:
        self._held.remove(held)
        self._dispatcher.discard(held)


def _reason_of(told: Row | str) -> dict[str, str]:
    """Why an execution has failed, as a detail of what is told of its end: short, and without running its code."""
    if isinstance(told, str) or told.encoding is None or told.data is None:
        return {}
    stored = Encoded(told.encoding, told.data)
    return {"reason": describe(stored)} if is_error(stored) else {}


def _first_rows(renew: Renew) -> list[Row]:
    """With what a fresh journal begins.

    :raises CannotStore: an argument cannot be stored.
    """
    started = to_row(Started(renew.args, {}, new_seed()))
    cancel = [to_row(CancelRequested())] if renew.cancel_requested else []
    return [started, Row("begun"), *map(to_row, renew.signals), *cancel]
