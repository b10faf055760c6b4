"""A program that has a scheduler put many executions to sleep, and prints by how much it has grown with them.

``python -m tests.scheduler.sleepers DATABASE NUMBER``
"""

from __future__ import annotations

import gc
import os
import sys
import threading

from psycopg import Connection

from dataflows import Flow, sleep, step, wait, workflow
from interpreter import Scheduler
from interpreter.store.rows import FORMAT
from tests.databases import opened
from tests.store.desk import EMPTY, one
from tests.waiting import eventually

START = """
WITH made AS (
    INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, created_at)
    SELECT %(prefix)s || n, %(workflow)s, 1, 'pending', now(), %(format)s, now()
    FROM generate_series(1, %(number)s) AS n
    RETURNING id, created_at
)
INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data)
SELECT id, 1, 1, created_at, 'started', %(encoding)s, %(data)s FROM made
"""
ASLEEP = "SELECT count(*) FROM dataflows.executions WHERE status = 'suspended'"
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


async def give_number() -> int:
    """On the loop, so that no thread is started for it in the middle of the measurement."""
    return 1


@workflow("sleepers/sleep")
def sleeper() -> Flow[str]:
    number = yield from step("number", give_number)
    yield from sleep("a year", "365d")
    yield from wait("never", timeout="365d")
    return f"awake {number}"


def put_to_sleep(connection: Connection[tuple[object, ...]], prefix: str, number: int) -> None:
    """Start so many, as clients would have, and wait until they are all asleep."""
    already = one(connection, ASLEEP)
    payload = {"encoding": EMPTY.encoding, "data": EMPTY.data, "format": FORMAT}
    connection.execute(START, {"prefix": prefix, "workflow": sleeper.name, "number": number, **payload})
    connection.execute("NOTIFY dataflows")
    eventually(lambda: one(connection, ASLEEP) == already + number, within=90)


def resident_memory() -> float:
    """In MB."""
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(database: str, number: int) -> None:
    """Everything has been used once before the first measure is taken."""
    with opened(database) as connection, Scheduler(database, on_event=lambda *_: None) as scheduler:
        put_to_sleep(connection, "first", 200)
        with connection.transaction():
            connection.execute("UPDATE dataflows.executions SET due_at = NULL")
        memory, threads, connections = resident_memory(), threading.active_count(), one(connection, CONNECTIONS)
        put_to_sleep(connection, "then", number)
        print(f"asleep: {one(connection, ASLEEP) - 200}")
        print(f"memory (MB): {resident_memory() - memory:.1f}")
        print(f"threads: {threading.active_count() - threads}")
        print(f"connections: {one(connection, CONNECTIONS) - connections}")
        assert scheduler.list(limit=1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
