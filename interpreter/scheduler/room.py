"""How many executions a scheduler may still come to hold.

Owns the count of those that are on their way, so that whoever starts and whoever claims at the
same moment do not both take the last place.
"""

from __future__ import annotations

import threading
from collections.abc import Sized

__all__ = ["Room"]


class Room:
    """Places for executions.

    :param size: how many may be held at once.
    :param held: those that are held now.
    """

    def __init__(self, size: int, held: Sized) -> None:
        self._size = size
        self._held = held
        self._promised = 0
        self._lock = threading.Lock()

    def promise(self, most: int) -> int:
        """Keep places for up to so many that are about to come; answers for how many."""
        with self._lock:
            promised = max(0, min(most, self._size - len(self._held) - self._promised))
            self._promised += promised
            return promised

    def settle(self, promised: int) -> None:
        """Those for whom so many places were kept are held by now, or do not come."""
        with self._lock:
            self._promised -= promised

    def close(self) -> None:
        """There is no place any more."""
        self._size = 0
