"""The commit of one entry, which a lone execution waits for after every step.

Owns the one statement that goes to libpq directly, in the binary format: through a cursor, the
commit of one row takes the client as long as it takes the server. Larger batches go by ``journal``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors, pq

from interpreter.store.connection import is_pooled
from interpreter.store.patience import PatientConnection
from interpreter.store.queries import QUERIES
from interpreter.store.records import Line

__all__ = ["append_one"]

_NAME = b"dataflows_append_one"
_BIGINT, _INT, _TEXT, _BOOL, _BYTES, _TIME = 20, 23, 25, 16, 17, 1184
_TYPES = (
    *(_BIGINT, _TEXT, _INT, _INT, _TIME),  # scheduler, execution id, generation, seq, floor
    *(_TEXT, _TEXT, _TEXT, _TEXT, _BOOL, _TEXT, _BYTES, _TIME),  # the fields of ``Row``
)
"""PostgreSQL's numbers for the types of the parameters (pg_type.dat)."""

_FORMATS = [pq.Format.BINARY] * len(_TYPES)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT8 = struct.Struct("!q")
_INT4 = struct.Struct("!i")


def append_one(connection: PatientConnection, scheduler: int, line: Line) -> datetime | None:
    """Insert one entry under the scheduler's lease; answers the commit's time, or None if the lease is lost.

    :raises psycopg.Error: as the database says; if the connection broke, it may have been written.
    """
    result = _execute(connection, _values(scheduler, line))
    answer = result.get_value(0, 0) if result.ntuples else None
    return None if answer is None else _EPOCH + timedelta(microseconds=_INT8.unpack(answer)[0])


def _values(scheduler: int, line: Line) -> list[bytes | None]:
    row = line.row
    return [
        _INT8.pack(scheduler),
        line.execution_id.encode(),
        _INT4.pack(line.generation),
        _INT4.pack(line.seq),
        _time(line.floor),
        row.kind.encode(),
        _text(row.position),
        _text(row.name),
        _text(row.branch),
        None if row.ok is None else bytes([row.ok]),
        _text(row.encoding),
        row.data,
        None if row.moment is None else _time(row.moment),
    ]


def _text(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _time(moment: datetime) -> bytes:
    return _INT8.pack((moment - _EPOCH) // _MICROSECOND)


def _execute(connection: PatientConnection, values: Sequence[Any]) -> pq.abc.PGresult:
    if is_pooled(connection):
        connection.pgconn.send_query_params(QUERIES["append_one"], values, _TYPES, _FORMATS, pq.Format.BINARY)
        return _answer(connection)
    if _NAME in connection.prepared:
        try:
            return _execute_prepared(connection, values)
        except errors.InvalidSqlStatementName:
            pass  # whoever shares the connection (psycopg, after an error) has told the server to forget
    _prepare(connection)
    return _execute_prepared(connection, values)


def _execute_prepared(connection: PatientConnection, values: Sequence[Any]) -> pq.abc.PGresult:
    connection.pgconn.send_query_prepared(_NAME, values, _FORMATS, pq.Format.BINARY)
    return _answer(connection)


def _prepare(connection: PatientConnection) -> None:
    connection.pgconn.send_prepare(_NAME, QUERIES["append_one"], _TYPES)
    with suppress(errors.DuplicatePreparedStatement):  # an earlier try's, of which the answer was lost on the way
        _answer(connection)
    connection.prepared.add(_NAME)


def _answer(connection: PatientConnection) -> pq.abc.PGresult:
    results = connection.answers()
    last = results[-1]  # which may be what the commit says of a statement that had gone well
    if last.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return last
    if last.error_field(pq.DiagnosticField.SQLSTATE):
        raise errors.error_from_result(last)  # also of a state that psycopg does not know, such as a trigger's own
    raise psycopg.OperationalError(pq.error_message(last))
