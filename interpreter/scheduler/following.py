"""What a thread of the performer's does next, where that needs no hand-over to another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from interpreter.scheduler.held import LiveAttempt

__all__ = ["Following"]


class Following(threading.local):
    """While a thread reports an attempt, it can take on the next.

    :param kept: thread → what it has taken on; the same in every thread.
    :ivar is_free: this thread can take one on.
    """

    def __init__(self, kept: dict[int, LiveAttempt]) -> None:
        self.is_free = False
        self._kept = kept

    @contextmanager
    def free(self) -> Iterator[None]:
        """Meanwhile it can take one on."""
        self.is_free = True
        try:
            yield
        finally:
            self.is_free = False

    def keep(self, attempt: LiveAttempt) -> None:
        """Perform this next."""
        self.is_free = False
        self._kept[threading.get_ident()] = attempt

    def take(self, thread: int | None = None) -> LiveAttempt | None:
        """What was kept, by this thread unless another is named."""
        return self._kept.pop(threading.get_ident() if thread is None else thread, None)
