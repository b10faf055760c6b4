"""Making a data directory, and launching and stopping its server.

Owns the settings that the server runs with. Knows nothing of who shares it: callers hold the start lock.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import Account
from interpreter.embedded.home import PORT
from interpreter.embedded.postmaster import Postmaster, find_postmaster, remove_if_taken_over
from interpreter.embedded.programs import Programs

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
}
"""All else is at PostgreSQL's default, above all ``fsync``, ``full_page_writes`` and ``synchronous_commit``."""

LARGE_LOG = 10_000_000
"""Bytes from which on the log is set aside at the next start; one old log is kept."""

_LONGEST_START = 300
_LONGEST_STOP = 60
_LONGEST_FAREWELL = 10
"""Seconds. A start may have to recover from a crash; what a killed server leaves behind goes soon."""

_INITDB_OPTIONS = (
    "--username=postgres",
    "--auth-local=trust",  # only the server's own user and root can reach the socket
    "--auth-host=reject",
    "--encoding=UTF8",
    "--no-locale",  # keys in the same order everywhere
    "--data-checksums",
)


def initialise(data: Path, programs: Programs, account: Account) -> None:
    """Makes a data directory under another name and renames it when it is whole: a kill leaves no half of one.

    :raises DatabaseUnavailable: ``initdb`` failed; the message has what it said.
    """
    for leftover in data.parent.glob("initdb-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="initdb-", dir=data.parent, ignore_cleanup_errors=True) as unfinished:
        account.own(Path(unfinished))
        failed, printed = account.run(programs.folder / "initdb", "--pgdata", unfinished, *_INITDB_OPTIONS)
        if failed:
            raise DatabaseUnavailable(
                f"no database could be made in {data}; initdb of {programs.origin} says:\n{printed}"
                "If that cannot be helped, name a database by DATAFLOWS_DATABASE_URL"
            )
        os.rename(unfinished, data)
    _sync(data.parent)


def wait_until_settled(data: Path) -> Postmaster | None:
    """The server when it is ready, None when there is none; waits for one on its way up or down.

    :raises DatabaseUnavailable: it is still on its way after five minutes.
    """
    deadline = time.monotonic() + _LONGEST_START
    while (found := find_postmaster(data)) is not None and not found.is_ready:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"the server of {data} is still {found.status!r} after {_LONGEST_START} s; see its log"
            )
        time.sleep(0.01)
    return found


def launch(data: Path, programs: Programs, account: Account, socket_folder: Path) -> Postmaster:
    """Starts the server of a data directory that has none, and waits until it is ready.

    :raises DatabaseUnavailable: it does not start; the message has the end of its log.
    """
    remove_if_taken_over(data / "postmaster.pid")
    remove_if_taken_over(socket_folder / f".s.PGSQL.{PORT}.lock")
    log = _log_file(data)
    deadline = time.monotonic() + _LONGEST_FAREWELL
    while (complaint := _pg_ctl_start(data, programs, account, socket_folder, log)) is not None:
        # the sessions of a server that was killed may outlive it for a moment
        if "shared memory block" not in complaint or time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the server of {data} does not start ({programs.origin}):\n{complaint}")
        time.sleep(0.1)
    found = wait_until_settled(data)
    if found is None:
        raise DatabaseUnavailable(f"the server of {data} ended as soon as it had started; see {log}")
    return found


def stop(data: Path) -> None:
    """Stops the server, if it runs here: sessions are disconnected, everything is written, the files are left clean.

    :raises DatabaseUnavailable: it is still there after a minute (and goes on stopping).
    """
    found = find_postmaster(data)
    if found is None or not found.runs_here:
        return
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)  # to PostgreSQL this means a fast shutdown
    deadline = time.monotonic() + _LONGEST_STOP
    while find_postmaster(data) is not None:
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"the server of {data} has not stopped after {_LONGEST_STOP} s; see its log")
        time.sleep(0.01)
    if Path(found.socket_folder) != data:
        with suppress(OSError):
            os.rmdir(found.socket_folder)


def _pg_ctl_start(data: Path, programs: Programs, account: Account, socket_folder: Path, log: Path) -> str | None:
    """None when it is ready, else what it complained of."""
    begin = log.stat().st_size if log.exists() else 0
    settings = {**SETTINGS, "port": str(PORT), "unix_socket_directories": str(socket_folder)}
    options = ["-D", str(data), *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]
    # pg_ctl hands paths to a shell between double quotes; these ways around that leave "$" in them alone
    failed, printed = account.run(
        programs.folder / "pg_ctl", "start", "--wait", f"--timeout={_LONGEST_START}", f"--log={log.name}",
        "--options", shlex.join(options), folder=data, PGDATA=str(data),
    )  # fmt: skip
    return f"{printed}{_read_from(log, begin)}" if failed else None


def _log_file(data: Path) -> Path:
    log = data / "server.log"
    if log.exists() and log.lstat().st_size > LARGE_LOG:
        log.replace(data / "server.log.1")
    return log


def _read_from(log: Path, begin: int) -> str:
    """The last lines that were written since; a start says little."""
    if not log.exists():
        return ""
    with open(log, errors="replace") as lines:
        lines.seek(begin)
        return lines.read()[-4000:]


def _sync(folder: Path) -> None:
    """Makes a rename in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
