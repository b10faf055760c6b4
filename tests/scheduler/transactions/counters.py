"""A table of counters, and workflows that count in it by transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from psycopg import Connection

from dataflows import Cancelled, Flow, Retry, child, continue_as_new, gather, step, transaction, workflow
from interpreter import Scheduler
from tests.databases import opened
from tests.store.desk import one

__all__ = [
    "ACTS",
    "RELEASED",
    "SCHEMA",
    "WAITING",
    "act",
    "beside",
    "by_children",
    "caught",
    "cleaned_up",
    "count_up",
    "counted",
    "forget",
    "generations",
    "in_a_row",
    "kinds",
    "one_after_the_other",
    "one_transaction",
    "stuck_afterwards",
    "take_away",
    "together",
]

SCHEMA = "CREATE TABLE counters (id text PRIMARY KEY, n integer NOT NULL DEFAULT 0); GRANT ALL ON counters TO public"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
"""How many sessions wait for a lock."""

_COUNT = "INSERT INTO counters VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET n = counters.n + 1 RETURNING n"

ACTS: dict[str, Callable[[Connection[Any]], Any]] = {}
"""What a transaction does, by name."""

RELEASED = threading.Event()


def forget() -> None:
    RELEASED.clear()


def count_up(connection: Connection[Any], id: str) -> int:
    """Count one more under that name."""
    row = connection.execute(_COUNT, [id]).fetchone()
    assert row is not None
    return int(row[0])


def counted(database: Any, id: str) -> int:
    """How far has been counted."""
    with opened(str(database)) as connection:
        return int(one(connection, "SELECT coalesce(sum(n), 0) FROM counters WHERE id = %s", id))


def kinds(scheduler: Scheduler, id: str) -> list[str]:
    return [entry.kind for entry in scheduler.history(id)]


def act(connection: Connection[Any], name: str) -> Any:
    return ACTS[name](connection)


def noted(name: str) -> str:
    RELEASED.wait(20)
    return name


@workflow("transactions/one", retry=Retry(attempts=1))
def one_transaction(name: str, attempts: int = 1) -> Flow[Any]:
    return (yield from transaction("act", act, name, retry=Retry(attempts=attempts, first=0)))


@workflow("transactions/caught", retry=Retry(attempts=1))
def caught(name: str) -> Flow[Any]:
    try:
        return (yield from transaction("act", act, name))
    except Exception as error:
        return type(error).__qualname__, str(error)


@workflow("transactions/in a row")
def in_a_row(id: str, number: int) -> Flow[list[int]]:
    counts: list[int] = []
    for _ in range(number):
        counts.append((yield from transaction("count", count_up, id)))
    return counts


@workflow("transactions/one after the other", retry=Retry(attempts=1))
def one_after_the_other(name: str) -> Flow[Any]:
    yield from transaction("act", act, name)
    return (yield from transaction("act", act, f"{name}-next"))


@workflow("transactions/together")
def together(id: str, number: int) -> Flow[list[int]]:
    counts = yield from gather(*(transaction("count", count_up, id) for _ in range(number)))
    return sorted(counts)


@workflow("transactions/by children")
def by_children(id: str, number: int) -> Flow[list[int]]:
    counts = yield from gather(*(child(in_a_row, id, 1) for _ in range(number)))
    return sorted(count for (count,) in counts)


@workflow("transactions/generations")
def generations(id: str, number: int) -> Flow[int]:
    count = yield from transaction("count", count_up, id)
    return count if count == number else (yield from continue_as_new(id, number))


@workflow("transactions/stuck afterwards")
def stuck_afterwards(id: str) -> Flow[None]:
    yield from transaction("count", count_up, id)
    RELEASED.wait(60)  # dataflows: allow DF202


@workflow("transactions/beside")
def beside(name: str) -> Flow[Any]:
    return (yield from gather(transaction("act", act, name), step("note", noted, name)))


@workflow("transactions/cleaned up", retry=Retry(attempts=1))
def cleaned_up(name: str) -> Flow[Any]:
    try:
        yield from transaction("act", act, name)
    except Cancelled:
        yield from transaction("clean up", count_up, f"{name}-cleaned up")
        raise


def take_away(database: str, id: str, deaths: int = 0) -> None:
    """As if its scheduler had been taken over."""
    with opened(database) as connection, connection.transaction():
        connection.execute("DELETE FROM dataflows.schedulers")
        connection.execute(
            "UPDATE dataflows.executions SET scheduler = NULL, status = 'suspended', due_at = now(), deaths = %s "
            "WHERE id = %s",
            [deaths, id],
        )
