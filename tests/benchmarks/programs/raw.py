"""The limits of the server itself, by plain psycopg on one connection.

Single-row commits, batches of 500 rows by a binary ``unnest`` (each batch a commit), and ``SELECT 1``, each as a
prepared statement. The table is the least that a journal can be: whose, the how many-th, of what kind, with what.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection

from tests.benchmarks.programs.common import Values, run

__all__ = ["TABLE", "commit_times"]

TABLE = """
    CREATE TABLE IF NOT EXISTS journal (
        execution_id text COLLATE "C", seq integer, kind text, data bytea, PRIMARY KEY (execution_id, seq))
"""
ONE_ROW = "INSERT INTO journal VALUES (%s, %s, 'step', '\\x6e756c6c')"
BATCH = "INSERT INTO journal SELECT * FROM unnest(%b::text[], %b::int4[], %b::text[], %b::bytea[])"
ROWS = 500


def commit_times(connection: Connection[Any], execution_id: str, number: int) -> list[float]:
    """How many seconds each of so many single-row commits took."""

    def commit(seq: int) -> None:
        connection.execute(ONE_ROW, [execution_id, seq], prepare=True)

    return [_seconds(partial(commit, seq)) for seq in range(number)]


def limits(url: str, commits: int, batches: int, selects: int) -> Values:
    """The server's limits."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)
        commit_times(connection, "warm-up", 50)
        commit = statistics.median(commit_times(connection, "single", commits))
        prepared = [_rows(f"batch-{number}") for number in range(batches)]
        batched = _seconds(lambda: [connection.execute(BATCH, rows, prepare=True) for rows in prepared])
        selected = _seconds(lambda: [connection.execute("SELECT 1", prepare=True).fetchone() for _ in range(selects)])
    return {
        "ms_per_commit": commit * 1000,
        "rows_per_second": batches * ROWS / batched,
        "selects_per_second": selects / selected,
    }


def _rows(execution_id: str) -> list[list[Any]]:
    return [[execution_id] * ROWS, list(range(ROWS)), ["step"] * ROWS, [b"null"] * ROWS]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    run({"limits": limits})
