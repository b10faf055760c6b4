"""Whom the server runs as.

PostgreSQL refuses to run as root, so root runs it as somebody else. Owns that choice, and the running of
commands as that account; knows no PostgreSQL program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dataflows.errors import DatabaseUnavailable

if sys.platform != "win32":  # where the package must be importable all the same
    import pwd

DEDICATED = "dataflows"
"""The system account that root makes for the server where it can."""

_OTHERS = ("postgres", "nobody")
_SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/bin:/bin"
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine, by name and numbers."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, *command: str | Path, folder: Path | None = None, **environment: str) -> tuple[int, str]:
        """Runs a command as this account and waits for it; answers its exit code and all that it printed.

        It gets a session of its own, so that Ctrl-C stays ours, and next to nothing of our environment: a
        server lives long, its ``PG…`` variables would move the socket, and secrets are not its business.

        :param folder: where it runs; ``/`` unless told, since ours may be closed to the account.
        :raises OSError: it cannot be started, or not as this account.
        """
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        done = subprocess.run(
            [str(part) for part in command],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd=folder or "/",
            env={**passed_on, "LC_ALL": "C", **environment},
            start_new_session=True,
            umask=0o077,
            user=None if self.is_ours else self.uid,
            group=None if self.is_ours else self.gid,
            extra_groups=None if self.is_ours else [],
        )
        return done.returncode, done.stdout

    def own(self, path: Path) -> None:
        """Makes this account the owner of what we have just made; only root needs to."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def check_can_work_in(self, folder: Path) -> None:
        """Whether we can act as this account, and it can enter this folder.

        :raises DatabaseUnavailable: we may not become the account, or a folder on the way is closed to it.
        """
        if self.is_ours:
            return
        script = 'for folder; do [ -x "$folder" ] || { echo "$folder"; exit; }; done'
        try:
            _, closed = self.run("/bin/sh", "-c", script, "sh", *reversed(folder.parents), folder)
        except OSError as error:
            raise DatabaseUnavailable(
                f"root may not run programs as the user {self.name!r} here ({error}; an unprivileged container?), and "
                "PostgreSQL refuses to run as root: name a database by DATAFLOWS_DATABASE_URL, or do not run as root"
            ) from error
        if closed:
            raise DatabaseUnavailable(
                f"{folder} cannot hold the embedded PostgreSQL: it runs as the user {self.name!r}, since it refuses to "
                f"run as root, and {closed.strip()} is closed to that user. Set DATAFLOWS_HOME to a folder that other "
                "users can enter, such as /var/lib/dataflows, or name a database by DATAFLOWS_DATABASE_URL"
            )


def ourselves() -> Account:
    """The user that this process acts as."""
    return _account_of(os.geteuid(), os.getegid())


def server_account(data: Path) -> Account:
    """The owner of this data directory if it exists; else ourselves; else, for root, a system account.

    :raises DatabaseUnavailable: the owner is root, or is not us and we are not root.
    """
    owner = data.stat() if data.exists() else None
    we = ourselves()
    if owner is None:
        return _system_account() if we.uid == 0 else we
    if owner.st_uid == 0:
        raise DatabaseUnavailable(
            f"{data} belongs to root, and PostgreSQL refuses to run as root: give it to the user that is to run the "
            "server with chown -R, or remove it if it is empty"
        )
    account = _account_of(owner.st_uid, owner.st_gid)
    if we.uid not in (0, account.uid):
        raise DatabaseUnavailable(
            f"{data} belongs to the user {account.name!r}: run as that user, set DATAFLOWS_HOME to a folder of your "
            "own, or name a database by DATAFLOWS_DATABASE_URL"
        )
    return account


def _account_of(uid: int, gid: int) -> Account:
    try:
        return Account(pwd.getpwuid(uid).pw_name, uid, gid)
    except KeyError:
        return Account(str(uid), uid, gid)  # a container's user need not have a name


def _system_account() -> Account:
    if _named(DEDICATED) is None:
        _make_dedicated()
    for name in (DEDICATED, *_OTHERS):
        if (account := _named(name)) is not None:
            return account
    raise DatabaseUnavailable(
        "PostgreSQL refuses to run as root, and there is neither useradd nor an account to run it as here: "
        f"make a user {DEDICATED!r}, or name a database by DATAFLOWS_DATABASE_URL"
    )


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _make_dedicated() -> None:
    """Makes the account where ``useradd`` is there and can; where it cannot, another account has to do."""
    useradd = shutil.which("useradd", path=_SYSTEM_FOLDERS)
    if useradd is None:
        return
    shell = shutil.which("nologin", path=_SYSTEM_FOLDERS) or "/bin/false"
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", shell]
    subprocess.run([useradd, *options, DEDICATED], stdin=subprocess.DEVNULL, capture_output=True, check=False)
