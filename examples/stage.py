"""What a story is told with: chapters and facts on the terminal, commands that are shown and then run.

Owns the processes that it starts: none outlives the block that it was started in. Knows nothing of any plot.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from rich.console import Console
from rich.text import Text

__all__ = ["Process", "Stage"]

PATIENCE = 15.0
"""Seconds; what takes longer will not come about any more."""

DATAFLOWS = (sys.executable, "-m", "interpreter.cli")
INDENT = "   "


class Stage:
    """Where the story is told: standard output."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 100)
        self._chapters = 0
        self._names: dict[str, str] = {}

    def chapter(self, title: str) -> None:
        """Begin a new part."""
        self._chapters += 1
        self._say(Text(f"\n{self._chapters}  {title}", "bold"))

    def fact(self, name: str, told: object, style: str = "") -> None:
        """Something that is so."""
        self._say(Text.assemble((f"{INDENT}{name:<13}", "dim"), (str(told), style)))

    def call(self, name: str, value: str) -> None:
        """Give a long value a name, by which commands show it from now on."""
        self._names[value] = f"${name}"
        self._show(f"{name}={shlex.quote(value)}")

    def run(self, *words: str) -> None:
        """Show a command of ``dataflows``, and run it.

        :raises subprocess.CalledProcessError: it failed.
        """
        self._show_command(*words)
        looks = {"COLUMNS": str(self._console.width - len(INDENT))}
        if self._console.is_terminal:
            looks["FORCE_COLOR"] = "1"
        ran = subprocess.run(
            [*DATAFLOWS, *words], check=True, stdout=subprocess.PIPE, text=True, env=os.environ | looks
        )
        for line in ran.stdout.rstrip().splitlines():
            self._say(Text.from_ansi(f"{INDENT}{line.rstrip()}"))

    def post(self, url: str, content: Any) -> None:
        """Show a ``curl`` that posts JSON, do what it would do, and show what is answered.

        :raises httpx2.HTTPError: it is no success.
        """
        self._show(f"curl {self._named(url)} --json {shlex.quote(json.dumps(content))}")
        answer = httpx2.post(url, json=content, trust_env=False)
        answer.raise_for_status()
        self._say(Text(f"{INDENT}{answer.status_code} {self._named(answer.text)}"))

    @contextmanager
    def process(self, name: str, *words: str) -> Iterator[Process]:
        """A command of ``dataflows`` that runs until it is told to stop; it is killed at the end of the block.

        Its log is shown as it comes.
        """
        self._show_command(*words)
        process = Process(words, lambda line: self._say(Text(f"{INDENT}{name} │ {self._named(line)}", "dim")))
        try:
            yield process
        finally:
            process.kill()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it is so.

        :raises TimeoutError: it does not come about.
        """
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {PATIENCE:.0f} s: {what}")
            time.sleep(0.02)

    def _show_command(self, *words: str) -> None:
        shown = " ".join(self._names.get(word, shlex.quote(word)) for word in words)
        self._show(f"dataflows {shown}")

    def _show(self, command: str) -> None:
        self._say(Text(f"{INDENT}$ {command}", "cyan"))

    def _named(self, text: str) -> str:
        for value, name in self._names.items():
            text = text.replace(value, name)
        return text

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


class Process:
    """A command of ``dataflows`` in a process of its own.

    :param words: of the command.
    :param show: called with each line of its log, on a thread of its own.
    """

    def __init__(self, words: tuple[str, ...], show: Callable[[str], None]) -> None:
        self._process = subprocess.Popen([*DATAFLOWS, *words], stderr=subprocess.PIPE, text=True)
        self._show = show
        self._log: list[str] = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def has_said(self, words: str) -> bool:
        """Whether its log has them."""
        return any(words in line for line in list(self._log))

    def kill(self) -> None:
        """SIGKILL: there is nothing that it could do about it."""
        self._process.kill()
        self._wait()

    def stop(self) -> None:
        """SIGTERM: it ends in good order."""
        self._process.terminate()
        self._wait()

    def _wait(self) -> None:
        self._process.wait(PATIENCE)
        self._reader.join()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as log:
            for line in log:
                self._log.append(line)
                self._show(line.rstrip())
