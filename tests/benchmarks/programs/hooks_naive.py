"""The route for deliveries with a commit for each, as one would write it: plain psycopg, and a pool of connections.

Both ways store the same row by one statement, which is a transaction by itself, and tell schedulers of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

from psycopg_pool import AsyncConnectionPool, ConnectionPool

from interpreter import AsyncClient
from interpreter.operations import NewDelivery, Stored
from interpreter.service import Limits
from interpreter.service.desk import Desk

__all__ = ["NAIVE", "Opening"]

CONNECTIONS = 8
SETTINGS: Mapping[str, Any] = {"autocommit": True}

STORE = """
    INSERT INTO dataflows.deliveries AS d (source, id, digest, events, type, subject, encoding, data, received_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
    ON CONFLICT (source, id) DO UPDATE SET conflicts = d.conflicts + 1 WHERE d.digest <> excluded.digest
    RETURNING conflicts, CASE conflicts WHEN 0 THEN pg_notify('dataflows', '/deliveries') END
"""

Opening: TypeAlias = Callable[[AsyncClient, str], AbstractAsyncContextManager[Desk]]
"""Makes what stores deliveries, of a client and the database's URL."""


class Awaiting(Desk):
    """On asyncio's connections."""

    connections: AsyncConnectionPool

    async def take_in(self, delivery: NewDelivery) -> Stored:
        async with self.connections.connection() as connection:
            cursor = await connection.execute(STORE, delivery, prepare=True)
            return _stored(await cursor.fetchone())


class InThreads(Desk):
    """On blocking connections, with a thread for each."""

    connections: ConnectionPool
    threads: ThreadPoolExecutor

    async def take_in(self, delivery: NewDelivery) -> Stored:
        return await asyncio.get_running_loop().run_in_executor(self.threads, self._store, delivery)

    def _store(self, delivery: NewDelivery) -> Stored:
        with self.connections.connection() as connection:
            return _stored(connection.execute(STORE, delivery, prepare=True).fetchone())


def _stored(row: tuple[Any, ...] | None) -> Stored:
    if row is None:
        return Stored.DUPLICATE
    return Stored.CONFLICT if row[0] else Stored.ACCEPTED


@asynccontextmanager
async def awaiting(client: AsyncClient, url: str) -> AsyncIterator[Desk]:
    desk = Awaiting(client, Limits().database)
    size = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    async with AsyncConnectionPool(url, kwargs=dict(SETTINGS), open=False, **size) as desk.connections:
        yield desk


@asynccontextmanager
async def in_threads(client: AsyncClient, url: str) -> AsyncIterator[Desk]:
    desk = InThreads(client, Limits().database)
    size = {"min_size": CONNECTIONS, "max_size": CONNECTIONS}
    with ConnectionPool(url, kwargs=dict(SETTINGS), open=True, **size) as desk.connections:
        with ThreadPoolExecutor(CONNECTIONS) as desk.threads:
            yield desk


NAIVE: Mapping[str, Opening] = {"each, awaited": awaiting, "each, in threads": in_threads}
