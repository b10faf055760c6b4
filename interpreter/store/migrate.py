"""Brings a database's schema to the version that this code knows.

Version 1 is ``schema.sql``; ``migrations/NNNN_what.sql`` brings version N-1 to N. All of it
runs in one transaction under one lock, so several processes may migrate at once and none is
ever seen half done.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from psycopg import Connection, errors

from dataflows.errors import DatabaseUnsuitable
from interpreter.store.connection import check_server

__all__ = ["NEWEST", "check_is_current", "migrate", "scripts"]

_LOCK = 0x64617461666C6F77  # "dataflow": any process that migrates takes it


def scripts() -> dict[int, str]:
    """Version → the SQL that leads to it from the version before."""
    store = files("interpreter.store")
    folder = store.joinpath("migrations")
    steps = sorted(folder.iterdir(), key=lambda step: step.name) if folder.is_dir() else []
    texts = [store.joinpath("schema.sql"), *(step for step in steps if step.name.endswith(".sql"))]
    return {version: text.read_text("utf-8") for version, text in enumerate(texts, 1)}


NEWEST = max(scripts())
"""The schema version that this code reads and writes."""


def migrate(connection: Connection[Any]) -> tuple[int, int]:
    """Apply what is missing; answers the version before (0: none) and after.

    :raises DatabaseUnsuitable: the schema is newer than this code, or the server is no place for a journal.
    """
    check_server(connection)
    try:
        with connection.transaction():
            # Each statement is to see what the process before committed while this one waited for the lock.
            connection.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            return _apply_what_is_missing(connection)
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnsuitable(
            f"this role may not bring the schema up to date, or use it: {error}. GRANT it CREATE on the database, "
            "or run `dataflows migrate` as a role that has it and GRANT this one USAGE of the schema and its tables"
        ) from error


def check_is_current(connection: Connection[Any]) -> None:
    """Look whether this code can read what is there, and change nothing.

    :raises DatabaseUnsuitable: there is no schema, or another version of it.
    """
    if not check_server(connection, writing=False):
        raise DatabaseUnsuitable("there is no journal here yet: name another database, or run `dataflows migrate`")
    version = _newest_applied(connection)
    if version != NEWEST:
        raise DatabaseUnsuitable(
            f"the database's schema is version {version}, and this code reads version {NEWEST}: "
            + ("run `dataflows migrate` first" if version < NEWEST else "use the newer release that migrated it")
        )


def _apply_what_is_missing(connection: Connection[Any]) -> tuple[int, int]:
    before = _version(connection)
    if before > NEWEST:
        raise DatabaseUnsuitable(
            f"the database's schema is version {before}, and this code knows up to {NEWEST}: "
            "run the newer release of dataflows-engine that migrated it"
        )
    for version, text in scripts().items():
        if version > before:
            connection.execute(text.encode())
    if before < NEWEST:
        connection.execute("INSERT INTO dataflows.schema_version (version) VALUES (%s)", [NEWEST])
    return before, NEWEST


def _version(connection: Connection[Any]) -> int:
    if not check_server(connection):
        connection.execute("CREATE SCHEMA IF NOT EXISTS dataflows")
        connection.execute(
            "CREATE TABLE dataflows.schema_version "
            "(version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
        )
    return _newest_applied(connection)


def _newest_applied(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT coalesce(max(version), 0) FROM dataflows.schema_version").fetchone()
    assert row is not None
    return int(row[0])
