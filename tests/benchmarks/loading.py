"""Loading a server with deliveries over HTTP: by wrk where it is installed, else by a program in Python.

Owns the supply of signed deliveries, each of which is sent once to a server. Knows nothing of what is measured beside.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.programs import hooks_client
from tests.benchmarks.programs.common import Values
from tests.benchmarks.programs.hooks_client import signed_delivery

__all__ = ["Load"]

_WARM_UP = 1
_MOST_A_SECOND = 20_000
"""More than any server that is measured here answers."""


class Load:
    """Deliveries on so many connections for so many seconds.

    :param file: where they are written; it is made here.
    """

    def __init__(self, file: Path, connections: int, seconds: int) -> None:
        self._file = file
        self._connections = connections
        self._seconds = seconds
        with file.open("w") as lines:
            lines.writelines(signed_delivery() for _ in range(_MOST_A_SECOND * (_WARM_UP + seconds)))

    @property
    def generator(self) -> str:
        """Which program loads."""
        return "wrk" if shutil.which("wrk") else "Python"

    def warm_up(self, port: str, path: str) -> Values:
        """The first second, with deliveries of its own."""
        return self._run(port, path, 0, _WARM_UP)

    def run(self, port: str, path: str) -> Values:
        """How many were answered, how many a second, and the 99th percentile of how long an answer took."""
        return self._run(port, path, _MOST_A_SECOND * _WARM_UP, self._seconds)

    def _run(self, port: str, path: str, first: int, seconds: int) -> Values:
        command = self._wrk if self.generator == "wrk" else self._python
        words = command(port, path, first, _MOST_A_SECOND * seconds, seconds)
        done = subprocess.run(words, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=True, text=True)
        values: Values = json.loads(done.stdout.splitlines()[-1])
        assert not values["failed"], values
        return values

    def _wrk(self, port: str, path: str, first: int, most: int, seconds: int) -> list[str]:
        script = Path(hooks_client.__file__).with_suffix(".lua")
        load = [
            "wrk",
            "--threads=1",
            f"--connections={self._connections}",
            f"--duration={seconds}s",
            f"--script={script}",
        ]
        return [*load, f"http://127.0.0.1:{port}{path}", "--", str(self._file), str(first), str(most)]

    def _python(self, port: str, path: str, first: int, most: int, seconds: int) -> list[str]:
        settings = {"first": first, "most": most, "connections": self._connections, "seconds": seconds}
        return [sys.executable, "-m", hooks_client.__name__, str(self._file), port, path, json.dumps(settings)]
