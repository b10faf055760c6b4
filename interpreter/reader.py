"""Journals as machines take them, from a process that changes nothing.

Owns ``Reader``. The server itself refuses whatever would write, so it may be pointed at a replica.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from interpreter import operations
from interpreter.database import Database
from interpreter.machine import Recording
from interpreter.verbs import Blocking, BlockingPool, verb

__all__ = ["Reader"]


class Reader(Blocking):
    """Reads journals, for ``record`` and ``check`` of ``interpreter.testing``.

    :param database: a libpq URL or conninfo; default: ``DATAFLOWS_DATABASE_URL``, else the embedded server.
    :raises DatabaseUnavailable, DatabaseUnsuitable: it does not answer, or its schema is not this code's.
    """

    recording = verb(operations.read_recording)
    _open_recordings = verb(operations.read_open_recordings)

    def __init__(self, database: str | None = None) -> None:
        self._database = Database(database, reading=True)
        self._pool = BlockingPool(self._database.url, reading=True)

    def open_recordings(self, workflows: Sequence[str] | None = None) -> Iterator[Recording]:
        """The journals of all executions that have not ended; a page at a time, each read as it was at one moment.

        :param workflows: only of these.
        """
        page = self._open_recordings("", workflows)
        while page:
            yield from page
            page = self._open_recordings(page[-1].id, workflows)

    def close(self) -> None:
        self._pool.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
