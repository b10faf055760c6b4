"""A PostgreSQL server that can be crashed in mid commit, and started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Self

from interpreter.embedded import EmbeddedPostgres
from interpreter.embedded.postmaster import find_postmaster
from tests.acceptance.waiting import wait_until

__all__ = ["CrashingServer"]


class CrashingServer:
    """An embedded server in a folder of its own."""

    def __init__(self, home: Path) -> None:
        self._data = home / "data"
        self._postgres = EmbeddedPostgres(home)

    @property
    def conninfo(self) -> str:
        return self._postgres.conninfo

    def crash(self) -> None:
        """What ``pg_ctl stop -m immediate`` does: every process of the server ends at once, with nothing written."""
        postmaster = find_postmaster(self._data)
        assert postmaster is not None
        os.kill(postmaster.pid, signal.SIGQUIT)
        wait_until(lambda: find_postmaster(self._data) is None, "the server is gone")

    def start(self) -> None:
        """Start it again; it recovers from its write-ahead log."""
        self._postgres.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._postgres.close()
