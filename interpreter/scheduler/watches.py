"""Who waits in this process for the end of which execution.

Owns the promises that are told when an execution ends here; one for which nobody waits any more is forgotten.
"""

from __future__ import annotations

import threading
from weakref import WeakValueDictionary

from interpreter.machine import Status
from interpreter.operations import Watch
from interpreter.promise import Promise
from interpreter.store.rows import Row

__all__ = ["Watches"]


class Watches:
    """The watches that somebody holds. All of it may be called on any thread."""

    def __init__(self) -> None:
        self._watched: WeakValueDictionary[str, Watch] = WeakValueDictionary()
        self._lock = threading.Lock()

    def watch(self, execution_id: str) -> Watch:
        """Told when the execution ends, or is blocked, in this process; for as long as somebody holds it."""
        with self._lock:
            watch = self._watched.get(execution_id)
            if watch is None or watch.done():
                watch = self._watched[execution_id] = Promise()
            return watch

    def tell(self, execution_id: str, status: Status, told: Row | str) -> None:
        """It has ended with this row, or is blocked with this problem."""
        if (watch := self._of(execution_id)) is not None:
            watch.set_result((status, told))

    def fail(self, execution_id: str, error: BaseException) -> None:
        """Nobody in this process will know how it ends."""
        if (watch := self._of(execution_id)) is not None:
            watch.set_exception(error)

    def _of(self, execution_id: str) -> Watch | None:
        with self._lock:
            return self._watched.get(execution_id)
