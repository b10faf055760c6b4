"""Writes a batch until it is known whether it was written.

Owns the connection that commits go over, and what is done when writing fails: a conflict is
repeated, and a broken connection's successor is asked what the broken one had done. Who writes
when is the committer's; one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import errors

from dataflows.errors import DatabaseUnavailable
from interpreter.machine.status import Status
from interpreter.scheduler.held import Held
from interpreter.scheduler.holdings import Holdings
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Draft
from interpreter.store import journal
from interpreter.store.faults import is_of_the_server, leaves_in_doubt
from interpreter.store.patience import PatientConnection
from interpreter.store.records import Committed

__all__ = ["Writer"]

_LONGEST_PAUSE = 1.0
_DOUBTS = 2
"""How often, after a lost connection, an entry that is there already may turn out to be one's own."""


class Writer:
    """The connection of group commits."""

    def __init__(
        self, connect: Callable[[str], PatientConnection], lease: Lease, holdings: Holdings, monitor: Monitor
    ) -> None:
        self._connect = connect
        self._lease = lease
        self._holdings = holdings
        self._monitor = monitor
        self._connection = connect("committer")
        self._given_up = threading.Event()

    @property
    def is_given_up(self) -> bool:
        """Whether nothing more is to be written."""
        return self._given_up.is_set()

    def give_up(self) -> None:
        """Write nothing more; what is being written may wait for a lock that somebody keeps."""
        self._given_up.set()
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=1.0)

    def close(self) -> None:
        """Nobody writes any more."""
        self._given_up.set()
        self._connection.close()

    def write(self, draft: Draft, scheduler: int) -> Committed:
        """Commit the draft's batch; what turns out to be held no longer is noted in the draft.

        :raises LeaseLost: the scheduler has been taken over.
        :raises Exception: the database does not take the batch.
        """
        pause, doubts = 0.01, 0
        while True:
            try:
                if doubts and (found := self._ask_what_was_done(draft, scheduler)):
                    return found
                committed = journal.commit(self._connection, scheduler, draft.batch)
                if doubts:  # an earlier try may have ended only now, and have left this one nothing to do
                    return self._ask_what_was_done(draft, scheduler) or committed
                doubts = _DOUBTS  # whatever fails from here on, it is written
                if draft.moves:
                    draft.gone = self._find_gone(draft, committed, scheduler)
            except psycopg.Error as error:
                if isinstance(error, errors.ReadOnlySqlTransaction):  # it is a replica now, and the primary elsewhere
                    self._connection.close()
                if not self._is_worth_repeating(error, doubts > 0):
                    raise
                self._monitor.emit("commit-repeated", error=error)
                doubts -= isinstance(error, errors.UniqueViolation)  # it may also be the entry of who terminates
                doubts = _DOUBTS if self._connection.closed or leaves_in_doubt(error) else doubts
            else:
                return committed
            self._given_up.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _find_gone(self, draft: Draft, committed: Committed, scheduler: int) -> list[Held]:
        """What did not move has a new message, as a rule; or it is not held any more, since a person took it away."""
        stayed = [held for held in draft.moves if held.id not in committed.moved]
        still_held = journal.find_held(self._connection, scheduler, [held.id for held in stayed]) if stayed else ()
        return [held for held in stayed if held.id not in still_held]

    def _is_worth_repeating(self, error: psycopg.Error, is_in_doubt: bool) -> bool:
        if self.is_given_up:
            return False
        if isinstance(error, errors.UniqueViolation):  # its own first try, which ended only now
            return is_in_doubt
        return is_of_the_server(error) or self._connection.closed

    def _ask_what_was_done(self, draft: Draft, scheduler: int) -> Committed | None:
        """A commit whose answer was lost may have happened, whole, or not at all; on a fresh connection one asks."""
        if self._connection.closed:
            self._connection = self._reconnect()
        with self._holdings.claiming:
            return self._find_what_was_done(draft, scheduler)

    def _find_what_was_done(self, draft: Draft, scheduler: int) -> Committed | None:
        """What was let go may be held again by now, and what was to be started may have been there before."""
        batch = draft.batch
        journal.check_lease(self._connection, scheduler)  # else what is there may be another's
        lines = [(line.execution_id, line.generation, line.seq) for line in batch.lines]
        begun = [(start.execution_id, 1, 2) for start in batch.starts]
        renewed = [(line.execution_id, line.generation, line.seq) for line in batch.renewals if line.seq == 1]
        there = journal.find_committed(self._connection, [*lines, *begun, *renewed])
        moving = {held.id: held for held, move in draft.moves.items() if move.status is not Status.RUNNING}
        made = journal.find_started(self._connection, batch.starts)
        held_now = journal.find_held(self._connection, scheduler, [*moving, *made])
        moved = {id for id, held in moving.items() if id not in held_now or not self._holdings.has(held)}
        started = held_now & made
        moved |= {key[0] for key in renewed if key in there}
        if not (there.keys() & lines if lines else moved or started):
            return None
        # Only a line whose floor is later carries a later time than the commit.
        now = min((there[key] for key in lines), default=self._lease.clock.now())
        return Committed(
            now, min((there[key] for key in begun if key[0] in started), default=now), frozenset(moved), started
        )

    def _reconnect(self) -> PatientConnection:
        pause = 0.05
        while True:
            try:
                return self._connect("committer")
            except DatabaseUnavailable as error:
                self._monitor.emit("database-unreachable", error=error)
                if self._given_up.wait(pause):
                    raise psycopg.OperationalError("the scheduler has closed") from error
                pause = min(pause * 2, _LONGEST_PAUSE)
