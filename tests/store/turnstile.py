"""Limits by hand: executions that ask for turns, and a database whose clock stands still until it is put forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from dataflows.limits import Limit
from interpreter.store import limits
from interpreter.store.limits import Place, Round, Turns

__all__ = ["BEGINNING", "LIMIT", "Turnstile", "alone", "standing_clock"]

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)
LIMIT = "clickup"

_CLOCK = """
CREATE SCHEMA standing;
CREATE FUNCTION standing.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('standing.now')::timestamptz $$;
CREATE FUNCTION standing.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS $$ SELECT current_setting('standing.now')::timestamptz $$
"""
_HELD = """
INSERT INTO dataflows.executions (id, workflow, version, status, scheduler, format, created_at)
VALUES (%s, 'w', 1, 'running', %s, 1, pg_catalog.now()) ON CONFLICT (id) DO UPDATE
SET status = 'running', scheduler = EXCLUDED.scheduler, due_at = NULL
"""


def standing_clock(connection: Connection[Any]) -> None:
    """On this connection the database's clock stands still from now on, at the beginning."""
    connection.execute(_CLOCK.encode())
    connection.execute("SET search_path = standing, pg_catalog")


def alone(execution_id: str) -> Place:
    """The first step of an execution."""
    return Place(execution_id, 1, "0")


class Turnstile:
    """A limit, and a scheduler that asks for turns of it.

    :ivar now: the database's time.
    """

    def __init__(self, connection: Connection[Any], limit: Limit, scheduler: int = 7) -> None:
        self.connection = connection
        self.scheduler = scheduler
        self.limit = limit
        self.now = BEGINNING
        connection.execute("TRUNCATE dataflows.executions, dataflows.limits, dataflows.tickets, dataflows.uses")
        self.wait(0)
        limits.know_limits(connection, {LIMIT: limit})

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)
        self.connection.execute("SELECT set_config('standing.now', %s, false)", [str(self.now)])

    def hold(self, *ids: str) -> None:
        """These executions are held by the scheduler."""
        for id in ids:
            self.connection.execute(_HELD.encode(), [id, self.scheduler])

    def play(self, **round: Any) -> Turns:
        """One round."""
        return limits.play(self.connection, self.scheduler, Round(**{"looked_at": {LIMIT}, **round}))

    def ask(self, *ids: str) -> list[str]:
        """These want a turn at their first step; answers whose turn it is, in the order in which they asked."""
        self.hold(*ids)
        turns = self.play(asked=[(LIMIT, alone(id)) for id in ids])
        assert turns.answers.keys() == {alone(id) for id in ids}
        return [id for id in ids if turns.answers[alone(id)]]

    def prove(self) -> None:
        """Somebody has come back, and was not told to wait."""
        self.play(proven={LIMIT})

    def end(self, *ids: str) -> None:
        """Their turns are over."""
        self.play(dropped=[alone(id) for id in ids])

    def let_go(self, *ids: str) -> None:
        """They are suspended, until they are woken."""
        self._set("status = 'suspended', scheduler = NULL, due_at = NULL", ids)

    def end_execution(self, *ids: str) -> None:
        self._set("status = 'completed', scheduler = NULL, ended_at = now()", ids)

    def pause(self, *ids: str) -> None:
        self._set("status = 'suspended', scheduler = NULL, paused = true", ids)

    def resume(self, *ids: str) -> None:
        self._set("paused = false", ids)

    def _set(self, what: str, ids: tuple[str, ...]) -> None:
        self.connection.execute(f"UPDATE dataflows.executions SET {what} WHERE id = ANY (%s)".encode(), [list(ids)])

    def woken(self) -> list[str]:
        """The executions that are due, in that order."""
        query = "SELECT id FROM dataflows.executions WHERE due_at IS NOT NULL AND NOT paused ORDER BY due_at"
        return [id for (id,) in self.connection.execute(query)]

    def count(self, table: str) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM dataflows.{table}".encode()).fetchone()
        assert row is not None
        return int(row[0])
