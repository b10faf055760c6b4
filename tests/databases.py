"""Databases of one PostgreSQL server, made in a moment, and never the same twice."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import Any

from psycopg import Connection
from psycopg.conninfo import make_conninfo

from interpreter.store.connection import connect
from interpreter.store.migrate import migrate

__all__ = ["Server", "opened"]


def opened(database: str) -> Connection[Any]:
    """A connection as the package opens its own."""
    return connect(database, "test")


class Server:
    """A running server.

    :param conninfo: how libpq reaches it, as a superuser.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._numbers = count(1)
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

    @cached_property
    def _template(self) -> str:
        database = self.new_database()
        with opened(database) as connection:
            migrate(connection)
            return connection.info.dbname
