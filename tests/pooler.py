"""PgBouncer in front of a server: each transaction may be carried out by another of the few sessions that it keeps.

Owns how it is set up, run and stopped. Nothing of it is needed where ``find_pgbouncer`` finds none.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from interpreter.embedded.account import server_account
from tests.waiting import eventually

__all__ = ["find_pgbouncer", "pooled"]

_PORT = 6432
_SETTINGS = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr =
listen_port = {own_port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
default_pool_size = {sessions}
max_client_conn = 200
server_login_retry = 1
logfile = {folder}/log
"""


def find_pgbouncer() -> str | None:
    """Where its program is, if it is installed."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pooled(database: str, sessions: int = 8, mode: str = "transaction") -> Iterator[str]:
    """The same database, reached through a PgBouncer of its own.

    :param sessions: with the server, that all who come this way share.
    :param mode: when a session may go to somebody else: after each ``transaction``, or each client's ``session``.
    """
    known = conninfo_to_dict(database)
    with tempfile.TemporaryDirectory(prefix="df-", dir="/tmp") as name:  # short, since a socket's path is
        folder = Path(name)
        server = Path(known["host"])
        behind = {"host": server, "port": known["port"], "user": known["user"]}
        settings = _SETTINGS.format(**behind, own_port=_PORT, folder=folder, mode=mode, sessions=sessions)
        (folder / "settings.ini").write_text(settings)
        (folder / "settings.ini").chmod(0o644)
        with _running(folder, server):
            yield make_conninfo(database, host=name, port=_PORT)


@contextmanager
def _running(folder: Path, server: Path) -> Iterator[None]:
    account = server_account(server)  # whom the server's socket is open to; root it refuses to run as
    account.own(folder)
    process = subprocess.Popen(
        [find_pgbouncer() or "pgbouncer", "-q", str(folder / "settings.ini")],
        user=None if account.is_ours else account.uid,
        group=None if account.is_ours else account.gid,
        extra_groups=None if account.is_ours else [],
    )
    try:
        eventually(lambda: process.poll() is not None or _listens(folder))
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(folder / f".s.PGSQL.{_PORT}"))
        return True
    return False
