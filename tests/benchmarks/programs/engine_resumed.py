"""This engine in W7: executions that have a long journal already, and go on.

Measured from the moment at which one becomes claimable (the update and its notification commit) until its next step
runs: the notification, the claim, the reading of the journal and the replay.
"""

from __future__ import annotations

import time
from queue import SimpleQueue

import psycopg

from dataflows import Flow, step, workflow
from interpreter import Scheduler
from tests.benchmarks.programs.common import Values, run
from tests.benchmarks.programs.fills import fill_half_done

ran: SimpleQueue[float] = SimpleQueue()


def noop() -> None:
    """What every journaled step did."""


@workflow("long-journal")
def long_journal(steps: int) -> Flow[None]:
    for _ in range(steps):
        yield from step("noop", noop)
    yield from step("tell", lambda: ran.put(time.perf_counter()))


def resumed(url: str, short: int, long: int) -> Values:
    """W7: a journal, and one that is ten times as long."""
    with Scheduler(url) as scheduler, psycopg.connect(url, autocommit=True) as connection:
        scheduler.run(long_journal, 20)
        ran.get()
        return {f"seconds_{name}": _resume(connection, steps) for name, steps in (("short", short), ("long", long))}


def _resume(connection: psycopg.Connection, steps: int) -> float:
    execution_id = fill_half_done(connection, "long-journal", steps)
    began = time.perf_counter()
    with connection.transaction():
        connection.execute("UPDATE dataflows.executions SET due_at = clock_timestamp() WHERE id = %s", [execution_id])
        connection.execute("NOTIFY dataflows")
    return ran.get(timeout=60) - began


if __name__ == "__main__":
    run({"W7": resumed})
