"""What is killed in the middle of transactions: workflows that count in a table of their own."""

from __future__ import annotations

import random
import time
from typing import Any

from psycopg import Connection

from dataflows import Flow, gather, step, transaction, workflow

__all__ = ["SCHEMA", "counting"]

SCHEMA = """
CREATE TABLE counters (id text PRIMARY KEY, n integer NOT NULL);
CREATE TABLE counts (id text NOT NULL, n integer NOT NULL, process integer NOT NULL DEFAULT pg_backend_pid());
GRANT ALL ON counters, counts TO public;
"""


def count(connection: Connection[Any], id: str, longest: float) -> int:
    """Count one more; what it was counted to is written down by itself, where nothing forbids to do so twice."""
    query = "INSERT INTO counters VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET n = counters.n + 1 RETURNING n"
    row = connection.execute(query, [id]).fetchone()
    assert row is not None
    time.sleep(random.random() * longest)
    connection.execute("INSERT INTO counts VALUES (%s, %s)", [id, row[0]])
    return int(row[0])


def note(number: int) -> int:
    return number


@workflow("transactions under violence")
def counting(id: str, rounds: int, longest: float) -> Flow[list[int]]:
    """In each round one transaction by itself, and two at once beside a step that wants its entry meanwhile."""
    counted: list[int] = []
    for number in range(rounds):
        counted.append((yield from transaction("alone", count, id, longest)))
        _, *both = yield from gather(
            step("note", note, number),
            transaction("one", count, f"{id}/one", longest),
            transaction("two", count, f"{id}/two", longest),
        )
        counted.extend(both)
    return counted
