"""What a running server says of itself: the file ``postmaster.pid``, and whether it is true.

Owns reading that file and telling a live server from a leftover. After a crash or a container's restart
the file stays behind, and its process id may by then be any other program's.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import make_conninfo


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server, as its ``postmaster.pid`` describes it.

    :ivar data: its data directory.
    :ivar socket_folder: where it listens; "" while it has not said so yet.
    :ivar status: ``starting``, ``stopping``, ``ready`` or ``standby``; "" while it has not said so yet.
    """

    data: Path
    pid: int
    port: str
    socket_folder: str
    status: str

    @property
    def is_ready(self) -> bool:
        return self.status in ("ready", "standby")

    @property
    def conninfo(self) -> str:
        """Keywords and values, all that ``PGHOST``, ``PGHOSTADDR`` or ``PGPORT`` could otherwise change."""
        return make_conninfo(host=self.socket_folder, hostaddr="", port=self.port, user="postgres", dbname="postgres")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(self.socket_folder, safe='')}&port={self.port}"

    @property
    def runs_here(self) -> bool:
        """Whether that process is this server, and not a program that got its number later."""
        return f"postgres -D {self.data} " in command_line(self.pid)

    @property
    def listens(self) -> bool:
        """Whether a server answers: one in another container that shares the folder has no process here."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(f"{self.socket_folder}/.s.PGSQL.{self.port}")
                return os.lstat(self.socket_folder).st_uid == self.data.stat().st_uid  # one in /tmp could be anyone's
            except OSError:
                return False


def find_postmaster(data: Path) -> Postmaster | None:
    """The server of this data directory, in whatever status; None where none runs."""
    claimed = _read(data)
    return claimed if claimed is not None and (claimed.runs_here or claimed.listens) else None


def remove_if_taken_over(lock_file: Path) -> None:
    """Removes a leftover whose process id is another program's by now: PostgreSQL would take that for a server.

    One whose process is gone it removes itself. Call this only where no server runs.
    """
    try:
        pid = int(lock_file.read_text().split("\n")[0])
    except (FileNotFoundError, ValueError):
        return
    if pid > 0 and _is_alive(pid):
        lock_file.unlink(missing_ok=True)


def command_line(pid: int) -> str:
    """The program and arguments of a process, with spaces between and after; "" where there is none."""
    if not sys.platform.startswith("linux"):
        return command_line_by_ps(pid)
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except OSError:
        return ""


def command_line_by_ps(pid: int) -> str:
    """The same, where there is no ``/proc``."""
    done = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, check=False)
    return os.fsdecode(done.stdout).replace("\n", " ")


def _read(data: Path) -> Postmaster | None:
    """Its lines: pid, data, start time, port, socket folder, address, shared memory, status; they come bit by bit."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="surrogateescape").split("\n")
        pid = int(lines[0])
    except (FileNotFoundError, ValueError):
        return None
    lines += [""] * 8
    return Postmaster(data, pid, lines[3], lines[4], lines[7].strip()) if pid > 0 else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
