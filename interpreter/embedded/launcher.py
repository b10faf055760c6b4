"""The door: one object for one process's use of the server that all processes of a home share.

Owns the order of things: who may start, who counts as a user, who stops. Everything is decided while the
start lock is held, so no two decisions overlap; each user shares the users' lock for as long as it lives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import server_account
from interpreter.embedded.home import Home
from interpreter.embedded.locks import FileLock, held_alone
from interpreter.embedded.postmaster import Postmaster
from interpreter.embedded.programs import choose_programs, find_programs
from interpreter.embedded.server import initialise, launch, stop, wait_until_settled


class EmbeddedPostgres:
    """A PostgreSQL server of this machine, shared by all who name the same home; the last to leave stops it.

    It listens on a Unix socket alone, runs with everything durable on, and as another user where we are
    root. A process that is killed or that forgets ``close`` counts no longer, but leaves the server to the
    next one, which stops it in its place. A forked child has no part in what its parent uses: it starts its own.

    :param home: the folder that holds the database; ``DATAFLOWS_HOME`` unless given, else the platform's
        folder for a user's data, for root ``/var/lib/dataflows``. For root other users must be able to enter it.
    :raises DatabaseUnavailable: on Windows, or where there is no such folder.
    """

    def __init__(self, home: str | os.PathLike[str] | None = None) -> None:
        if sys.platform == "win32":
            raise DatabaseUnavailable(
                "there is no embedded PostgreSQL on Windows: name a database by DATAFLOWS_DATABASE_URL"
            )
        self._home = Home(home)
        self._share: FileLock | None = None
        self._postmaster: Postmaster | None = None

    @property
    def conninfo(self) -> str:
        """How libpq reaches the database.

        :raises DatabaseUnavailable: not started, or closed.
        """
        return self._started().conninfo

    @property
    def url(self) -> str:
        """The same as a ``postgresql://`` URL, for programs that take nothing else.

        :raises DatabaseUnavailable: not started, or closed.
        """
        return self._started().url

    def start(self) -> str:
        """Makes the database if there is none, starts its server if it does not run, and uses it.

        Again on the same object it counts once, and starts a server that has died meanwhile.

        :returns: the ``conninfo``.
        :raises DatabaseUnavailable: it cannot be had here; the message says why and what to do.
        """
        with _explained(self._home.folder):
            self._home.create()
            with held_alone(self._home.start_lock):
                self._start_sharing()
        return self.conninfo

    def close(self, *, stop_if_last: bool = True) -> None:
        """Uses the server no longer; nothing happens unless it was started.

        :param stop_if_last: stop the server when nobody else uses it, in this process or another.
        :raises DatabaseUnavailable: it did not stop within a minute.
        """
        if (share := self._held_share) is None:
            return
        with _explained(self._home.folder), held_alone(self._home.start_lock), closing(share):
            if stop_if_last and share.is_open and share.is_the_only_holder():
                stop(self._home.data)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _held_share(self) -> FileLock | None:
        """None before the start and after the end, and in a forked child, since it was its parent's."""
        return self._share if self._share is not None and self._share.is_open else None

    def _started(self) -> Postmaster:
        if self._postmaster is None or self._held_share is None:
            raise DatabaseUnavailable("the embedded PostgreSQL is not started in this process: call start() first")
        return self._postmaster

    def _start_sharing(self) -> None:
        share = self._held_share or FileLock(self._home.users_lock)
        try:
            share.hold_shared()
            self._postmaster = self._running_server()
        except BaseException:
            share.close()
            raise
        self._share = share

    def _running_server(self) -> Postmaster:
        data = self._home.data
        account = server_account(data)
        if (running := wait_until_settled(data)) is not None:
            return running
        account.check_can_work_in(self._home.folder)
        self._home.hand_over(account)
        programs = choose_programs(find_programs(), data, account)
        if not (data / "PG_VERSION").exists():
            initialise(data, programs, account)
        return launch(data, programs, account, self._home.socket_folder(account))


@contextmanager
def _explained(home: Path) -> Generator[None]:
    """What the system refuses (no permission, no space, no locks) becomes an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL of {home} cannot be used ({error}): set DATAFLOWS_HOME to a folder of your own "
            "on a local disk, or name a database by DATAFLOWS_DATABASE_URL"
        ) from error
