"""How many executions a scheduler may still come to hold.

Owns the count of those that are on their way, so that whoever starts and whoever claims at the
same moment do not both take the last place, and the ids of those that are being started.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

__all__ = ["Room", "StartingPlace"]


class Room:
    """Places for executions.

    :param size: how many may be held at once.
    :param held: those that are held now.
    """

    def __init__(self, size: int, held: Collection[str]) -> None:
        self._size = size
        self._held = held
        self._promised = 0
        self._starting: set[str] = set()
        self._lock = threading.Lock()

    def promise(self, most: int) -> int:
        """Keep places for up to so many that are about to come; answers for how many."""
        with self._lock:
            return self._promise(most)

    def settle(self, promised: int) -> None:
        """Those for whom so many places were kept are held by now, or do not come."""
        with self._lock:
            self._promised -= promised

    def begin_start(self, execution_id: str) -> StartingPlace | None:
        """A place for an execution that is neither here nor being started here, if there is one."""
        with self._lock:
            if execution_id in self._starting or execution_id in self._held or not self._promise(1):
                return None
            self._starting.add(execution_id)
            return StartingPlace(self, execution_id)

    def end_start(self, execution_id: str) -> None:
        """It is held by now, or does not come."""
        with self._lock:
            self._starting.discard(execution_id)
            self._promised -= 1

    @property
    def starting(self) -> frozenset[str]:
        """Those that are just being started here."""
        with self._lock:
            return frozenset(self._starting)

    def _promise(self, most: int) -> int:
        promised = max(0, min(most, self._size - len(self._held) - self._promised))
        self._promised += promised
        return promised

    def close(self) -> None:
        """There is no place any more."""
        self._size = 0


class StartingPlace:
    """The place of an execution that is being started; called when it is held by now, or does not come."""

    __slots__ = ("_execution_id", "_room")

    def __init__(self, room: Room, execution_id: str) -> None:
        self._room = room
        self._execution_id = execution_id

    def __call__(self, told: object) -> None:
        self._room.end_start(self._execution_id)
