"""Databases of one PostgreSQL server, made in a moment, and never the same twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from interpreter.embedded import EmbeddedPostgres
from interpreter.embedded.postmaster import find_postmaster
from interpreter.store.connection import connect
from interpreter.store.migrate import migrate
from tests.waiting import eventually

__all__ = ["Server", "opened", "serving"]


_TABLES = (
    *("executions", "journal", "inbox", "subscriptions", "events", "schedulers", "schedules", "served_schedules"),
    *("limits", "tickets", "uses", "deliveries", "offers", "triggers", "callbacks"),
)
_EMPTY = "TRUNCATE " + ", ".join(f"dataflows.{table}" for table in _TABLES)


def opened(database: str) -> Connection[Any]:
    """A connection as the package opens its own."""
    return connect(database, "test")


def _stop_at_once(data: Path) -> None:
    """Stop the server of a data directory that nobody needs any more: it writes nothing out."""
    if (postmaster := find_postmaster(data)) is not None:
        os.kill(postmaster.pid, signal.SIGQUIT)
        eventually(lambda: find_postmaster(data) is None)


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server whose data lie in this folder, and are of no use afterwards."""
    postgres = EmbeddedPostgres(home)
    try:
        yield Server(postgres.start())
    finally:
        _stop_at_once(home / "data")
        postgres.close()


class Server:
    """A running server.

    :param conninfo: how libpq reaches it, as a superuser.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._numbers = count(1)
        self._given_back: list[str] = []
        with opened(conninfo) as connection:  # no test cuts the power, so nothing has to be forced to the disk
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def new_database(self, options: str = "") -> str:
        """An empty one; ``options`` as ``CREATE DATABASE`` takes them. Answers how libpq reaches it."""
        name = f"test_{next(self._numbers)}"
        with opened(self._conninfo) as connection:
            connection.execute(f"CREATE DATABASE {name} {options}".encode())
        return make_conninfo(self._conninfo, dbname=name)

    def new_migrated_database(self) -> str:
        """One with the newest schema."""
        return self.new_database(f"TEMPLATE {self._template}")

    def lend(self) -> str:
        """One with the newest schema and nothing in it; it may have served another test, and is to be given back."""
        return self._given_back.pop() if self._given_back else self.new_migrated_database()

    def take_back(self, database: str) -> None:
        with opened(database) as connection:
            connection.execute(_EMPTY)
        self._given_back.append(database)

    @cached_property
    def _template(self) -> str:
        database = self.new_database()
        with opened(database) as connection:
            migrate(connection)
            return connection.info.dbname
