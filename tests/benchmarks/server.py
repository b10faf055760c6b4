"""The one PostgreSQL server that everything is measured on, and a fresh database for each turn.

Owns the server's temporary home, and the prepared databases that turns get copies of. Knows nothing of workloads.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

from interpreter.embedded import EmbeddedPostgres

__all__ = ["Server"]


class Server:
    """An embedded PostgreSQL with its default, durable settings; it is gone when it is left.

    Its home is in ``/var/tmp`` where there is one: ``/tmp`` may be memory, on which a commit costs nothing.
    """

    def __init__(self) -> None:
        disk = "/var/tmp" if Path("/var/tmp").is_dir() else None
        self._home = Path(tempfile.mkdtemp(prefix="dataflows-benchmarks-", dir=disk))
        self._home.chmod(0o755)  # root's server runs as another user
        self._postgres = EmbeddedPostgres(self._home)
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self._postgres.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._postgres.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        return self._postgres.url.replace("/postgres?", f"/{database}?")

    def prepare(self, database: str, make: Callable[[str], None]) -> str:
        """Make a database, which is called with its URL, and answer the URL."""
        self._execute(f"CREATE DATABASE {database}")
        make(self.url(database))
        return self.url(database)

    @contextmanager
    def copy(self, database: str) -> Iterator[str]:
        """The URL of a copy of a prepared database, in a server that has just made a checkpoint."""
        name = f"turn_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {database}")
        self._execute("CHECKPOINT")
        try:
            yield self.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def again(self, database: str) -> Iterator[str]:
        """The URL of a prepared database itself, after a checkpoint as well."""
        self._execute("CHECKPOINT")
        yield self.url(database)

    def load(self, library: str) -> None:
        """Restart the server with a library loaded."""
        self._execute(f"ALTER SYSTEM SET shared_preload_libraries = '{library}'")
        self._postgres.close()
        self._postgres.start()

    def describe(self) -> dict[str, str]:
        """Its version, and the settings that durability hangs on."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        with psycopg.connect(self.url("postgres")) as connection:
            shown = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
        return {name: row[0] for name, row in zip(names, shown, strict=True) if row is not None}

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())
