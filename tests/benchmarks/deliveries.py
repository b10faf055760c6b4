"""How many deliveries a second are accepted durably: ``python -m tests.benchmarks.deliveries``.

The real service on a real PostgreSQL in processes of their own, loaded on 64 connections by a third. Beside the route
as it is stand, in the same run and taken in turns: the same server's bare 202; the same route with a commit for each
delivery, on one connection and on eight; what the intake stores where nothing comes in over HTTP; and what the database
takes where nothing but a batched insert is done.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from interpreter.database import Database
from tests.benchmarks.programs import hooks_client, hooks_server
from tests.benchmarks.programs.common import Values
from tests.benchmarks.programs.raw import limits
from tests.benchmarks.server import Server

__all__ = ["ALONE", "ALONES", "ALONE_EACH", "BARE", "DURABLE", "EACH", "LEAST", "measure", "ratio", "stored"]

ROOT = Path(__file__).parents[2]
LEAST = 8
"""How many times as many as with a commit for each."""

BARE, DURABLE, EACH, EACH_ON_EIGHT = (
    "bare 202",
    "durable 202",
    "a commit each, one connection",
    "a commit each, eight connections",
)
WAYS = {
    BARE: ("grouped", "/bare"),
    DURABLE: ("grouped", "/hooks/load"),
    EACH: ("one-by-one", "/hooks/load"),
    EACH_ON_EIGHT: ("each-by-itself", "/hooks/load"),
}
ALONE, ALONE_EACH, ROWS = "stored, without HTTP", "stored, without HTTP, a commit each", "rows by batched insert alone"
ALONES = {ALONE: "grouped", ALONE_EACH: "one-by-one"}

Found = dict[str, list[Values]]


def measure(rounds: int, connections: int, each: int) -> Found:
    """What each way comes to, round by round."""
    found: Found = {name: [] for name in (*WAYS, *ALONES, ROWS)}
    with Server() as server:
        server.prepare("deliveries", lambda url: Database(url).close())
        for _ in range(rounds):
            for name, (way, path) in WAYS.items():
                with server.copy("deliveries") as url:
                    found[name].append(_load(url, way, path, connections, each))
            for name in ALONES:
                found[name].append(stored(server, "deliveries", name, connections, each))
            with server.copy("deliveries") as url:
                found[ROWS].append({"per_second": limits(url, 20, 40, 20)["rows_per_second"]})
    return found


def stored(server: Server, prepared: str, name: str, at_once: int, each: int) -> Values:
    """What the intake stores, in one of the ways without HTTP, in a copy of a prepared database."""
    with server.copy(prepared) as url:
        return _call(hooks_server.__name__, url, ALONES[name], connections=at_once, each=each)


def ratio(found: Found, one: str, other: str) -> float:
    """How many of one for each of the other, by the medians."""
    return _median(found[one], "per_second") / _median(found[other], "per_second")


def _load(url: str, way: str, path: str, connections: int, each: int) -> Values:
    with _serving(url, way) as (process, port):
        _call(hooks_client.__name__, port, path, connections=8, each=20)  # warm from here on
        before = _seconds_of_cpu(process)
        values = _call(hooks_client.__name__, port, path, connections=connections, each=each)
        busy = _seconds_of_cpu(process) - before
    return values | {"cpu_ms": 1000 * busy / (connections * each)}


def _call(module: str, *words: str, **settings: int) -> Values:
    command = [sys.executable, "-m", module, *words, json.dumps(settings)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    values: Values = json.loads(done.stdout)
    return values


@contextmanager
def _serving(url: str, way: str) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", hooks_server.__name__, url, way]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.stdin.close()


def _seconds_of_cpu(process: int) -> float:
    """That it has used; not a number where there is no ``/proc``."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return math.nan
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _median(values: list[Values], key: str) -> float:
    return statistics.median(each[key] for each in values)


def _report(found: Found) -> Table:
    table = Table("", "a second", "p99, ms", "server's CPU, ms", title="Deliveries")
    for name, values in found.items():
        slow, busy = (f"{_median(values, key):.{digits}f}" if key in values[0] else "" for key, digits in _DETAILS)
        table.add_row(name, f"{_median(values, 'per_second'):,.0f}", slow, busy)
    return table


_DETAILS = (("p99_ms", 1), ("cpu_ms", 2))

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--each", type=int, default=100, help="deliveries on each connection")
    measured = measure(**vars(parser.parse_args()))
    console = Console()
    console.print(_report(measured))
    console.print(f"over HTTP: {ratio(measured, DURABLE, EACH):.1f} times a commit each; {LEAST} is the aim")
    console.print(f"without HTTP: {ratio(measured, ALONE, ALONE_EACH):.1f} times a commit each")
    console.print(f"durable: {100 * ratio(measured, DURABLE, BARE):.0f} % of the bare 202")
