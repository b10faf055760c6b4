"""What a client and a scheduler can be asked alike, in plain code and in asyncio's.

The verbs are the bodies of ``operations``; the few methods that are written out here are those
whose types speak of the workflow's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, TypeVarTuple

from psycopg import AsyncConnection, Connection

from dataflows.commands import Flow
from dataflows.duration import Duration
from interpreter import operations
from interpreter.client.handles import AsyncHandle, Handle
from interpreter.operations import Host
from interpreter.verbs import Awaiting, Blocking, verb

__all__ = ["AsyncVerbs", "Verbs"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class CommonVerbs:
    """The verbs with the id first, the same blocking or awaited."""

    status = verb(operations.status)
    describe = verb(operations.describe)
    history = verb(operations.history)
    published = verb(operations.published)
    callbacks = verb(operations.list_callbacks)
    signal = verb(operations.signal)
    emit = verb(operations.emit)
    cancel = verb(operations.cancel)
    terminate = verb(operations.terminate)
    pause = verb(operations.pause)
    resume = verb(operations.resume)
    retry = verb(operations.retry)
    fork = verb(operations.fork)
    delete = verb(operations.delete)
    in_bulk = verb(operations.in_bulk)
    list = verb(operations.list_executions)
    limits = verb(operations.list_limits)
    purge = verb(operations.purge)
    list_schedules = verb(operations.list_schedules)
    pause_schedule = verb(operations.pause_schedule)
    resume_schedule = verb(operations.resume_schedule)
    delete_schedule = verb(operations.delete_schedule)
    trigger_schedule = verb(operations.trigger_schedule)
    backfill = verb(operations.backfill)
    list_deliveries = verb(operations.list_deliveries)
    describe_delivery = verb(operations.describe_delivery)
    replay_delivery = verb(operations.replay_delivery)


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

        :param id: names the execution until it is purged, and makes the start idempotent: the same id again
            answers the same execution. At most 200 characters. Default: a new one.
        :param delay: begin no sooner than this.
        :param tags: to find it by.
        :param version: which version of the workflow; default: the one that is given.
        :param connection: start within this connection's transaction; the caller commits.
        :raises WrongArguments: the workflow takes others; nothing is started.
        :raises IdInUse: the id belongs to an execution of another workflow.
        :raises CannotStore: an argument cannot be stored.
        """
        new = operations.to_start(workflow, version, args, {}, id, delay, tags)
        host = self._host if connection is None else None
        watch = None if host is None else host.watch(new.id)
        self._pool.perform(operations.start(new, host), connection)
        return Handle(new.id, self._pool, self._host, watch)

    def run(self, workflow: Callable[[*Ts], Flow[T]], /, *args: *Ts, id: str | None = None) -> T:
        """Start a workflow and wait for its result."""
        return self.start(workflow, *args, id=id).result()

    def start_with_signal(
        self,
        workflow: Callable[[*Ts], Flow[T]],
        /,
        *args: *Ts,
        id: str,
        signal: str,
        payload: Any = None,
        signal_id: str | None = None,
        delay: Duration = 0,
        tags: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> Handle[T]:
        """Start a workflow, unless it is there, and send it a signal, as one act: both are committed, or none.

        :param id: names the execution for ever; one that is there takes the signal, and its arguments stay.
        :param signal: the signal's name.
        :param payload: what the wait of that name is answered with.
        :param signal_id: sent twice under one id the signal arrives once. Default: each is new.
        :param delay, tags, version: as of ``start``, if it is started.
        :raises IdInUse: the id belongs to an execution of another workflow.
        :raises NotFound: the execution is there, and has ended.
        :raises WrongArguments: the workflow takes others; nothing is done.
        :raises CannotStore: an argument, or the payload, cannot be stored.
        """
        new = operations.to_start(workflow, version, args, {}, id, delay, tags)
        self._perform(operations.start_with_signal(new, signal, payload, signal_id))
        return Handle(new.id, self._pool, self._host)

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
        :raises WrongArguments: it takes others; nothing is started.
        """
        new = operations.to_start(name, version, args, dict(kwargs or {}), id, delay, tags)
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
        new = operations.to_start(workflow, version, args, {}, id, delay, tags)
        host = self._host if connection is None else None
        watch = None if host is None else host.watch(new.id)
        await self._pool.perform(operations.start(new, host), connection)
        return AsyncHandle(new.id, self._pool, self._host, watch)

    start.__doc__ = Verbs.start.__doc__

    async def run(self, workflow: Callable[[*Ts], Flow[T]], /, *args: *Ts, id: str | None = None) -> T:
        """Start a workflow and wait for its result."""
        return await (await self.start(workflow, *args, id=id)).result()

    async def start_with_signal(
        self,
        workflow: Callable[[*Ts], Flow[T]],
        /,
        *args: *Ts,
        id: str,
        signal: str,
        payload: Any = None,
        signal_id: str | None = None,
        delay: Duration = 0,
        tags: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> AsyncHandle[T]:
        new = operations.to_start(workflow, version, args, {}, id, delay, tags)
        await self._perform(operations.start_with_signal(new, signal, payload, signal_id))
        return AsyncHandle(new.id, self._pool, self._host)

    start_with_signal.__doc__ = Verbs.start_with_signal.__doc__

    def handle(self, id: str) -> AsyncHandle[Any]:
        """A handle on an execution that is there already."""
        return AsyncHandle(id, self._pool, self._host)

    async def result(self, id: str, timeout: Duration | None = None) -> Any:
        return await self._perform(operations.result(id, timeout, self._host))

    result.__doc__ = operations.result.__doc__
