"""Which database: the one that is named, the one in ``DATAFLOWS_DATABASE_URL``, or an embedded one.

Owns the choice, and the bringing up to date of the schema. Knows nothing of what is stored.
"""

from __future__ import annotations

import os
from typing import Self

from interpreter.embedded import EmbeddedPostgres
from interpreter.store.connection import connect
from interpreter.store.migrate import NEWEST, check_is_current, migrate
from interpreter.store.patience import PatientConnection

__all__ = ["Database"]


class Database:
    """An opened database whose schema this code can read and write.

    :param named: a libpq URL or conninfo; None: ``DATAFLOWS_DATABASE_URL``, else an embedded server.
    :param reading: it is only to be read: nothing is migrated, and a replica is welcome.
    :raises DatabaseUnavailable: it does not answer, or cannot be started.
    :raises DatabaseUnsuitable: it is no place for a journal, or its schema is newer than this code.
    """

    def __init__(self, named: str | None = None, *, reading: bool = False) -> None:
        self._embedded: EmbeddedPostgres | None = None
        url = named or os.environ.get("DATAFLOWS_DATABASE_URL")
        if url is None:
            self._embedded = EmbeddedPostgres()
            url = self._embedded.start()
        self.url = url
        try:
            self.versions = self._look() if reading else self._migrate()
        except BaseException:
            self.close()
            raise

    def _look(self) -> tuple[int, int]:
        with self.connect("reader") as connection:
            check_is_current(connection)
        return NEWEST, NEWEST

    def _migrate(self) -> tuple[int, int]:
        with self.connect("migration") as connection:
            return migrate(connection)

    def connect(self, purpose: str, patience: float | None = None) -> PatientConnection:
        """A new connection.

        :param patience: seconds that the server may be silent; default: as long as it likes.
        :raises DatabaseUnavailable: the server does not answer.
        """
        return connect(self.url, purpose, patience)

    def close(self) -> None:
        """Leave an embedded server; the last process that leaves stops it."""
        if self._embedded is not None:
            self._embedded.close()
            self._embedded = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
