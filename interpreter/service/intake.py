"""Deliveries into the database: those that wait while a commit is in flight go into the next one together.

Owns the grouping, and how much may wait. Never more than one commit is in flight, and nobody waits for company: a
delivery that comes alone is committed alone, at once. While the database does not answer, one delivery asks whether it
does again, and the others are refused at once: a sender's own patience is a few seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from dataflows.errors import DatabaseUnavailable
from interpreter.operations import NewDelivery, Stored, store_deliveries
from interpreter.requests import Operation

__all__ = ["Intake"]

_MOST_AT_ONCE = 500
_MOST_BYTES_AT_ONCE = 16 * 1024 * 1024
_MOST_WAITING = 5_000
_MOST_BYTES_WAITING = 128 * 1024 * 1024

Perform: TypeAlias = Callable[[Operation[list[Stored]]], Coroutine[Any, Any, list[Stored]]]
"""Performs an operation, and is patient with the database for no longer than its time."""

_Waiting: TypeAlias = tuple[NewDelivery, "asyncio.Future[Stored]"]


class Intake:
    """Stores what it is given; used on one event loop."""

    def __init__(self, perform: Perform) -> None:
        self._perform = perform
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._has_failed = False

    async def store(self, delivery: NewDelivery) -> Stored:
        """Store it; when this returns, it is committed.

        :raises DatabaseUnavailable: it may not be: the database does not answer, or too much waits for it.
        """
        if len(self._waiting) >= _MOST_WAITING or self._bytes > _MOST_BYTES_WAITING:
            raise DatabaseUnavailable("more deliveries come in than the database takes")
        if self._has_failed and self._writing is not None:
            raise DatabaseUnavailable("the database did not answer a moment ago, and is being asked again")
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        self._bytes += len(delivery.data)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await future

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write(self._take())
        finally:
            self._writing = None

    def _take(self) -> list[_Waiting]:
        """The next group, in the order in which they came; one that comes again meanwhile is left for that after it."""
        group: dict[tuple[str, str], _Waiting] = {}
        size = 0
        while self._waiting and len(group) < _MOST_AT_ONCE and size < _MOST_BYTES_AT_ONCE:
            delivery, _ = self._waiting[0]
            if delivery.key in group:
                break
            group[delivery.key] = self._waiting.popleft()
            size += len(delivery.data)
        self._bytes -= size
        return list(group.values())

    async def _write(self, group: list[_Waiting]) -> None:
        """Commit a group and tell each; one that the database refuses for what is in it is told alone."""
        try:
            outcomes = await self._perform(store_deliveries([delivery for delivery, _ in group]))
        except DatabaseUnavailable as error:
            self._has_failed = True
            for _, future in (*group, *self._waiting):  # who waits behind it would wait as long, and in vain
                _settle(future, error)
            self._waiting.clear()
            self._bytes = 0
        except Exception as error:
            if len(group) == 1:
                _settle(group[0][1], error)
            else:
                for each in group:
                    await self._write([each])
        else:
            self._has_failed = False
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _settle(future, outcome)


def _settle(future: asyncio.Future[Stored], outcome: Stored | Exception) -> None:
    if future.done():  # who waited has been cancelled
        return
    if isinstance(outcome, Stored):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
