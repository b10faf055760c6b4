"""The order of things: who can take part, the databases, round after round.

Owns the loop. What is run is the plan's, how one turn is taken is ``turns``'.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg

from tests.benchmarks.contestants import CONTESTANTS, ENGINE, NotRun
from tests.benchmarks.programs.fills import fill_completed
from tests.benchmarks.server import Server
from tests.benchmarks.turns import FILLED, Result, take
from tests.benchmarks.workloads import Group, Turn

__all__ = ["describe", "fill", "prepare", "take_turns"]


def prepare(server: Server, names: Collection[str]) -> tuple[dict[str, Path], dict[str, str]]:
    """The Python of each contestant that can take part, and why the others cannot."""
    pythons: dict[str, Path] = {}
    not_run: dict[str, str] = {}
    for contestant in CONTESTANTS:
        if contestant.name not in names:
            continue
        try:
            python = contestant.python()
            server.prepare(contestant.database, partial(contestant.prepare, python))
            pythons[contestant.name] = python
        except NotRun as problem:
            not_run[contestant.name] = str(problem)
    return pythons, not_run


def fill(server: Server, number: int) -> None:
    """Make the database that has so many completed executions in it."""
    print(f"writing {number:,} completed executions ...", file=sys.stderr)
    url = server.prepare(FILLED, partial(ENGINE.prepare, Path(sys.executable)))
    with psycopg.connect(url, autocommit=True) as connection:
        fill_completed(connection, "one-step", number)


def take_turns(server: Server, groups: Iterable[Group], rounds: int, pythons: Mapping[str, Path]) -> Iterator[Result]:
    """Each group's turns one after the other, so many times over."""
    for group in groups:
        if group.library is not None:
            server.load(group.library)
        for number in range(1, rounds + 1):
            for turn in _possible(group.turns, pythons):
                result = take(turn, number, server, pythons)
                print(_line(result), file=sys.stderr)
                yield result


def describe(server: Server, pythons: Iterable[str]) -> dict[str, object]:
    """What is measured on what."""
    requirements = {c.name: ", ".join(c.requirements) for c in CONTESTANTS if c.requirements and c.name in pythons}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "psycopg": psycopg.__version__,
        **requirements,
        **server.describe(),
    }


def _processor() -> str:
    """By its name, where the system tells."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _possible(turns: Iterable[Turn], pythons: Mapping[str, Path]) -> Iterator[Turn]:
    return (turn for turn in turns if turn.contestant.name in pythons)


def _line(result: Result) -> str:
    values = ", ".join(f"{name} {value:.4g}" for name, value in result.values.items())
    return f"{result.workload:6} round {result.round}  {result.contestant:9}  {values or result.problem}"
