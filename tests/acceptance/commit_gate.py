"""Holds deliveries in the middle of their commit, until they are let go.

A commit that waits here has been asked for already: PostgreSQL carries it out when it is let go, whatever has become
of who asked. So who is killed in the meantime is killed between the commit and its answer, and not just about then.
"""

from __future__ import annotations

from typing import Any, Self

from psycopg import Connection

from tests.acceptance.waiting import wait_until

__all__ = ["CommitGate"]

_KEY = 60
_SCHEMA = f"""
CREATE FUNCTION pass_gate() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared({_KEY}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON dataflows.deliveries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pass_gate()
"""
_WAITING = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {_KEY} AND NOT granted"


class CommitGate:
    """Stands open, and can be shut.

    :param database: migrated, and without a gate yet.
    """

    def __init__(self, database: str) -> None:
        self._connection = Connection.connect(database, autocommit=True)
        self._connection.execute(_SCHEMA.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._connection.close()

    def shut(self) -> None:
        """From now on commits of new deliveries wait."""
        self._connection.execute(f"SELECT pg_advisory_lock({_KEY})")

    def wait_until_somebody_waits(self) -> None:
        """Until a commit has been asked for, and is held."""
        wait_until(lambda: self._count(_WAITING) > 0, "a delivery is being committed")

    def open(self) -> None:
        """Let them go, and wait until they are committed."""
        stored = self._count("SELECT count(*) FROM dataflows.deliveries")
        self._connection.execute(f"SELECT pg_advisory_unlock({_KEY})")
        wait_until(lambda: self._count("SELECT count(*) FROM dataflows.deliveries") > stored, "it is committed")

    def _count(self, query: str) -> int:
        row: Any = self._connection.execute(query.encode()).fetchone()
        return int(row[0])
