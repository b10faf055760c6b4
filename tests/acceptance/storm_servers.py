"""``dataflows serve`` in processes of their own, on an address that stays while they are killed and started again."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.acceptance.waiting import wait_until

__all__ = ["HookServer"]

ROOT = Path(__file__).parents[2]


class HookServer:
    """One server after the other, in the same place.

    :param served: the module of the workflows and sources.
    :param environment: what the server finds there beside what this process has.
    """

    def __init__(self, database: str, log: Path, served: str, environment: Mapping[str, str]) -> None:
        self._database = database
        self._log = log
        self._served = served
        self._environment = environment
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self.kills = 0
        self._process = self._start()

    def torment(self, chance: random.Random, between: int, is_over: threading.Event) -> None:
        """Kill it every few deliveries and start it again, until all is over; leave one running."""
        while True:
            self.wait_until_serving()
            enough = self._accepted() + chance.randrange(2 * between)
            while self._accepted() < enough:
                if is_over.wait(0.005):
                    return
            self.kill_and_start()

    def freeze(self) -> None:
        """SIGSTOP: it does nothing from now on."""
        self._process.send_signal(signal.SIGSTOP)

    def kill_and_start(self) -> None:
        """SIGKILL, and another one in its place, which begins to serve some time later."""
        self._process.kill()
        self._process.wait()
        self.kills += 1
        self._process = self._start()

    def wait_until_serving(self) -> None:
        """Until it answers."""
        wait_until(lambda: self._process.poll() is not None or self._answers(), "a server serves", 60)
        assert self._process.poll() is None, self._log.read_text()

    def stop(self) -> int:
        """End it in peace. Answers its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def _start(self) -> subprocess.Popen[bytes]:
        words = [self._served, "--port", str(self._port), "--database", self._database, "--lease", "1s", "--verbose"]
        environment = {**os.environ, **self._environment}
        with open(self._log, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "interpreter.cli", "serve", *words], cwd=ROOT, stderr=log, env=environment
            )

    def _accepted(self) -> int:
        """Requests that it has answered 202, by its log."""
        return self._log.read_bytes().count(b": 202, after")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.address}/healthz", timeout=5).is_success
        except httpx2.TransportError:
            return False
