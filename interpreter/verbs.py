"""From one body of code to blocking and asynchronous methods.

A verb's body is a generator of requests (``operations``). Hung into a class with ``verb`` or
``of_execution`` it becomes a method: on a ``Blocking`` object a plain one, on an ``Awaiting``
object one to be awaited. Owns the two loops that perform a body, and their connections.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolClosed, PoolTimeout

from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from interpreter.promise import LoopWaker
from interpreter.requests import Operation, Pause, Query, Request
from interpreter.store.connection import (
    SETTINGS,
    configure,
    configure_async,
    configure_reader,
    one_transaction,
    one_transaction_async,
)
from interpreter.store.patience import PatientConnection
from interpreter.store.queries import QUERIES

__all__ = ["Awaiting", "AwaitingPool", "Blocking", "BlockingPool", "of_execution", "verb"]

P = ParamSpec("P")
T = TypeVar("T")

_MOST_CONNECTIONS = 8
_TRIES = _MOST_CONNECTIONS + 1  # when a server has been started again, all that are idle are lost, and each is found so
_REPEATED = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)


# Pools ------------------------------------------------------------------------------------------


class BlockingPool:
    """Performs operations on blocking connections.

    :param reading: only such as read: the server refuses any other.
    :param patience: seconds that the server may be silent; default: as long as it likes.
    """

    def __init__(self, url: str, *, reading: bool = False, patience: float | None = None) -> None:
        def prepare(connection: PatientConnection) -> None:
            connection.patience = patience
            (configure_reader if reading else configure)(connection)

        self._pool = ConnectionPool(
            url,
            connection_class=PatientConnection,
            kwargs={**SETTINGS, "application_name": "dataflows reader" if reading else "dataflows client"},
            configure=prepare,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            num_workers=1,
            open=True,
        )

    def perform(self, operation: Operation[T], connection: Connection[Any] | None = None) -> T:
        """Run an operation to its end; with a connection, its queries run there, in the caller's transaction."""
        answer: Any = None
        while True:
            try:
                request = operation.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            answer = self._answer(request, connection)

    def close(self) -> None:
        self._pool.close()

    def _answer(self, request: Request, connection: Connection[Any] | None) -> Any:
        if isinstance(request, Pause):
            return _pause(request)
        if connection is not None:
            return _ask(connection, request)
        for tried in range(1, _TRIES + 1):
            try:
                with self._pool.connection() as pooled:
                    return _ask(pooled, request)
            except (psycopg.OperationalError, PoolTimeout) as error:
                _raise_unless_worth_repeating(error, tried)
        raise AssertionError("unreachable")


class AwaitingPool:
    """Performs operations on asyncio's connections."""

    def __init__(self, url: str) -> None:
        self._pool = AsyncConnectionPool(
            url,
            kwargs={**SETTINGS, "application_name": "dataflows client"},
            configure=configure_async,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            num_workers=1,
            open=False,
        )

    async def open(self) -> Self:
        self._waker = LoopWaker(asyncio.get_running_loop())
        await self._pool.open()
        return self

    async def perform(self, operation: Operation[T], connection: AsyncConnection[Any] | None = None) -> T:
        """Run an operation to its end; with a connection, its queries run there, in the caller's transaction."""
        answer: Any = None
        while True:
            try:
                request = operation.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if isinstance(request, Pause):
                answer = await _pause_async(request, self._waker)
            else:
                answer = await self._answer(request, connection)

    async def close(self) -> None:
        await self._pool.close()

    async def _answer(self, query: Query, connection: AsyncConnection[Any] | None) -> Any:
        if connection is not None:
            return await _ask_async(connection, query)
        for tried in range(1, _TRIES + 1):
            try:
                async with self._pool.connection() as pooled:
                    return await _ask_async(pooled, query)
            except (psycopg.OperationalError, PoolTimeout) as error:
                _raise_unless_worth_repeating(error, tried)
        raise AssertionError("unreachable")


def _ask(connection: Connection[Any], query: Query) -> list[Any]:
    cursor = connection.cursor(row_factory=tuple_row)
    if query.lock is None:
        return cursor.execute(query.sql, query.parameters, prepare=True).fetchall()
    with one_transaction(connection):
        connection.execute(QUERIES["lock_event"], {"lock": query.lock}, prepare=True)
        cursor.execute(query.sql, query.parameters, prepare=True)
    return cursor.fetchall()


async def _ask_async(connection: AsyncConnection[Any], query: Query) -> list[Any]:
    cursor = connection.cursor(row_factory=tuple_row)
    if query.lock is None:
        return await (await cursor.execute(query.sql, query.parameters, prepare=True)).fetchall()
    async with one_transaction_async(connection):
        await connection.execute(QUERIES["lock_event"], {"lock": query.lock}, prepare=True)
        await cursor.execute(query.sql, query.parameters, prepare=True)
    return await cursor.fetchall()


def _pause(pause: Pause) -> Any:
    if pause.promise is None:
        time.sleep(pause.seconds or 0)
        return None
    return pause.promise.result() if pause.promise.wait(pause.seconds) else None


async def _pause_async(pause: Pause, waker: LoopWaker) -> Any:
    if pause.promise is None:
        await asyncio.sleep(pause.seconds or 0)
        return None
    return pause.promise.result() if await waker.wait(pause.promise, pause.seconds) else None


def _raise_unless_worth_repeating(error: Exception, tried: int) -> None:
    """Every query of a verb may be repeated: each names what it makes by an id."""
    if isinstance(error, PoolClosed):
        raise SchedulerStopped("the scheduler or client that this came from is closed") from None
    if tried < _TRIES and not isinstance(error, PoolTimeout):
        return
    if isinstance(error, _REPEATED):
        raise error
    raise DatabaseUnavailable(f"the database does not answer: {str(error).strip()}") from error


# Methods ----------------------------------------------------------------------------------------


class Blocking:
    """An object whose verbs block."""

    _pool: BlockingPool

    def _perform(self, operation: Operation[T]) -> T:
        return self._pool.perform(operation)


class Awaiting:
    """An object whose verbs are awaited."""

    _pool: AwaitingPool

    async def _perform(self, operation: Operation[T]) -> T:
        return await self._pool.perform(operation)


class verb(Generic[P, T]):
    """A method made of an operation."""

    def __init__(self, body: Callable[P, Generator[Request, Any, T]]) -> None:
        self.body: Callable[..., Generator[Request, Any, T]] = body
        self.__doc__ = body.__doc__

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: Blocking, owner: Any) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: Any) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self

        @functools.wraps(self.body)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return instance._perform(self._begin(instance, *args, **kwargs))

        return method

    def _begin(self, instance: Any, *args: Any, **kwargs: Any) -> Operation[T]:
        return self.body(*args, **kwargs)


class of_execution(verb[P, T]):
    """A method of a handle: an operation whose first argument is the handle's id."""

    def __init__(self, body: Callable[Concatenate[str, P], Generator[Request, Any, T]]) -> None:
        self.body = body
        self.__doc__ = body.__doc__

    def _begin(self, instance: Any, *args: Any, **kwargs: Any) -> Operation[T]:
        return self.body(instance.id, *args, **kwargs)
