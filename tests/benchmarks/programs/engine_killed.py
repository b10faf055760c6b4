"""This engine in W6: a process that is killed with SIGKILL while executions are in flight, and another that goes on.

Each step writes a line to a file when it runs, so that the runs can be counted against the journal. The program is
called with ``serve`` for the processes that it starts and kills.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from dataflows import Flow, step, workflow
from interpreter import Scheduler
from tests.benchmarks.programs.common import Values, run, wait_for_count

COMPLETED = "SELECT count(*) FROM dataflows.executions WHERE status = 'completed'"
JOURNALED = "SELECT count(*) FROM dataflows.journal WHERE kind = 'step'"
NO_SESSIONS = """
    SELECT (count(*) = 0)::int FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'dataflows %%'
"""
KILLED_AFTER = 0.4


@workflow("counted-steps")
def counted_steps(steps: int, execution: int, file: str) -> Flow[None]:
    for index in range(steps):
        yield from step("note", note, file, f"{execution}:{index}\n")


def note(file: str, line: str) -> None:
    """A line that is there whatever happens to the process."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def killed(url: str, executions: int, steps: int, lease: float) -> Values:
    """W6: how long after the kill all are complete, and how many steps ran again."""
    with tempfile.NamedTemporaryFile() as file:
        first = _serve(url, lease, executions, steps, file.name)
        wait_for_count(url, JOURNALED, int(executions * steps * KILLED_AFTER))
        killed_at = time.monotonic()
        first.kill()
        wait_for_count(url, NO_SESSIONS, 1)  # a commit that was under way has now happened, or never will
        ran, unfinished = _lines(file.name), executions - _count(url, COMPLETED)
        in_flight = len(ran) - _count(url, JOURNALED)
        second = _serve(url, lease)
        wait_for_count(url, COMPLETED, executions)
        seconds = time.monotonic() - killed_at
        second.communicate()
        ran_again = len(_lines(file.name)) - len(set(_lines(file.name)))
        if len(set(_lines(file.name))) != executions * steps:
            raise AssertionError(f"{executions * steps} steps were to run, and {len(set(_lines(file.name)))} did")
    return {
        "seconds_beyond_lease": seconds - lease,
        "executions_unfinished": unfinished,
        "steps_in_flight": in_flight,
        "ran_again": ran_again,
        "ran_again_beyond_flight": max(0, ran_again - in_flight),
    }


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines()


def _count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _serve(url: str, lease: float, *work: int | str) -> subprocess.Popen[bytes]:
    arguments = ["-m", "tests.benchmarks.programs.engine_killed", "serve", url, str(lease), *map(str, work)]
    return subprocess.Popen([sys.executable, *arguments], stdin=subprocess.PIPE)


async def serve(url: str, lease: str, executions: str = "0", steps: str = "0", file: str = "") -> None:
    """Start what is to be started, and serve until the input ends."""
    async with Scheduler(url, lease=float(lease)) as scheduler:
        starts = (scheduler.start(counted_steps, int(steps), number, file) for number in range(int(executions)))
        await asyncio.gather(*starts)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(*sys.argv[2:]))
    else:
        run({"W6": killed})
