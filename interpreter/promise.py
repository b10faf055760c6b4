"""What one thread will tell others: a value, or an error.

A future in all but its weight. Each execution that is started needs two, and of a ``concurrent.futures.Future`` the
garbage collector has a dozen objects to visit; of a promise for which nobody waits, one. Owns how plain code and
asyncio's wait for one; knows nothing of what is told.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from dataflows.outcome import Error, Outcome, Value

__all__ = ["LoopWaker", "Promise"]

T = TypeVar("T")

_lock = threading.Lock()  # of all promises: it is held for a moment


class Promise(Generic[T]):
    """A value or an error that is told once; what is told after that is not heard. Its methods are named as a future's.

    A callback is called with the promise, by the thread that tells it, or at once if it has been told. It must not
    raise.
    """

    __slots__ = ("__weakref__", "_callbacks", "_outcome")

    def __init__(self) -> None:
        self._outcome: Outcome[T] | None = None
        self._callbacks: tuple[Callable[[Promise[T]], object], ...] = ()

    def done(self) -> bool:
        return self._outcome is not None

    def result(self) -> T:
        """What was told; an error is raised. To be asked only when it is done."""
        assert self._outcome is not None, "nothing has been told yet"
        if isinstance(self._outcome, Error):
            raise self._outcome.exception
        return self._outcome.value

    def exception(self) -> BaseException | None:
        """The error that was told."""
        return self._outcome.exception if isinstance(self._outcome, Error) else None

    def set_result(self, value: T) -> None:
        self._tell(Value(value))

    def set_exception(self, error: BaseException) -> None:
        self._tell(Error(error))

    def add_done_callback(self, callback: Callable[[Promise[T]], object]) -> None:
        with _lock:
            if self._outcome is None:
                self._callbacks += (callback,)
                return
        callback(self)

    def remove_done_callback(self, callback: Callable[[Promise[T]], object]) -> None:
        with _lock:
            self._callbacks = tuple(other for other in self._callbacks if other is not callback)

    def wait(self, seconds: float | None = None) -> bool:
        """Block until it is told, or so many seconds; answers whether it was told."""
        told = threading.Event()

        def wake(_: Promise[T]) -> None:
            told.set()

        self.add_done_callback(wake)
        told.wait(seconds)
        self.remove_done_callback(wake)
        return self.done()

    def _tell(self, outcome: Outcome[T]) -> None:
        with _lock:
            if self._outcome is not None:
                return
            self._outcome, callbacks, self._callbacks = outcome, self._callbacks, ()
        for callback in callbacks:
            callback(self)


class _Wake:
    """A callback of a promise, in one object."""

    __slots__ = ("_told", "_waker")

    def __init__(self, waker: LoopWaker, told: asyncio.Future[None]) -> None:
        self._waker = waker
        self._told = told

    def __call__(self, promise: object) -> None:
        self._waker.wake(self._told)


class LoopWaker:
    """Lets the code of one event loop await promises. Those that are told in quick succession cost it one wake-up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._told: deque[asyncio.Future[None]] = deque()
        self._is_called = False

    async def wait(self, promise: Promise[T], seconds: float | None = None) -> bool:
        """Wait until it is told, or so many seconds; answers whether it was told."""
        told = self._loop.create_future()

        wake = _Wake(self, told)
        promise.add_done_callback(wake)
        try:
            await (told if seconds is None else asyncio.wait([told], timeout=seconds))
        finally:
            promise.remove_done_callback(wake)
        return promise.done()

    def wake(self, told: asyncio.Future[None]) -> None:
        """Have it told by the loop; called on any thread."""
        self._told.append(told)
        if not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop is closed, and whoever waited in it has gone
                self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        self._is_called = False  # before the look: who comes after it calls again
        while self._told:
            told = self._told.popleft()
            if not told.done():
                told.set_result(None)
