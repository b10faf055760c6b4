"""``dataflows worker`` and ``dataflows serve`` in a process of their own, as a shell would start them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.waiting import eventually

__all__ = ["COMMAND", "ROOT", "WorkerProcess"]

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "interpreter.cli"]


class WorkerProcess:
    """A running worker; its output goes to files, since nobody reads it while it runs.

    :param words: what stands after the command's name.
    :param folder: where those files go.
    """

    def __init__(
        self,
        *words: str,
        folder: Path,
        command: str = "worker",
        cwd: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = folder / "worker.log"
        self._output = folder / "worker.out"
        with open(self._log, "wb") as log, open(self._output, "wb") as output:
            self._process = subprocess.Popen(
                [*COMMAND, command, *words],
                cwd=cwd,
                stdout=output,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_until_serving(self) -> None:
        eventually(lambda: "serving" in self.log or self._process.poll() is not None)
        assert self._process.poll() is None, self.log

    @property
    def address(self) -> str:
        """Of the API, when it is served."""
        found = eventually(lambda: re.search(r"the API is at (\S+)", self.log))
        assert found is not None
        return found[1]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, as ``subprocess`` tells it."""
        return self._process.wait(30)

    def end(self) -> None:
        """SIGKILL, if it still runs."""
        self._process.kill()
        self._process.wait()
