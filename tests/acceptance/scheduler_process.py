"""A scheduler in a process of its own, which can be killed, stopped and continued.

``python -m tests.acceptance.scheduler_process DATABASE MODULE SETTINGS`` is that process: it serves the workflows of
the module until SIGTERM, and prints what its scheduler tells, one JSON object a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataflows import Limit
from interpreter import Scheduler
from tests.acceptance import ledger
from tests.acceptance.shaking import shake
from tests.acceptance.waiting import wait_until

__all__ = ["SchedulerProcess"]

ROOT = Path(__file__).parents[2]
_UNTOLD = {"execution-ended", "attempt-failed", "step-failed"}


class SchedulerProcess:
    """The parent's side.

    :param database: how libpq reaches the database.
    :param module: whose workflows it serves.
    :param log: the file that gets what it prints; appended to.
    :param environment: what is set there beside what is set here.
    :param settings: of its ``Scheduler``; each limit as the list of its arguments. And ``shaken``: whether its threads
        pause at random where they hand over to each other.
    """

    def __init__(
        self,
        database: str,
        module: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self._log = log
        self._read_from = log.stat().st_size if log.exists() else 0
        command = [sys.executable, "-m", __name__, database, module, json.dumps({"lease": "1s", **settings})]
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    def wait_until_serving(self) -> None:
        """Until it has registered, and claims."""
        wait_until(lambda: self.has_told("serving") or self.returncode is not None, f"scheduler {self.pid} serves")
        assert self.returncode is None, f"scheduler {self.pid} ended at once:\n{self.output()}"

    def events(self) -> list[dict[str, Any]]:
        """What it has told."""
        return [json.loads(line) for line in self.output().splitlines() if line.startswith("{") and line.endswith("}")]

    def has_told(self, event: str) -> bool:
        return any(told["event"] == event for told in self.events())

    def output(self) -> str:
        with open(self._log, errors="replace") as log:
            log.seek(self._read_from)
            return log.read()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: it runs not one instruction more."""
        self._process.kill()
        self._reap()

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM, and wait for its end. Answers its exit code."""
        self._process.terminate()
        self._process.wait(timeout)
        return self._reap()

    def _reap(self) -> int:
        code = self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        return code


# In the process ---------------------------------------------------------------------------------


def tell(event: str, details: dict[str, Any]) -> None:
    """Print an event in one write, so that a kill leaves no half line before the next process's first."""
    if event not in _UNTOLD:
        line = json.dumps({"event": event, **details}, default=str)
        os.write(1, f"{line}\n".encode())


def serve(database: str, module: str, settings: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    importlib.import_module(module)
    ledger.open_ledger(database)
    given = json.loads(settings)
    if given.pop("shaken", False):
        shake()
    given["limits"] = {name: Limit(*arguments) for name, arguments in given.get("limits", {}).items()}
    with Scheduler(database, on_event=tell, **given) as scheduler:
        tell("serving", {})
        scheduler.wait(stop)


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    serve(*sys.argv[1:])
