"""What a scheduler writes to the database and reads from it: batches, claims, journals, leases.

Owns the translation between the scheduler's words and the named queries. Each function takes
the connection to use, does one thing in one transaction, and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, Cursor

from dataflows.errors import DataflowsError
from interpreter.store.appending import append_one
from interpreter.store.arrays import (
    BigIntArray,
    BoolArray,
    BytesArray,
    IntArray,
    TextArray,
    TimeArray,
    columns,
)
from interpreter.store.connection import one_round_trip
from interpreter.store.queries import QUERIES
from interpreter.store.records import Batch, Claimed, Committed, Line, Message, Written
from interpreter.store.rows import FORMAT, Row

__all__ = [
    "LeaseLost",
    "bury_the_dead",
    "check_lease",
    "claim",
    "commit",
    "find_committed",
    "find_held",
    "find_messages",
    "hand_back",
    "leave",
    "list_held",
    "read_inbox",
    "read_journals",
    "register",
    "renew",
    "unregister",
]


_TAKEN_OVER = "this scheduler's lease was taken over by another"


class LeaseLost(DataflowsError):
    """Another scheduler has taken over what this one held: nothing was written."""


# Writing ----------------------------------------------------------------------------------------


def commit(connection: Connection[Any], scheduler: int, batch: Batch) -> Committed:
    """Write a batch as one transaction, fenced by the scheduler's lease.

    :raises LeaseLost: the scheduler has been taken over; nothing was written.
    :raises psycopg.Error: as the database says; nothing was written, or, if the connection broke, perhaps all.
    """
    if batch.is_one_line:
        return _commit_one(connection, scheduler, batch.lines[0])
    statements = _statements(batch)
    cursors = [connection.cursor(binary=True) for _ in statements]
    if len(statements) == 1:
        _execute(cursors[0], scheduler, *statements[0])
    else:
        with one_round_trip(connection):
            for cursor, statement in zip(cursors, statements, strict=True):
                _execute(cursor, scheduler, *statement)
    answered = zip(statements, cursors, strict=True)
    return _read_commit({name: cursor.fetchall() for (name, _), cursor in answered if cursor.description})


def _commit_one(connection: Connection[Any], scheduler: int, line: Line) -> Committed:
    now = append_one(connection, scheduler, line)
    if now is None:
        raise LeaseLost(_TAKEN_OVER)
    return Committed(now, now, frozenset(), frozenset())


def _execute(cursor: Cursor[Any], scheduler: int, name: str, parameters: dict[str, Any]) -> None:
    cursor.execute(QUERIES[name], {"scheduler": scheduler, **parameters}, prepare=True)


def _read_commit(rows: dict[str, list[Any]]) -> Committed:
    starts = rows.get("start_held", [])
    timed = rows.get("append") or starts or rows.get("look_at_lease")
    if not timed:
        raise LeaseLost(_TAKEN_OVER)
    now, begun_at = timed[0][0], (starts or timed)[0][0]
    started = frozenset(row[1] for row in starts if row[1] is not None)
    return Committed(now, begun_at, frozenset(row[0] for row in rows.get("move", ())), started)


def _statements(batch: Batch) -> list[tuple[str, dict[str, Any]]]:
    """The lock order of ``schema.sql``: the lease, then executions by id, then journal and inbox."""
    made: list[tuple[str, dict[str, Any]]] = []
    if not (batch.starts or batch.lines):
        made.append(("look_at_lease", {}))
    if batch.starts:
        starts = sorted(batch.starts, key=lambda start: start[0])
        made.append(("start_held", {"format": FORMAT, **_columns(_START, starts)}))
    if batch.moves:
        made.append(("move", _columns(_MOVE, sorted(batch.moves, key=lambda move: move[0]))))
    if batch.lines:
        made.append(("append", _columns(_LINE, ((*line[:4], *line.row) for line in batch.lines))))
    if batch.reads:
        made.append(("mark_inbox", _columns(_READ, batch.reads)))
    return made


_LINE: dict[str, type[Any]] = {
    "ids": TextArray,
    "generations": IntArray,
    "seqs": IntArray,
    "floors": TimeArray,
    "kinds": TextArray,
    "positions": TextArray,
    "names": TextArray,
    "branches": TextArray,
    "oks": BoolArray,
    "encodings": TextArray,
    "payloads": BytesArray,
    "moments": TimeArray,
}
_MOVE: dict[str, type[Any]] = {
    "ids": TextArray,
    "statuses": TextArray,
    "dues": TimeArray,
    "inboxes": BigIntArray,
    "progresses": BoolArray,
    "problems": TextArray,
}
_START: dict[str, type[Any]] = {
    "ids": TextArray,
    "workflows": TextArray,
    "versions": IntArray,
    "tags": TextArray,
    "encodings": TextArray,
    "payloads": BytesArray,
}
_READ: dict[str, type[Any]] = {"ids": TextArray, "numbers": BigIntArray, "seqs": IntArray}
_KEY: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "seqs": IntArray}
_AFTER: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "afters": IntArray}
_KNOWN: dict[str, type[Any]] = {"workflows": TextArray, "versions": IntArray}


def _columns(kinds: dict[str, type[Any]], rows: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Rows as the array parameters of a statement, by name."""
    return dict(zip(kinds, columns(rows, *kinds.values()), strict=True))


def check_lease(connection: Connection[Any], scheduler: int) -> None:
    """Wait for what the server may still be busy with for this scheduler, on a connection that was lost.

    :raises LeaseLost: the scheduler has been taken over.
    """
    if connection.execute(QUERIES["wait_for_commits"], {"scheduler": scheduler}).fetchone() is None:
        raise LeaseLost(_TAKEN_OVER)


