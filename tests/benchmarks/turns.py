"""Takes one turn: a program in a process of its own.

Owns what a result is: a line of JSON.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.contestants import ROOT, command
from tests.benchmarks.server import Server
from tests.benchmarks.workloads import Turn

__all__ = ["FILLED", "Result", "take"]

FILLED = "filled"
"""The name of the database that is full of completed executions."""

_LONGEST_TURN = 300


@dataclass(frozen=True, slots=True)
class Result:
    """What one turn came to.

    :ivar values: what was measured, by name; empty where it failed.
    :ivar problem: why it failed.
    """

    workload: str
    contestant: str
    round: int
    settings: Mapping[str, Any]
    values: Mapping[str, float] = field(default_factory=dict)
    problem: str | None = None

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def take(turn: Turn, number: int, server: Server, pythons: Mapping[str, Path]) -> Result:
    """Measure once; a program that fails or hangs is a result too."""
    about = (turn.workload, turn.contestant.name, number, turn.settings)
    with _database(turn, server) as url:
        values, problem = _run(turn, pythons[turn.contestant.name], url)
    return Result(*about, values, problem)


def _database(turn: Turn, server: Server) -> AbstractContextManager[str]:
    return server.again(FILLED) if turn.is_filled else server.copy(turn.contestant.database)


def _run(turn: Turn, python: Path, url: str) -> tuple[dict[str, float], str | None]:
    arguments = command(python, turn.module, turn.workload, url, json.dumps(turn.settings))
    try:
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_LONGEST_TURN)
    except subprocess.TimeoutExpired:
        return {}, f"it did not end within {_LONGEST_TURN} s"
    if done.returncode or not done.stdout:
        return {}, "\n".join(done.stderr.strip().splitlines()[-3:])
    return json.loads(done.stdout.splitlines()[-1]), None
