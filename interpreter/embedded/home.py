"""The folder that an embedded PostgreSQL lives in.

Owns where things lie and how new folders are made; an existing folder's permissions are never changed.
Knows nothing of what the files hold.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import Account

PORT = 5432
"""Part of the socket's name, and of nothing else: no TCP port is opened."""

_LONGEST_SOCKET_PATH = 103
"""Bytes in ``sun_path`` on macOS, less its closing NUL; Linux has four more."""

_NOT_IN_A_SOCKET_FOLDER = set(",\"'\\\n")
"""PostgreSQL and libpq take a comma for the next folder, and quotes for their own."""


class Home:
    """The folder and what lies in it.

    :ivar folder: absolute, without symbolic links, so that all who mean it find the same server.
    :ivar data: PostgreSQL's data directory.
    :ivar start_lock: held alone by whoever starts or stops the server.
    :ivar users_lock: shared by all who use the server.
    """

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self.folder = (default_home() if folder is None else Path(folder)).expanduser().resolve()
        self.data = self.folder / "data"
        self.start_lock = self.folder / "start.lock"
        self.users_lock = self.folder / "users.lock"

    def create(self) -> None:
        """Makes the folder and its missing parents: private, but for root, whose server is another user."""
        mode = 0o755 if os.geteuid() == 0 else 0o700
        for folder in (*reversed(self.folder.parents), self.folder):
            try:
                folder.mkdir()
            except OSError:
                if not folder.is_dir():
                    raise
            else:
                folder.chmod(mode)  # whatever the umask is

    def hand_over(self, account: Account) -> None:
        """Lets the server's user use the locks that root has made."""
        account.own(self.start_lock)
        account.own(self.users_lock)

    def socket_folder(self, account: Account) -> Path:
        """Where the server's socket goes: the data directory, or a private folder in /tmp where that will not do.

        :raises DatabaseUnavailable: somebody else has taken the place in /tmp.
        """
        path = f"{self.data}/.s.PGSQL.{PORT}"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH and not _NOT_IN_A_SOCKET_FOLDER & set(path):
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return _private_folder(Path("/tmp") / f"dataflows-{digest}", account)


def default_home() -> Path:
    """``DATAFLOWS_HOME``, else the platform's folder for a user's data; ``/var/lib/dataflows`` for root.

    :raises DatabaseUnavailable: this user has no home folder.
    """
    if named := os.environ.get("DATAFLOWS_HOME"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/lib/dataflows")
    return _user_data_folder() / "dataflows"


def _user_data_folder() -> Path:
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    if named.is_absolute():  # the standard says that a relative one does not count
        return named
    try:
        home = Path.home()
    except RuntimeError as error:
        raise DatabaseUnavailable("this user has no home folder: set DATAFLOWS_HOME to one that it can use") from error
    return home / ("Library/Application Support" if sys.platform == "darwin" else ".local/share")


def _private_folder(folder: Path, account: Account) -> Path:
    """Its name can be guessed, and anyone may write in /tmp: it counts only if it is ours and closed to others."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = found.st_uid in (os.geteuid(), account.uid)
    if not (stat.S_ISDIR(found.st_mode) and ours and stat.S_IMODE(found.st_mode) == 0o700):
        raise DatabaseUnavailable(
            f"{folder} is needed for the server's socket, and is not a private folder of {account.name!r}: "
            "remove it, or set DATAFLOWS_HOME to a shorter path without commas and quotes"
        )
    account.own(folder)
    return folder