def find_committed(
    connection: Connection[Any], keys: Iterable[tuple[str, int, int]]
) -> dict[tuple[str, int, int], datetime]:
    """Which entries are in the journal, and with what time: asked after a lost connection.

    :param keys: execution id, generation and seq of each.
    """
    found = connection.execute(QUERIES["which_are_there"], _columns(_KEY, keys), binary=True).fetchall()
    return {(execution_id, generation, seq): at for execution_id, generation, seq, at in found}


def find_held(connection: Connection[Any], scheduler: int, ids: Iterable[str]) -> frozenset[str]:
    """Which of these executions the scheduler holds: asked after a lost connection."""
    parameters = {"scheduler": scheduler, "ids": TextArray(ids)}
    return frozenset(row[0] for row in connection.execute(QUERIES["which_are_held"], parameters))


# Claiming and reading ---------------------------------------------------------------------------


def claim(
    connection: Connection[Any], scheduler: int, known: Sequence[tuple[str, int]], most: int, *, suspects: bool
) -> list[Claimed]:
    """Take up to ``most`` executions that are due, of workflow versions that are ``known`` here, oldest due first.

    :param suspects: whether one that has killed schedulers may be among them.
    """
    parameters = {**_columns(_KNOWN, known), "most": most, "suspects": suspects}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["claim"], {"scheduler": scheduler, "format": FORMAT, **parameters}, prepare=True)
        return [Claimed(*row) for row in cursor.fetchall()]


def read_journals(connection: Connection[Any], wanted: Iterable[tuple[str, int, int]]) -> dict[str, list[Written]]:
    """Execution id → its entries after a seq. A statement later than the claim, so that its snapshot is younger.

    :param wanted: execution id, generation, and the seq after which to read.
    """
    keys = list(wanted)
    journals: dict[str, list[Written]] = {key[0]: [] for key in keys}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["read_journal"], _columns(_AFTER, keys), prepare=True)
        for execution_id, seq, at, *columns_of_row in cursor:
            journals[execution_id].append(Written(seq, at, Row(*columns_of_row)))
    return journals


def read_inbox(connection: Connection[Any], ids: Iterable[str]) -> tuple[list[Message], dict[str, int]]:
    """The messages to these executions that are not journaled yet, in the order in which they were sent.

    Also, for each execution, the number of the last message that was sent to it.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["read_inbox"], {"ids": TextArray(ids)}, prepare=True)
        rows = cursor.fetchall()
    messages = [Message(row[0], *row[2:]) for row in rows if row[2] is not None]
    return messages, {row[0]: row[1] for row in rows}


def list_held(connection: Connection[Any], scheduler: int) -> list[Claimed]:
    """What the scheduler holds by the database's account."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["list_held"], {"scheduler": scheduler})
        return [Claimed(*row) for row in cursor.fetchall()]


def find_messages(connection: Connection[Any], scheduler: int) -> list[str]:
    """Which of the executions that the scheduler holds have messages that are not journaled yet."""
    return [row[0] for row in connection.execute(QUERIES["find_messages"], {"scheduler": scheduler})]


# The lease --------------------------------------------------------------------------------------


def register(connection: Connection[Any], name: str, lease: timedelta) -> tuple[int, datetime]:
    """A new scheduler: its number, and the time."""
    row = connection.execute(QUERIES["register_scheduler"], {"name": name, "lease": lease}).fetchone()
    assert row is not None
    return row[0], row[1]


def renew(connection: Connection[Any], scheduler: int, lease: timedelta) -> tuple[datetime, datetime | None] | None:
    """The heartbeat: the time, and when the next of the others' leases ends. None: this one was taken over."""
    row = connection.execute(QUERIES["renew_scheduler"], {"scheduler": scheduler, "lease": lease}).fetchone()
    return None if row is None else (row[0], row[1])


def bury_the_dead(connection: Connection[Any], scheduler: int, deadly: int) -> list[tuple[str, str]]:
    """Take over from schedulers whose lease has expired; answers what they held, and its new status.

    :param deadly: after so many deaths without progress, an execution is blocked.
    :raises psycopg.errors.LockNotAvailable: somebody keeps a lock on one of these; nothing was done.
    """
    with connection.transaction():
        connection.execute(QUERIES["wait_not_long"], {"longest": "100ms"})  # there is a heartbeat to keep
        dead = [row[0] for row in connection.execute(QUERIES["bury_schedulers"], {"scheduler": scheduler})]
        if not dead:
            return []
        return connection.execute(QUERIES["release_orphans"], {"dead": dead, "deadly": deadly}).fetchall()


def leave(connection: Connection[Any], scheduler: int) -> int:
    """The scheduler goes, in peace: what it holds is claimable at once. Answers how many executions that were.

    :raises psycopg.errors.LockNotAvailable: somebody keeps a lock on one of these; nothing was done.
    """
    with connection.transaction():
        connection.execute(QUERIES["wait_not_long"], {"longest": "2s"})
        unregister(connection, scheduler)  # first: it fences what may still be in flight
        return hand_back(connection, scheduler)


def hand_back(connection: Connection[Any], scheduler: int) -> int:
    """Make everything that the scheduler holds claimable at once; answers how many."""
    return len(connection.execute(QUERIES["hand_back"], {"scheduler": scheduler}).fetchall())


def unregister(connection: Connection[Any], scheduler: int) -> None:
    """The scheduler is gone, in peace."""
    connection.execute(QUERIES["unregister_scheduler"], {"scheduler": scheduler})
