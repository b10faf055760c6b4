"""Performs the attempts whose writing commits together with their journal entry: exactly once.

Owns the order of such a commit: what the author's function locks comes first, then the execution's turn, then the
lease and the journal; and what is done where it fails. A conflict is repeated at once, without another attempt being
counted: it is the database's word that nothing has happened and that the same may succeed.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import psycopg
from psycopg import Connection, errors

from dataflows.errors import DatabaseUnavailable, SchedulerStopped, TransactionMisused
from dataflows.outcome import Error, Outcome, Value
from interpreter.codec import Encoded, decode_error
from interpreter.scheduler.held import Held, LiveAttempt
from interpreter.scheduler.lease import Lease
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.proposals import Done, Draft, Proposal, done_of, draft_of
from interpreter.scheduler.turns import Turns
from interpreter.store import journal
from interpreter.store.lending import PURPOSE, Lender, Lending, defined_at
from interpreter.store.records import Committed
from interpreter.store.rows import Row

__all__ = ["Call", "Transactions"]

Call: TypeAlias = Callable[[LiveAttempt, Connection[Any]], Outcome[Any]]
"""Calls an attempt's function with a connection."""

_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected)
_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds, at most, before each repetition; after that many it is a failed attempt like any other."""

_LONGEST_PAUSE = 1.0
_LONGEST_TURN = 5.0
"""Seconds that a transaction waits for its turn: the batch in flight may wait for a lock that it keeps itself."""

_LONGEST_DOUBT = 5.0
"""Seconds that the server is given to find out that a connection is lost."""


class Transactions:
    """Runs functions in transactions.

    :param connect: opens a connection for a purpose.
    :param turns: the committer's.
    :param deliver: called with what each commit came to, before the turn ends.
    :param refuse: called with an execution whose entry the journal does not take, and why.
    :param encode: makes an attempt's journal entry.
    """

    def __init__(
        self,
        connect: Callable[[str], Connection[Any]],
        turns: Turns,
        lease: Lease,
        deliver: Callable[[Done], None],
        refuse: Callable[[Held, str], None],
        encode: Callable[[LiveAttempt, Outcome[Any]], Row],
        monitor: Monitor,
    ) -> None:
        self._connect = connect
        self._turns = turns
        self._lease = lease
        self._deliver = deliver
        self._refuse = refuse
        self._encode = encode
        self._monitor = monitor
        self._lender = Lender(connect)
        self._closed = threading.Event()

    def perform(self, attempt: LiveAttempt, call: Call) -> Error | None:
        """Run it; what is not committed is rolled back.

        :returns: what is to be reported: why it failed. None: nothing; it has been committed, and what that came to
            delivered, or its execution is held no longer.
        """
        pauses = iter(_PAUSES)
        while True:
            failed, is_conflict = self._perform_once(attempt, call)
            pause = next(pauses, None) if is_conflict and not attempt.is_cancelled() else None
            if failed is None or pause is None:
                return failed
            self._monitor.emit("transaction-repeated", execution=attempt.held.id, error=failed.exception)
            if self._closed.wait(pause * random.uniform(0.5, 1)):
                return failed

    def close(self) -> None:
        """Begin no more transactions; those that run are fenced."""
        self._closed.set()
        self._lender.close()

    # One try ------------------------------------------------------------------------------------

    def _perform_once(self, attempt: LiveAttempt, call: Call) -> tuple[Error | None, bool]:
        """What it came to, and whether that is worth repeating at once."""
        lending = self._lend(attempt)
        if lending is None:
            return _not_wanted(), False
        attempt.cancel = lending.interrupt
        try:
            outcome = _not_wanted() if attempt.is_cancelled() else call(attempt, lending.connection)
            failed = self._settle(attempt, lending, outcome) if isinstance(outcome, Value) else outcome
            is_lost = lending.session.closed
        finally:
            self._lender.give_back(lending)
        return failed, failed is not None and _is_worth_repeating(failed.exception, is_lost)

    def _lend(self, attempt: LiveAttempt) -> Lending | None:
        pause = 0.05
        while not (self._closed.is_set() or attempt.is_cancelled()):
            try:
                return self._lender.lend()
            except (DatabaseUnavailable, psycopg.OperationalError) as error:
                self._monitor.emit("database-unreachable", error=error)
                self._closed.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    def _settle(self, attempt: LiveAttempt, lending: Lending, value: Value[Any]) -> Error | None:
        """The function has returned: commit, or say why not."""
        lending.take_back()
        row = self._encode(attempt, value)
        if not row.ok:  # what it returned cannot be stored
            return Error(decode_error(Encoded(row.encoding or "", row.data or b"")))
        try:
            lending.check(attempt.action.command.fn)
            with self._turns.turn(attempt.held, _LONGEST_TURN) as is_ours:
                if not is_ours:
                    return Error(errors.DeadlockDetected("the journal could not be written beside this transaction"))
                return self._settle_in_turn(attempt, lending, row)
        except (TransactionMisused, psycopg.Error) as error:
            return Error(error)

    def _settle_in_turn(self, attempt: LiveAttempt, lending: Lending, row: Row) -> Error | None:
        if attempt.stopping or not attempt.report():
            return _not_wanted()
        try:
            self._commit(attempt.held, lending, row)
        except journal.NotTogether:
            place = defined_at(attempt.action.command.fn)
            error: Exception = TransactionMisused(
                f"{place}: it ended the transaction that was begun for it, and began another; what it wrote in the "
                "first may be committed, and is not in the journal"
            )
        except psycopg.Error as refused:
            error = refused
        else:
            return None
        attempt.withdraw_report()
        return Error(error)

    # The commit ---------------------------------------------------------------------------------

    def _commit(self, held: Held, lending: Lending, row: Row) -> None:
        """Commit and deliver; if the execution is held no longer, do neither."""
        scheduler = self._lease.scheduler
        draft = draft_of([Proposal(held, row)], scheduler)
        if not (scheduler and draft.batch.lines):
            return
        try:
            committed = self._write(lending, draft, scheduler)
        except journal.LeaseLost:
            self._lease.lost(scheduler)
        except SchedulerStopped:
            return  # whoever goes on with it finds out
        except errors.UniqueViolation as error:
            if (error.diag.schema_name, error.diag.table_name) != ("dataflows", "journal"):
                raise
            self._refuse(held, f"the database refused its entries: {error}")
        else:
            done = done_of(draft, scheduler, committed)
            done.now = self._lease.clock.now()  # that of the entry may be long ago, the commit being the author's
            self._deliver(done)

    def _write(self, lending: Lending, draft: Draft, scheduler: int) -> Committed:
        try:
            return journal.commit_along(lending.session, scheduler, draft.batch, lending.mark)
        except psycopg.Error as error:
            if not lending.is_in_doubt(error):
                raise
            self._monitor.emit("commit-repeated", error=error)
            if (committed := self._ask(lending.process, draft, scheduler)) is None:
                raise
            return committed

    def _ask(self, process: int, draft: Draft, scheduler: int) -> Committed | None:
        """A commit whose answer was lost may have happened, whole, or not at all; on a fresh connection one asks."""
        while not self._closed.is_set():
            try:
                with self._connect(PURPOSE) as connection:
                    self._wait_for_end(connection, process)
                    journal.check_lease(connection, scheduler)  # else what is there may be another's
                    lines = [(line.execution_id, line.generation, line.seq) for line in draft.batch.lines]
                    there = journal.find_committed(connection, lines)
                return Committed(at, at, frozenset(), frozenset()) if (at := there.get(lines[0])) else None
            except (DatabaseUnavailable, psycopg.Error) as error:  # whatever it is, it remains to be known
                self._monitor.emit("database-unreachable", error=error)
                self._closed.wait(_LONGEST_PAUSE)
        raise SchedulerStopped("the scheduler closed before it was known whether a transaction was committed")

    def _wait_for_end(self, connection: Connection[Any], process: int) -> None:
        """Until the server works no more for the lost connection; behind a pooler, that process may be another's."""
        deadline = time.monotonic() + _LONGEST_DOUBT
        while journal.is_session_there(connection, process, PURPOSE) and time.monotonic() < deadline:
            self._closed.wait(0.02)


def _is_worth_repeating(error: BaseException, is_lost: bool) -> bool:
    return isinstance(error, _CONFLICTS) or (is_lost and isinstance(error, Exception))


def _not_wanted() -> Error:
    return Error(asyncio.CancelledError())
