"""The event loop that async steps run on, on a thread of its own.

Owns the thread, which starts with the first coroutine, and what becomes of coroutines when it is stopped.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future
from typing import Any

__all__ = ["EventLoop"]


class EventLoop:
    """A loop that other threads hand coroutines to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        """Run it beside all others."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._started())

    def await_here(self, awaitable: Awaitable[Any]) -> Any:
        """Run it, and block until it has ended."""
        return self.submit(_await(awaitable)).result()

    def stop(self) -> None:
        """Cancel all that runs, and end the thread. It is not waited for."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=[self._loop], name="dataflows async steps", daemon=True).start()
            return self._loop


async def _await(value: Awaitable[Any]) -> Any:
    return await value


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(_cancel_the_rest(loop))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _cancel_the_rest(loop: asyncio.AbstractEventLoop) -> None:
    rest = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
