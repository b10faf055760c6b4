"""Tells how often a step really ran: each run writes a line of its own, by a connection of its own, as its first act.

The journal says what was decided; this ledger says what happened. Owns the table ``runs`` and the lines in it.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from typing import Any

import psycopg
from psycopg import Connection

from dataflows import current_attempt

__all__ = ["SCHEMA", "open_ledger", "record"]

SCHEMA = """
CREATE TABLE runs (
    token        text PRIMARY KEY,
    execution_id text COLLATE "C" NOT NULL,
    position     text COLLATE "C" NOT NULL,
    step         text NOT NULL,
    attempt      integer NOT NULL,
    process      integer NOT NULL,
    began_at     timestamptz NOT NULL
);
CREATE INDEX ON runs (execution_id, position);
GRANT ALL ON runs TO public;
"""

_INSERT = "INSERT INTO runs VALUES (%s, %s, %s, %s, %s, %s, to_timestamp(%s)) ON CONFLICT DO NOTHING"
_PATIENCE = 60.0
"""Seconds that a step waits for a database that is away."""

_here = threading.local()
_ledger = ""


def open_ledger(database: str) -> None:
    """Which database this process writes its lines to."""
    global _ledger
    _ledger = database
    _here.__dict__.clear()


def record() -> str:
    """Called within a step: note that it runs. Answers a token that no other run has."""
    attempt, token = current_attempt(), uuid.uuid4().hex
    began_at = time.time()  # the database is on this machine, and has the same clock
    line = (token, attempt.execution_id, attempt.position, attempt.name, attempt.number, os.getpid(), began_at)
    while True:
        try:
            _connection().execute(_INSERT, line)
        except psycopg.OperationalError:
            _here.connection = None
            if time.time() - began_at > _PATIENCE:
                raise
            time.sleep(0.05)
        else:
            return token


def _connection() -> Connection[Any]:
    known: tuple[str, Connection[Any]] | None = getattr(_here, "connection", None)
    if known is None or known[0] != _ledger:
        known = _here.connection = (_ledger, Connection.connect(_ledger, autocommit=True, application_name="ledger"))
    return known[1]
