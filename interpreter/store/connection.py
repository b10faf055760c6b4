"""Connections to the journal's database: how they are opened, and what a server must be.

Owns the settings of a connection and the errors of opening one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection, Pipeline
from psycopg.pq import TransactionStatus

from dataflows.errors import DatabaseUnavailable, DatabaseUnsuitable
from interpreter.store import arrays
from interpreter.store.patience import PatientConnection
from interpreter.store.queries import QUERIES

__all__ = [
    "SETTINGS",
    "begin_session",
    "check_server",
    "configure",
    "configure_async",
    "configure_reader",
    "connect",
    "is_pooled",
    "one_transaction",
    "one_transaction_async",
    "pause_not_long",
]

SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "client_encoding": "utf8",
    "connect_timeout": 10,
    # A half-open connection is noticed within a minute.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 40_000,
}
"""What every connection is opened with. No session state beyond this, so a pooler may stand between."""

_WHOSE = b"SELECT pg_backend_pid()"

_OLDEST_SERVER = 130_000

_LONGEST_PAUSE = "5s"
"""A living client needs a fraction of this between two statements; one that was held up for longer begins anew."""

_BEGIN, _COMMIT = b"BEGIN ISOLATION LEVEL READ COMMITTED", b"COMMIT"


def connect(database: str, purpose: str, patience: float | None = None) -> PatientConnection:
    """An open connection; ``purpose`` shows in the server's list of sessions.

    :param patience: seconds that a server may be silent; default: as long as it likes.
    :raises DatabaseUnavailable: the server does not answer.
    """
    try:
        connection = PatientConnection.connect(database, application_name=f"dataflows {purpose}", **SETTINGS)
        connection.patience = patience
        _configure_or_close(connection)
    except psycopg.ProgrammingError as error:
        advice = "write it like postgresql://user@host:5432/name"
        raise DatabaseUnavailable(f"not a database URL or conninfo: {_in_one_line(error)}; {advice}") from error
    except (psycopg.Error, OSError) as error:  # a pooler has errors of its own; or no file descriptor is left
        raise DatabaseUnavailable(f"cannot connect to the database: {_in_one_line(error)}") from error
    return connection


def _configure_or_close(connection: Connection[Any]) -> None:
    try:
        configure(connection)
    except BaseException:
        connection.close()
        raise


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def configure(connection: Connection[Any]) -> None:
    """Make a connection, from wherever, able to run the queries of this package."""
    arrays.register(connection.adapters)
    _suit(connection, connection.execute(_WHOSE).fetchone())


def configure_reader(connection: Connection[Any]) -> None:
    """The same, for one that the server lets change nothing: each statement is a read-only transaction."""
    configure(connection)
    connection.autocommit = False
    connection.read_only = True


@contextmanager
def one_transaction(connection: Connection[Any]) -> Iterator[Pipeline]:
    """What is executed within is one transaction, or part of the caller's, and goes to the server together.

    Who fetches an answer within waits for a round trip more.

    A pipeline is a transaction by itself, but psycopg cannot tell of an error that comes only with its end.
    """
    if not _is_alone(connection):
        with connection.pipeline() as pipeline:
            yield pipeline
        return
    try:
        with connection.pipeline() as pipeline:
            connection.execute(_BEGIN, prepare=True)
            yield pipeline
            connection.execute(_COMMIT, prepare=True)
    finally:
        if not connection.closed:
            connection.rollback()  # nothing, where it was committed


def pause_not_long(connection: Connection[Any]) -> None:
    """Should the client stop in the middle of the transaction that begins with this, the server ends it after a while.

    Else, where a host is gone and its connection does not tell, the locks stay that keep all others from a takeover.
    """
    connection.execute(QUERIES["pause_not_long"], {"longest": _LONGEST_PAUSE}, prepare=True)


def begin_session(connection: Connection[Any]) -> None:
    """The same once for all transactions of a session; and its times come as UTC, as journals are applied.

    To convert them is a tenth of what it takes to resume a long one. Nothing is set through a pooler, where the session
    is somebody else's the next moment: there each transaction sees to itself.
    """
    if not is_pooled(connection):
        connection.execute(QUERIES["begin_session"], {"longest": _LONGEST_PAUSE})


@asynccontextmanager
async def one_transaction_async(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """The same on asyncio's connections."""
    if not _is_alone(connection):
        async with connection.pipeline():
            yield
        return
    try:
        async with connection.pipeline():
            await connection.execute(_BEGIN)
            yield
            await connection.execute(_COMMIT)
    finally:
        if not connection.closed:
            await connection.rollback()


def _is_alone(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    return connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE


async def configure_async(connection: AsyncConnection[Any]) -> None:
    """The same, in the form that an asynchronous pool asks for."""
    arrays.register(connection.adapters)
    _suit(connection, await (await connection.execute(_WHOSE)).fetchone())


def _suit(connection: Connection[Any] | AsyncConnection[Any], answered_by: tuple[int] | None) -> None:
    """A statement that one session of the server has prepared is not known to the next, behind a pooler."""
    if answered_by != (connection.pgconn.backend_pid,):
        connection.prepare_threshold = None


def is_pooled(connection: Connection[Any] | AsyncConnection[Any]) -> bool:
    """Whether a pooler stands between, such as PgBouncer, so that each transaction may be another session's.

    The number that the client was told for its session is then not the server's. A pooler that leaves a session to
    one client is taken for such a one, too: that costs speed, and nothing else.
    """
    return connection.prepare_threshold is None


def check_server(connection: Connection[Any], writing: bool = True) -> bool:
    """Whether the server has any version of the schema.

    :param writing: whether it is to be written to; a replica can only be read.
    :raises DatabaseUnsuitable: it is no server for a journal; the message says why, and what to do.
    """
    row = connection.execute(QUERIES["look_at_server"]).fetchone()
    assert row is not None
    encoding, read_only, version, has_schema = row
    if version < _OLDEST_SERVER:
        raise DatabaseUnsuitable(f"PostgreSQL 13 or newer is needed; this server is {version // 10_000}")
    if encoding != "UTF8":
        raise DatabaseUnsuitable(
            f"the database's encoding is {encoding}, and a journal needs UTF8: CREATE DATABASE … ENCODING 'UTF8'"
        )
    if read_only == "on" and writing:
        raise DatabaseUnsuitable(
            "the database is read-only: a replica, or default_transaction_read_only is on; name the primary"
        )
    return bool(has_schema)
