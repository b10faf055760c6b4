"""This engine in the workloads that all contestants run (W1 to W5), and in W1 on a full database (W9).

One process, ``async with Scheduler(url)``; executions are started by ``scheduler.start`` under ``asyncio.gather``,
which is as fast as the API allows. Settings are the defaults, but in W1 and W9 ``holding`` is twice the number of
executions, so that none of them has to wait in the database for a place.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import psycopg

from dataflows import Flow, gather, sleep, step, wait, workflow
from interpreter import Scheduler
from tests.benchmarks.programs.common import Values, percentile, resident_megabytes, run, wait_for_count
from tests.benchmarks.programs.raw import TABLE, commit_times

COMPLETED = "SELECT count(*) FROM dataflows.executions WHERE status = 'completed' AND created_at >= %s"
SUSPENDED = "SELECT count(*) FROM dataflows.executions WHERE status = 'suspended'"
AT_ONCE = 500
ROWS = 4
"""What the journal holds of an execution of one step: started, begun, step, completed."""

ran: SimpleQueue[float] = SimpleQueue()


def noop() -> None:
    """What every step does."""


@workflow("one-step")
def one_step() -> Flow[None]:
    yield from step("noop", noop)


@workflow("many-steps")
def many_steps(number: int) -> Flow[float]:  # dataflows: allow DF101
    began = time.perf_counter()
    for _ in range(number):
        yield from step("noop", noop)
    return time.perf_counter() - began


@workflow("gathered")
def gathered(number: int) -> Flow[float]:  # dataflows: allow DF101
    began = time.perf_counter()
    yield from gather(*[step("noop", noop) for _ in range(number)])
    return time.perf_counter() - began


@workflow("approval")
def approval() -> Flow[None]:
    yield from wait("approved")
    yield from step("tell", lambda: ran.put(time.perf_counter()))


@workflow("nap")
def nap() -> Flow[None]:
    yield from sleep("nap", "1d")


def executions(url: str, number: int) -> Values:
    """W1, W9: executions of one step."""
    elapsed = asyncio.run(_start_and_wait(url, number, one_step, ()))
    return {"executions_per_second": number / elapsed, "journal_rows_per_second": ROWS * number / elapsed}


def side_by_side(url: str, executions: int, steps: int) -> Values:
    """W2a: several executions of many steps."""
    elapsed = asyncio.run(_start_and_wait(url, executions, many_steps, (steps,)))
    return {"steps_per_second": executions * steps / elapsed}


async def _start_and_wait(url: str, number: int, what: Callable[..., Flow[Any]], arguments: tuple[Any, ...]) -> float:
    async with Scheduler(url, holding=max(1_000, 2 * number)) as scheduler:
        await scheduler.run(many_steps, 20)
        since = _database_time(url)
        began = time.perf_counter()
        await asyncio.gather(*(scheduler.start(what, *arguments) for _ in range(number)))
        await asyncio.to_thread(wait_for_count, url, COMPLETED, number, [since])
        return time.perf_counter() - began


def one_after_another(url: str, executions: int, steps: int) -> Values:
    """W2b: one execution of many steps, several times; the clock is read in the workflow.

    Before each there are as many single-row commits by plain psycopg, and the mean of the steps' times is held against
    the mean of theirs: each lasts a twentieth of a second, and what else this machine does changes as quickly.
    """
    with Scheduler(url) as scheduler, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        commit_times(connection, "warm-up", 50)
        scheduler.run(many_steps, 20)
        times, commits = [], []
        for number in range(executions):
            commits.append(statistics.fmean(commit_times(connection, f"before {number}", steps)) * 1000)
            times.append(scheduler.run(many_steps, steps) / steps * 1000)
    return {"ms_per_step": statistics.median(times), "commit_ms": statistics.median(commits)}


def in_a_gather(url: str, steps: int) -> Values:
    """W3: one execution, its steps in a gather; the clock is read in the workflow."""
    with Scheduler(url) as scheduler:
        scheduler.run(gathered, 20)
        return {"steps_per_second": steps / scheduler.run(gathered, steps)}


def signals(url: str, number: int, pause: float) -> Values:
    """W4: from before the signal is sent until the step after the wait runs; suspended executions, one at a time.

    Between two signals there is a single-row commit by plain psycopg, after the same pause: what wakes up takes longer.
    """
    with Scheduler(url) as scheduler, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        waiting = [scheduler.start(approval) for _ in range(number)]
        wait_for_count(url, SUSPENDED, number)
        times, commits = [], []
        for handle in waiting:
            began = time.perf_counter()
            handle.signal("approved")
            times.append((ran.get(timeout=30) - began) * 1000)
            time.sleep(pause)
            commits.append(commit_times(connection, handle.id, 1)[0] * 1000)
            time.sleep(pause)
    return {
        "p50_ms": percentile(times, 50),
        "p99_ms": percentile(times, 99),
        "commit_ms": percentile(commits, 50),
    }


def sleepers(url: str, number: int) -> Values:
    """W5: executions put to sleep, and what the process holds in memory for them."""
    return asyncio.run(_put_to_sleep(url, number))


async def _put_to_sleep(url: str, number: int) -> Values:
    async with Scheduler(url) as scheduler:
        await scheduler.run(many_steps, 20)
        idle = resident_megabytes()
        began = time.perf_counter()
        for _ in range(0, number, AT_ONCE):
            await asyncio.gather(*(scheduler.start(nap) for _ in range(AT_ONCE)))
        await asyncio.to_thread(wait_for_count, url, SUSPENDED, number)
        elapsed = time.perf_counter() - began
        return {"executions_per_second": number / elapsed, "megabytes": resident_megabytes() - idle}


def _database_time(url: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


if __name__ == "__main__":
    run(
        {
            "W1": executions,
            "W2a": side_by_side,
            "W2b": one_after_another,
            "W3": in_a_gather,
            "W4": signals,
            "W5": sleepers,
            "W9": executions,
        }
    )
