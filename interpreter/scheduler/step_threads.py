"""The threads that steps run on: no more than are allowed, and no more than are wanted for longer than a moment.

Owns their number, and what each does next. Of many steps that are over at once a few threads do all, in less time than
it takes to make a thread for each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue

from interpreter.scheduler.held import LiveAttempt

__all__ = ["StepThreads"]

_MOMENT = 0.001
"""Seconds for which attempts wait for the threads that there are, before there is another."""


class StepThreads:
    """Threads, of which there is none at first.

    :param most: how many there are at once.
    :param perform: called on one of them with an attempt; answers False if the thread was left behind meanwhile.
    """

    def __init__(self, most: int, perform: Callable[[LiveAttempt], bool]) -> None:
        self._most = most
        self._perform = perform
        self._queue: SimpleQueue[LiveAttempt | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._number = 0
        self._wanted = 0  # for attempts that are being performed, or stand in the queue
        self._is_growing = False
        self._closed = False
        self._here = _Here()
        self._next: dict[int, LiveAttempt] = {}  # by thread

    def submit(self, attempt: LiveAttempt) -> None:
        """Have it performed, next by this thread if it is free for one, else by the first that is."""
        if self._here.is_free and self._queue.empty():
            self._here.is_free = False
            self._next[threading.get_ident()] = attempt
            return
        with self._lock:
            self._wanted += 1
            grows = self._is_to_grow()
        self._queue.put(attempt)
        if grows:
            self._add_one()

    @property
    def free(self) -> AbstractContextManager[None]:
        """Meanwhile this thread can take on what it does next, which needs no hand-over to another."""
        return self._here

    def leave_behind(self, thread: int | None = None) -> LiveAttempt | None:
        """One of them does not come back: another may be made in its place. Answers what it was to do next."""
        with self._lock:
            self._number -= 1
            self._wanted -= 1
        return None if thread is None else self._next.pop(thread, None)

    def close(self) -> None:
        """Each of them ends when what it performs has ended. They are not waited for."""
        with self._lock:
            self._closed = True
            number, self._number = self._number, 0
        for _ in range(number):
            self._queue.put(None)

    def _is_to_grow(self) -> bool:
        """Whether the caller is to add a thread, where there are too few and none is on its way; with the lock held."""
        if self._is_growing or self._closed or self._number >= min(self._wanted, self._most):
            return False
        self._number += 1
        self._is_growing = True
        return True

    def _add_one(self) -> None:
        try:
            threading.Thread(target=self._run, name="dataflows step", daemon=True).start()
        except RuntimeError:  # the system gives no more; it is asked again with the next attempt
            with self._lock:
                self._number -= 1
                self._is_growing = False
                is_hopeless = not self._number
            if is_hopeless:
                raise

    # Each thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._number > 1:
            time.sleep(_MOMENT)
        with self._lock:
            self._is_growing = False
            grows = self._is_to_grow()
        if grows:
            self._add_one()
        attempt = self._queue.get()
        while attempt is not None and self._perform(attempt):
            attempt = self._next.pop(threading.get_ident(), None) or self._wait()

    def _wait(self) -> LiveAttempt | None:
        with self._lock:
            self._wanted -= 1
        return self._queue.get()


class _Here(threading.local):
    """Whether this thread can take one on, which it can meanwhile."""

    is_free = False

    def __enter__(self) -> None:
        self.is_free = True

    def __exit__(self, *error: object) -> None:
        self.is_free = False
