"""The client as the service uses it: bounded in time, and without making again what was stored.

Owns the patience with the database. Nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

from dataflows.errors import DatabaseUnavailable
from interpreter import operations
from interpreter.client import AsyncVerbs
from interpreter.operations import NewDelivery, NewExecution, Stored, StoredResult
from interpreter.requests import Operation, Query
from interpreter.service.intake import Intake
from interpreter.verbs import verb

__all__ = ["Desk"]

T = TypeVar("T")


class Desk(AsyncVerbs):
    """The verbs of a client, or of a scheduler in this process.

    :param patience: seconds that the database may take for one of them; then it is ``DatabaseUnavailable``.
    """

    history_page = verb(operations.history_page)
    describe_published = verb(operations.describe_published)
    look_at_callback = verb(operations.look_at_callback)
    answer_callback = verb(operations.answer_callback)
    send_signal = verb(operations.send_signal)
    stored_delivery = verb(operations.stored_delivery)

    def __init__(self, client: AsyncVerbs, patience: float) -> None:
        self._pool = client._pool
        self._host = client._host
        self._patience = patience
        self._intake = Intake(self._perform)

    async def begin(self, new: NewExecution) -> None:
        """Start what has been prepared."""
        await self._perform(operations.start(new, self._host))

    async def take_in(self, delivery: NewDelivery) -> Stored:
        """Store a delivery, in one commit with those that come meanwhile."""
        return await self._intake.store(delivery)

    async def stored_result(self, id: str, wait: float, largest: int) -> StoredResult:
        """As ``operations.stored_result``."""
        operation = operations.stored_result(id, wait, self._host, largest=largest)
        return await self._within(self._patience + wait, operation)

    async def look_whether_it_answers(self) -> None:
        """:raises DatabaseUnavailable: the database does not."""
        await self._perform(_ask_the_time())

    async def _perform(self, operation: Operation[T]) -> T:
        return await self._within(self._patience, operation)

    async def _within(self, seconds: float, operation: Operation[T]) -> T:
        """Who waits is let go in time, also where the connection takes longer to be given up."""
        task = asyncio.ensure_future(self._pool.perform(operation))
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.add_done_callback(_forget)
            task.cancel()
            raise DatabaseUnavailable(f"the database does not answer within {seconds:g} s")
        return task.result()


def _ask_the_time() -> Operation[None]:
    yield Query("what_time_is_it", {})


def _forget(task: asyncio.Task[T]) -> None:
    """Nobody waits any more for what it comes to."""
    if not task.cancelled():
        task.exception()
