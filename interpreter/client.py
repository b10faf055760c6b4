"""Starting executions and looking after them, from a process that performs none.

Owns the classes that people hold: ``Client`` and ``AsyncClient``, ``Handle`` and
``AsyncHandle``. Their verbs are the bodies of ``operations``; the few methods that are written
out here are those whose types speak of the workflow's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, Self, TypeVar, TypeVarTuple

from psycopg import AsyncConnection, Connection

from dataflows.commands import Flow
from dataflows.duration import Duration
from dataflows.errors import SchedulerStopped
from interpreter import operations
from interpreter.database import Database
from interpreter.operations import Host, Watch
from interpreter.verbs import Awaiting, AwaitingPool, Blocking, BlockingPool, of_execution, verb

__all__ = ["AsyncClient", "AsyncHandle", "AsyncVerbs", "Client", "Handle", "Verbs"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


# Handles ----------------------------------------------------------------------------------------


PoolT = TypeVar("PoolT", BlockingPool, AwaitingPool)


class ExecutionVerbs(Generic[PoolT]):
    """The verbs of a handle that are the same, blocking or awaited."""

    def __init__(self, id: str, pool: PoolT, host: Host | None = None, watch: Watch | None = None) -> None:
        self.id = id
        self._pool: PoolT = pool
        self._host = host
        self._watch = watch

    def __repr__(self) -> str:
        return f"<execution {self.id!r}>"

    status = of_execution(operations.status)
    describe = of_execution(operations.describe)
    history = of_execution(operations.history)
    signal = of_execution(operations.signal)
    cancel = of_execution(operations.cancel)
    resume = of_execution(operations.resume)


class Handle(ExecutionVerbs[BlockingPool], Blocking, Generic[T]):
    """One execution, by its id."""

    def result(self, timeout: Duration | None = None) -> T:
        result: T = self._perform(operations.result(self.id, timeout, self._host, self._watch))
        return result

    result.__doc__ = operations.result.__doc__


class AsyncHandle(ExecutionVerbs[AwaitingPool], Awaiting, Generic[T]):
    """One execution, by its id; every verb is awaited."""

    async def result(self, timeout: Duration | None = None) -> T:
        result: T = await self._perform(operations.result(self.id, timeout, self._host, self._watch))
        return result

    result.__doc__ = operations.result.__doc__


# Verbs ------------------------------------------------------------------------------------------


class CommonVerbs:
    """The verbs with the id first, the same blocking or awaited."""

    status = verb(operations.status)
    describe = verb(operations.describe)
    history = verb(operations.history)
    signal = verb(operations.signal)
    cancel = verb(operations.cancel)
    resume = verb(operations.resume)
    list = verb(operations.list_executions)


class Verbs(CommonVerbs, Blocking):
    """What a client and a scheduler can be asked; every verb blocks until it is answered."""

    _host: Host | None = None

    def start(
        self,
        workflow: Callable[[*Ts], Flow[T]],
        /,
        *args: *Ts,
        id: str | None = None,
        delay: Duration = 0,
        tags: Mapping[str, str] | None = None,
        version: int | None = None,
        connection: Connection[Any] | None = None,
    ) -> Handle[T]:
        """Start a workflow; when this returns, the start is committed.

        :param id: names the execution for ever, and makes the start idempotent: the same id again
            answers the same execution. At most 200 characters. Default: a new one.
        :param delay: begin no sooner than this.
        :param tags: to find it by.
        :param version: which version of the workflow; default: the one that is given.
        :param connection: start within this connection's transaction; the caller commits.
        :raises IdInUse: the id belongs to an execution of another workflow.
        :raises CannotStore: an argument cannot be stored.
        """
        found = operations.find_workflow(workflow, version)
        new = operations.prepare(found, args, {}, id, delay, tags)
        host = self._host if connection is None else None
        watch = None if host is None else host.watch(new.id)
        self._pool.perform(operations.start(new, host), connection)
        return Handle(new.id, self._pool, self._host, watch)

    def run(self, workflow: Callable[[*Ts], Flow[T]], /, *args: *Ts, id: str | None = None) -> T:
        """Start a workflow and wait for its result."""
        return self.start(workflow, *args, id=id).result()

    def start_by_name(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        delay: Duration = 0,
        tags: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> Handle[Any]:
        """Start the newest version of a workflow, or the one named, by the workflow's name.

        :raises UnknownWorkflow: it is not registered in this process.
        """
        found = operations.find_workflow(name, version)
        new = operations.prepare(found, args, dict(kwargs or {}), id, delay, tags)
        self._perform(operations.start(new, self._host))
        return self.handle(new.id)

    def handle(self, id: str) -> Handle[Any]:
        """A handle on an execution that is there already."""
        return Handle(id, self._pool, self._host)

    def result(self, id: str, timeout: Duration | None = None) -> Any:
        return self._perform(operations.result(id, timeout, self._host))

    result.__doc__ = operations.result.__doc__


class AsyncVerbs(CommonVerbs, Awaiting):
    """What a client and a scheduler can be asked, from asyncio code; every verb is awaited."""

    _host: Host | None = None

    async def start(
        self,
        workflow: Callable[[*Ts], Flow[T]],
        /,
        *args: *Ts,
        id: str | None = None,
        delay: Duration = 0,
        tags: Mapping[str, str] | None = None,
        version: int | None = None,
        connection: AsyncConnection[Any] | None = None,
    ) -> AsyncHandle[T]:
        found = operations.find_workflow(workflow, version)
        new = operations.prepare(found, args, {}, id, delay, tags)
        host = self._host if connection is None else None
        watch = None if host is None else host.watch(new.id)
        await self._pool.perform(operations.start(new, host), connection)
        return AsyncHandle(new.id, self._pool, self._host, watch)

    start.__doc__ = Verbs.start.__doc__

    async def run(self, workflow: Callable[[*Ts], Flow[T]], /, *args: *Ts, id: str | None = None) -> T:
        """Start a workflow and wait for its result."""
        return await (await self.start(workflow, *args, id=id)).result()

    def handle(self, id: str) -> AsyncHandle[Any]:
        """A handle on an execution that is there already."""
        return AsyncHandle(id, self._pool, self._host)

    async def result(self, id: str, timeout: Duration | None = None) -> Any:
        return await self._perform(operations.result(id, timeout, self._host))

    result.__doc__ = operations.result.__doc__


# Clients ----------------------------------------------------------------------------------------


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
