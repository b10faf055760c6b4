"""This engine in W8: a scheduler that has nothing to do, in a database in which many executions sleep.

The server must have ``pg_stat_statements`` loaded; it counts every statement that reaches this database.
"""

from __future__ import annotations

import time

import psycopg

from dataflows import Flow, sleep, workflow
from interpreter import Scheduler
from tests.benchmarks.programs.common import Values, run
from tests.benchmarks.programs.fills import fill_asleep

STATEMENTS = """
    SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND query NOT LIKE '%pg_stat_statements%'
"""


@workflow("nap")
def nap() -> Flow[None]:
    yield from sleep("nap", "1d")


def idle(url: str, asleep: int, settle: float, seconds: float) -> Values:
    """W8: statements a second, and the share of one core that the process takes."""
    with psycopg.connect(url, autocommit=True) as connection, Scheduler(url) as scheduler:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        fill_asleep(connection, "nap", asleep)
        scheduler.start(nap)
        time.sleep(settle)
        connection.execute("SELECT pg_stat_statements_reset()")
        began, busy = time.perf_counter(), time.process_time()
        time.sleep(seconds)
        elapsed, busy = time.perf_counter() - began, time.process_time() - busy
        row = connection.execute(STATEMENTS).fetchone()
    assert row is not None
    return {"statements_per_second": row[0] / elapsed, "percent_of_a_core": 100 * busy / elapsed}


if __name__ == "__main__":
    run({"W8": idle})
