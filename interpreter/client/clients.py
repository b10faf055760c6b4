"""``Client`` and ``AsyncClient``: the verbs, on a database, from a process that performs none.

Owns how a client is opened and closed.
"""

from __future__ import annotations

import asyncio
from typing import Any, Self

from dataflows.errors import SchedulerStopped
from interpreter.client.verbs import AsyncVerbs, Verbs
from interpreter.database import Database
from interpreter.verbs import AwaitingPool, BlockingPool

__all__ = ["AsyncClient", "Client"]


class AsyncClient(AsyncVerbs):
    """What ``async with Client(...)`` gives."""

    def __init__(self, pool: AwaitingPool) -> None:
        self._pool = pool


class Client(Verbs):
    """Starts executions and looks after them; performs none.

    ``with Client(url) as client`` in plain code, ``async with Client(url) as client`` in asyncio's.

    :param database: a libpq URL or conninfo; default: ``DATAFLOWS_DATABASE_URL``, else the embedded server.
    :raises DatabaseUnavailable, DatabaseUnsuitable: when it is entered.
    """

    def __init__(self, database: str | None = None) -> None:
        self._named = database
        self._database: Database | None = None
        self._async_client: AsyncClient | None = None

    def __getattr__(self, name: str) -> Any:
        if name == "_pool":
            raise SchedulerStopped("the client is not open: use it inside `with Client(...) as client:`")
        raise AttributeError(name)

    def __enter__(self) -> Self:
        self._database = Database(self._named)
        self._pool = BlockingPool(self._database.url)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._pool.close()
        del self._pool
        assert self._database is not None
        self._database.close()

    async def __aenter__(self) -> AsyncClient:
        self._database = await asyncio.to_thread(Database, self._named)
        self._async_client = AsyncClient(await AwaitingPool(self._database.url).open())
        return self._async_client

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._async_client is not None and self._database is not None
        await self._async_client._pool.close()
        await asyncio.to_thread(self._database.close)
