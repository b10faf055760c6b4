"""Who takes part: each one's program, the Python that runs it, and how its database is prepared.

Owns the environments of the peers: each has one of its own, made at the first use and kept in the user's cache
folder under the versions in it. Knows nothing of workloads.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from interpreter.database import Database
from interpreter.embedded.programs import find_programs

__all__ = ["ABSURD", "CONTESTANTS", "DBOS", "ENGINE", "RAW", "ROOT", "Contestant", "NotRun", "command"]

ROOT = Path(__file__).parents[2]
_COMPLETE = "installed"
_LONGEST_INSTALLATION = 600
_LONGEST_PREPARATION = 60


class NotRun(Exception):
    """A contestant cannot take part; the message says why."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One engine, or plain psycopg.

    :ivar database: the name of its prepared database.
    :ivar module: its program, in ``programs``.
    :ivar requirements: what is installed for it, for pip; none: it runs in this project's environment.
    :ivar prepare: makes its tables; called with the Python that runs it, and a URL.
    """

    name: str
    database: str
    module: str
    requirements: tuple[str, ...]
    prepare: Callable[[Path, str], None]

    def python(self) -> Path:
        """The Python that runs it, in its environment, which is made if there is none yet.

        :raises NotRun: it cannot be made.
        """
        if not self.requirements:
            return Path(sys.executable)
        key = hashlib.sha256(repr((self.requirements, sys.version)).encode()).hexdigest()[:12]
        environment = _cache_folder() / f"{self.database}-{key}"
        if not (environment / _COMPLETE).exists():
            _install(environment, self.requirements)
        return environment / "bin" / "python"


def command(python: Path, module: str, *arguments: str) -> list[str]:
    """The command that runs one of the programs in ``programs``, from the project's root."""
    return [str(python), "-m", f"tests.benchmarks.programs.{module}", *arguments]


# Environments -----------------------------------------------------------------------------------


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dataflows-benchmarks"


def _install(environment: Path, requirements: tuple[str, ...]) -> None:
    print(f"installing {' '.join(requirements)} into {environment} ...", file=sys.stderr)
    # Without pip of its own: a Python without ensurepip (Debian's) has none to put there, and ours can install into it.
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment)], _LONGEST_INSTALLATION)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    _run([*pip, "--disable-pip-version-check", *requirements], _LONGEST_INSTALLATION)
    (environment / _COMPLETE).touch()


def _run(command: list[str], timeout: float, **environment: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRun(str(error)) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise NotRun(f"{' '.join(command[:4])} ... failed: {' / '.join(said)}")


# Databases --------------------------------------------------------------------------------------


def _prepare_engine(_python: Path, url: str) -> None:
    Database(url).close()


def _prepare_dbos(python: Path, url: str) -> None:
    _run(command(python, "dbos_transact", "prepare", url, "{}"), _LONGEST_PREPARATION)


def _prepare_absurd(python: Path, url: str) -> None:
    """As its quickstart says; ``absurdctl`` calls ``psql``, which comes with the server."""
    path = os.pathsep.join([*(str(found.folder) for found in find_programs()), os.environ.get("PATH", "")])
    for command in (["init"], ["create-queue", "default"]):
        _run([str(python.with_name("absurdctl")), *command], _LONGEST_PREPARATION, PATH=path, PGDATABASE=url)


def _prepare_nothing(_python: Path, _url: str) -> None:
    pass


ENGINE = Contestant("dataflows", "dataflows", "engine", (), _prepare_engine)
DBOS = Contestant("DBOS", "dbos", "dbos_transact", ("dbos==3.4.0",), _prepare_dbos)
ABSURD = Contestant("Absurd", "absurd", "absurd_tasks", ("absurd-sdk==0.5.1", "absurdctl==0.5.1"), _prepare_absurd)
RAW = Contestant("psycopg", "raw", "raw", (), _prepare_nothing)

CONTESTANTS = (ENGINE, DBOS, ABSURD, RAW)
