"""How many deliveries a second are accepted durably: ``python -m tests.benchmarks.deliveries``.

The real service on a real PostgreSQL in processes of their own, loaded on 64 connections by a third. Beside the route
as it is stand, in the same run and taken in turns: the same server's bare 202; the same route with a commit for each
delivery, as one would write it, awaited or in threads; what the intake stores where nothing comes in over HTTP; and
what the database takes where nothing but a batched insert is done.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from interpreter.database import Database
from tests.benchmarks.loading import Load
from tests.benchmarks.programs import hooks_server
from tests.benchmarks.programs.common import Values
from tests.benchmarks.programs.raw import limits
from tests.benchmarks.server import Server

__all__ = ["ALONE", "ALONES", "ALONE_EACH", "BARE", "DURABLE", "LEAST", "measure", "ratio", "stored"]

ROOT = Path(__file__).parents[2]
LEAST = 8
"""How many times as many as with a commit for each."""

BARE, DURABLE = "bare 202", "durable 202"
EACH, EACH_IN_THREADS = "a commit each, awaited", "a commit each, in threads"
WAYS = {
    BARE: ("grouped", "/bare"),
    DURABLE: ("grouped", "/hooks/load"),
    EACH: ("each, awaited", "/hooks/load"),
    EACH_IN_THREADS: ("each, in threads", "/hooks/load"),
}
ALONE, ALONE_EACH, ROWS = "stored, without HTTP", "stored, without HTTP, a commit each", "rows by batched insert alone"
ALONES = {ALONE: "grouped", ALONE_EACH: "each, awaited"}
_EACH_ALONE = 100
"""Deliveries on each connection where nothing comes in over HTTP."""

Found = dict[str, list[Values]]


def measure(load: Load, rounds: int, connections: int) -> Found:
    """What each way comes to, round by round."""
    found: Found = {name: [] for name in (*WAYS, *ALONES, ROWS)}
    with Server() as server:
        server.prepare("deliveries", lambda url: Database(url).close())
        for _ in range(rounds):
            for name, (way, path) in WAYS.items():
                with server.copy("deliveries") as url:
                    found[name].append(_answered(url, way, path, load))
            for name in ALONES:
                found[name].append(stored(server, "deliveries", name, connections, _EACH_ALONE))
            with server.copy("deliveries") as url:
                found[ROWS].append({"per_second": limits(url, 20, 40, 20)["rows_per_second"]})
    return found


def stored(server: Server, prepared: str, name: str, at_once: int, each: int) -> Values:
    """What the intake stores, in one of the ways without HTTP, in a copy of a prepared database."""
    with server.copy(prepared) as url:
        settings = json.dumps({"connections": at_once, "each": each})
        command = [sys.executable, "-m", hooks_server.__name__, url, ALONES[name], settings]
        values: Values = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return values


def ratio(found: Found, one: str, *others: str) -> float:
    """How many of one for each of the best of the others, by the medians."""
    return _median(found[one], "per_second") / max(_median(found[other], "per_second") for other in others)


def _answered(url: str, way: str, path: str, load: Load) -> Values:
    with _serving(url, way) as (process, port):
        warm = load.warm_up(port, path)
        busy, held = _seconds_of_cpu(process), _megabytes(process)
        values = load.run(port, path)
        busy, held = _seconds_of_cpu(process) - busy, _megabytes(process) - held
    if path != "/bare":
        assert _count(url) >= warm["answers"] + values["answers"], "a delivery was answered and is not there"
    return values | {"cpu_ms": 1000 * busy / values["answers"], "megabytes": held}


@contextmanager
def _serving(url: str, way: str) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", hooks_server.__name__, url, way]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.pid, process.stdout.readline().strip()
        process.stdin.close()


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM dataflows.deliveries").fetchone()
    assert row is not None
    return int(row[0])


def _seconds_of_cpu(process: int) -> float:
    """That it has used; not a number where there is no ``/proc``."""
    status = Path(f"/proc/{process}/stat")
    if not status.exists():
        return math.nan
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _megabytes(process: int) -> float:
    """That it holds; not a number where there is no ``/proc``."""
    status = Path(f"/proc/{process}/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if status.exists() else math.nan


def _median(values: list[Values], key: str) -> float:
    return statistics.median(each[key] for each in values)


def _report(found: Found, generator: str) -> Table:
    details = (("p99_ms", 1), ("cpu_ms", 3), ("megabytes", 1))
    table = Table(
        "", "a second", "p99, ms", "server's CPU, ms", "its memory grew, MB", title=f"Deliveries, by {generator}"
    )
    for name, values in found.items():
        rest = (f"{_median(values, key):.{digits}f}" if key in values[0] else "" for key, digits in details)
        table.add_row(name, f"{_median(values, 'per_second'):,.0f}", *rest)
    return table


def main(rounds: int, connections: int, seconds: int) -> None:
    """Measure, and print what was found."""
    with tempfile.TemporaryDirectory() as directory:
        load = Load(Path(directory) / "deliveries", connections, seconds)
        found = measure(load, rounds, connections)
    console = Console()
    console.print(_report(found, load.generator))
    each = (EACH, EACH_IN_THREADS)
    console.print(f"over HTTP: {ratio(found, DURABLE, *each):.1f} times a commit each; {LEAST} is the aim")
    console.print(f"the bare 202: {ratio(found, BARE, *each):.1f} times that; no way to store is faster")
    console.print(f"without HTTP: {ratio(found, ALONE, ALONE_EACH):.1f} times a commit each")
    console.print(f"durable: {100 * ratio(found, DURABLE, BARE):.0f} % of the bare 202")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=4, help="of each turn over HTTP")
    main(**vars(parser.parse_args()))
