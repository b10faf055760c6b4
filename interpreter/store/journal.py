"""Writing to the journal: a group commit, and what is asked when its answer was lost.

Owns the translation of a batch into statements. Each function takes the connection to use, does
one thing in one transaction, and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection, Cursor, errors

from dataflows.errors import DataflowsError
from interpreter.store.appending import append_one
from interpreter.store.arrays import (
    BigIntArray,
    BoolArray,
    BytesArray,
    IntArray,
    TextArray,
    TimeArray,
    named_columns,
)
from interpreter.store.connection import one_transaction
from interpreter.store.patience import PatientConnection
from interpreter.store.queries import QUERIES
from interpreter.store.records import Batch, Committed, Line, Opening, Start
from interpreter.store.rows import FORMAT

__all__ = [
    "LeaseLost",
    "NotTogether",
    "check_lease",
    "commit",
    "commit_along",
    "find_committed",
    "find_held",
    "find_started",
    "forget_generations",
    "is_session_there",
]


_TAKEN_OVER = "this scheduler's lease was taken over by another"


class LeaseLost(DataflowsError):
    """Another scheduler has taken over what this one held: nothing was written."""


class NotTogether(DataflowsError):
    """The transaction that a batch was to be committed with is not the one that was begun: nothing was written."""


# Writing ----------------------------------------------------------------------------------------


def commit(connection: PatientConnection, scheduler: int, batch: Batch) -> Committed:
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
        with one_transaction(connection):
            for cursor, statement in zip(cursors, statements, strict=True):
                _execute(cursor, scheduler, *statement)
    answered = zip(statements, cursors, strict=True)
    return _read_commit({name: cursor.fetchall() for (name, _), cursor in answered if cursor.description})


def commit_along(connection: Connection[Any], scheduler: int, batch: Batch, mark: str) -> Committed:
    """Commit the transaction that the connection is in, and a batch with it, fenced by the scheduler's lease.

    From the first lock on the lease to the end of the commit the server waits for nothing from here.

    :param mark: the value of ``dataflows.transaction`` in the transaction that was begun.
    :raises LeaseLost: the scheduler has been taken over; nothing was written.
    :raises NotTogether: the transaction is another than that; nothing was written with the batch.
    :raises psycopg.Error: as ``commit``.
    """
    statements = _statements(batch)
    cursors = [connection.cursor(binary=True) for _ in statements]
    last = connection.cursor()
    try:
        with connection.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                _execute(cursor, scheduler, *statement, prepare=False)
            last.execute(QUERIES["hold_together"], {"scheduler": scheduler, "mark": mark}, prepare=False)
            connection.execute(b"COMMIT", prepare=False)
    except errors.DivisionByZero:
        if last.pgresult is not None:  # then what the author has deferred to the commit divides
            raise
        connection.rollback()
        check_lease(connection, scheduler)
        raise NotTogether("the transaction has been ended before") from None
    answered = zip(statements, cursors, strict=True)
    return _read_commit({name: cursor.fetchall() for (name, _), cursor in answered if cursor.description})


def _commit_one(connection: PatientConnection, scheduler: int, line: Line) -> Committed:
    now = append_one(connection, scheduler, line)
    if now is None:
        raise LeaseLost(_TAKEN_OVER)
    return Committed(now, now, frozenset(), frozenset())


def _execute(
    cursor: Cursor[Any], scheduler: int, name: str, parameters: dict[str, Any], *, prepare: bool = True
) -> None:
    cursor.execute(QUERIES[name], {"scheduler": scheduler, **parameters}, prepare=prepare)


def _read_commit(rows: dict[str, list[Any]]) -> Committed:
    starts = rows.get("start_held", [])
    timed = rows.get("append") or starts or rows.get("look_at_lease")
    if not timed:
        raise LeaseLost(_TAKEN_OVER)
    now, begun_at = timed[0][0], (starts or timed)[0][0]
    started = frozenset(row[1] for row in starts if row[1] is not None)
    moved = frozenset(row[0] for row in rows.get("move", ()))
    return Committed(
        now, begun_at, moved, started, tuple(told for row in rows.get("tell_parents", ()) for told in row[0])
    )


def _statements(batch: Batch) -> list[tuple[str, dict[str, Any]]]:
    """The lock order of ``schema.sql``: the lease, then executions by id, then journal and inbox."""
    made: list[tuple[str, dict[str, Any]]] = []
    family = batch.ended or batch.parents
    if family or not (batch.starts or batch.lines):
        made.append(("look_at_lease", {}))
    if family:
        ids = [*batch.parents, *(move.execution_id for move in batch.moves)]
        made.append(("lock_family", {"ids": TextArray(ids), "children": TextArray(batch.ended)}))
    if batch.starts:
        starts = sorted(batch.starts, key=lambda start: start[0])
        columns = ((*start[:6], *(start.parent or _NO_PARENT)) for start in starts)
        made.append(("start_held", {"format": FORMAT, **named_columns(_START, columns)}))
    if batch.moves:
        made.append(("move", named_columns(_MOVE, sorted(batch.moves, key=lambda move: move[0]))))
    if batch.lines:
        made.append(("append", named_columns(_LINE, ((*line[:4], *line.row) for line in batch.lines))))
    if batch.openings:
        made.append(("open_callbacks", named_columns(_OPENING, map(_opening, batch.openings))))
    if batch.renewals:
        made.append(("begin_again", named_columns(_FIRST, ((*line[:3], *line.row) for line in batch.renewals))))
    if batch.reads:
        made.append(("mark_inbox", named_columns(_READ, batch.reads)))
    if batch.turns:
        made.append(("end_tickets", named_columns(_TURN, batch.turns)))
    if batch.ended:
        made.append(("tell_parents", {"children": TextArray(batch.ended)}))
    return made


def _opening(opened: tuple[Line, Opening]) -> tuple[Any, ...]:
    line, (digest, name, question, valid_for) = opened
    lifetime = None if valid_for is None else valid_for // timedelta(microseconds=1)
    return digest, *line[:3], name, question, lifetime


_NO_PARENT = (None, None, None, None)
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
_FIRST = {name: kind for name, kind in _LINE.items() if name != "floors"}
_MOVE: dict[str, type[Any]] = {
    "ids": TextArray,
    "statuses": TextArray,
    "dues": TimeArray,
    "inboxes": BigIntArray,
    "progresses": BoolArray,
    "problems": TextArray,
    "expecteds": TextArray,
    "generations": IntArray,
    "waits": TextArray,
}
_START: dict[str, type[Any]] = {
    "ids": TextArray,
    "workflows": TextArray,
    "versions": IntArray,
    "tags": TextArray,
    "encodings": TextArray,
    "payloads": BytesArray,
    "parents": TextArray,
    "generations": IntArray,
    "positions": TextArray,
    "branches": TextArray,
}
_TURN: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "positions": TextArray, "keeps": BoolArray}
_OPENING: dict[str, type[Any]] = {
    "digests": BytesArray,
    "ids": TextArray,
    "generations": IntArray,
    "seqs": IntArray,
    "names": TextArray,
    "questions": BytesArray,
    "lifetimes": BigIntArray,
}
_READ: dict[str, type[Any]] = {"ids": TextArray, "numbers": BigIntArray, "seqs": IntArray}
_BEGUN: dict[str, type[Any]] = {"ids": TextArray, "payloads": BytesArray}
_KEY: dict[str, type[Any]] = {"ids": TextArray, "generations": IntArray, "seqs": IntArray}


def check_lease(connection: Connection[Any], scheduler: int) -> None:
    """Wait for what the server may still be busy with for this scheduler, on a connection that was lost.

    :raises LeaseLost: the scheduler has been taken over.
    """
    if connection.execute(QUERIES["wait_for_commits"], {"scheduler": scheduler}).fetchone() is None:
        raise LeaseLost(_TAKEN_OVER)


def is_session_there(connection: Connection[Any], process: int, purpose: str) -> bool:
    """Whether the server still works for a connection that is lost here, and may still commit."""
    parameters = {"pid": process, "application": f"dataflows {purpose}"}
    return connection.execute(QUERIES["is_session_there"], parameters).fetchone() is not None


def find_committed(
    connection: Connection[Any], keys: Iterable[tuple[str, int, int]]
) -> dict[tuple[str, int, int], datetime]:
    """Which entries are in the journal, and with what time: asked after a lost connection.

    :param keys: execution id, generation and seq of each.
    """
    found = connection.execute(QUERIES["which_are_there"], named_columns(_KEY, keys), binary=True).fetchall()
    return {(execution_id, generation, seq): at for execution_id, generation, seq, at in found}


def find_held(connection: Connection[Any], scheduler: int, ids: Iterable[str]) -> frozenset[str]:
    """Which of these executions the scheduler holds: asked after a lost connection."""
    parameters = {"scheduler": scheduler, "ids": TextArray(ids)}
    return frozenset(row[0] for row in connection.execute(QUERIES["which_are_held"], parameters))


def find_started(connection: Connection[Any], starts: Iterable[Start]) -> frozenset[str]:
    """Which of these starts were made, and not another of the same id: asked after a lost connection."""
    parameters = named_columns(_BEGUN, [(start.execution_id, start.data) for start in starts])
    return frozenset(row[0] for row in connection.execute(QUERIES["which_were_started"], parameters))


def forget_generations(connection: Connection[Any], execution_id: str, kept: int, most: int) -> int:
    """Delete entries of former generations of an execution, but of the newest ``kept`` of them; answers how many.

    What it has published last under each name stays, since it is still read.

    :param most: delete no more at once.
    """
    parameters = {"id": execution_id, "kept": kept, "most": most}
    return connection.execute(QUERIES["forget_generations"], parameters).rowcount
