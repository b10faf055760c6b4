"""This engine in W10: several schedulers, each a process of its own, share the executions of one database.

All executions are written at once, and whoever claims one performs it. Each process counts the steps that it runs.
The program is called with ``serve`` for the processes that it starts.
"""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count

import psycopg

from dataflows import Flow, step, workflow
from interpreter import Scheduler
from tests.benchmarks.programs.common import Values, run, wait_for_count
from tests.benchmarks.programs.fills import fill_pending

COMPLETED = "SELECT count(*) FROM dataflows.executions WHERE workflow = 'one-step' AND status = 'completed'"

steps_run = count()


def noop() -> None:
    """What every step does, but for being counted."""
    next(steps_run)


@workflow("one-step")
def one_step() -> Flow[None]:
    yield from step("noop", noop)


@workflow("warm-up")
def warm_up() -> Flow[None]:
    yield from step("nothing", int)


def several(url: str, schedulers: int, number: int) -> Values:
    """W10: executions of one step, by so many schedulers."""
    served = [_serve(url) for _ in range(schedulers)]
    for each in served:
        assert each.stdout is not None and each.stdout.readline() == "ready\n"
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.perf_counter()
        with connection.transaction():
            fill_pending(connection, "one-step", number)
            connection.execute("NOTIFY dataflows")
        wait_for_count(url, COMPLETED, number)
        elapsed = time.perf_counter() - began
    steps = sum(int(each.communicate()[0]) for each in served)
    return {f"executions_per_second_{schedulers}": number / elapsed, "run_twice": steps - number}


def _serve(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.benchmarks.programs.engine_several", "serve", url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def serve(url: str) -> None:
    """Serve until the input ends, then tell how many steps have run."""
    with Scheduler(url) as scheduler:
        scheduler.run(warm_up)
        print("ready", flush=True)
        sys.stdin.read()
    print(next(steps_run))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        run({"W10": several})
