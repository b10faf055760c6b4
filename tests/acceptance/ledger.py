"""Tells how often a step really ran: each run writes a line of its own, by a connection of its own, as its first act.

The journal says what was decided; this ledger says what happened. Owns the table ``runs`` and the lines in it.
"""

from __future__ import annotations

import os
import threading
import time
import uuid

import psycopg
from psycopg import Connection

from dataflows import current_attempt

__all__ = ["LEDGER", "SCHEMA", "open_ledger", "record"]

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
LEDGER = "DATAFLOWS_TEST_LEDGER"
"""The variable that names the database with the ledger."""

_PATIENCE = 60.0
"""Seconds that a step waits for a database that is away."""

_here = threading.local()


class Pen:
    """A thread's connection to the ledger; closed when the thread has ended."""

    def __init__(self) -> None:
        self.ledger = os.environ[LEDGER]
        self._connection = Connection.connect(self.ledger, autocommit=True, application_name="ledger")

    def write(self, line: tuple[object, ...]) -> None:
        self._connection.execute(_INSERT, line)

    def __del__(self) -> None:
        if hasattr(self, "_connection"):
            self._connection.close()


def open_ledger(database: str) -> None:
    """Which database this process writes its lines to."""
    os.environ[LEDGER] = database


def record() -> str:
    """Called within a step: note that it runs. Answers a token that no other run has."""
    began_at = time.time()  # first; the database is on this machine, and has the same clock
    attempt, token = current_attempt(), uuid.uuid4().hex
    line = (token, attempt.execution_id, attempt.position, attempt.name, attempt.number, os.getpid(), began_at)
    while True:
        try:
            _pen().write(line)
        except psycopg.OperationalError:
            _here.pen = None
            if time.time() - began_at > _PATIENCE:
                raise
            time.sleep(0.05)
        else:
            return token


def _pen() -> Pen:
    pen: Pen | None = getattr(_here, "pen", None)
    if pen is None or pen.ledger != os.environ[LEDGER]:
        pen = _here.pen = Pen()
    return pen
