"""Leases of schedulers: how one is taken, renewed and given back, and how a dead one's is taken over.

Owns the row that fences a scheduler's writes. When what is due is decided elsewhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from interpreter.store.connection import pause_not_long
from interpreter.store.queries import QUERIES

__all__ = ["bury_the_dead", "hand_back", "leave", "register", "renew", "unregister"]


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
        pause_not_long(connection)
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
        pause_not_long(connection)
        connection.execute(QUERIES["wait_not_long"], {"longest": "2s"})
        unregister(connection, scheduler)  # first: it fences what may still be in flight
        return hand_back(connection, scheduler)


def hand_back(connection: Connection[Any], scheduler: int) -> int:
    """Make everything that the scheduler holds claimable at once; answers how many."""
    return len(connection.execute(QUERIES["hand_back"], {"scheduler": scheduler}).fetchall())


def unregister(connection: Connection[Any], scheduler: int) -> None:
    """The scheduler is gone, in peace."""
    connection.execute(QUERIES["unregister_scheduler"], {"scheduler": scheduler})
