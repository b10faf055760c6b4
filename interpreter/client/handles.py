"""``Handle`` and ``AsyncHandle``: one execution, with the verbs that are about it."""

from __future__ import annotations

from typing import Generic, TypeVar

from dataflows.duration import Duration
from interpreter import operations
from interpreter.operations import Host, Watch
from interpreter.verbs import Awaiting, AwaitingPool, Blocking, BlockingPool, of_execution

__all__ = ["AsyncHandle", "Handle"]

T = TypeVar("T")
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
    published = of_execution(operations.published)
    callbacks = of_execution(operations.list_callbacks)
    signal = of_execution(operations.signal)
    cancel = of_execution(operations.cancel)
    terminate = of_execution(operations.terminate)
    pause = of_execution(operations.pause)
    resume = of_execution(operations.resume)
    retry = of_execution(operations.retry)
    fork = of_execution(operations.fork)
    delete = of_execution(operations.delete)


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
