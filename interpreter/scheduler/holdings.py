"""What a scheduler holds, by id.

Owns who enters and who leaves: any thread may bring an execution in, while the driver lets another
go and learns that a lease was lost.
"""

from __future__ import annotations

import threading

from interpreter.scheduler.held import Held

__all__ = ["Holdings"]


class Holdings(dict[str, Held]):
    """Id → the execution that is held. It is read like any dict, and changed by these methods alone.

    :ivar claiming: had while executions are claimed, until they are here. Who has it sees here what the database's
        account of this scheduler means: what was let go and claimed again is held by another in its place.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self.claiming = threading.Lock()
        self._lost = 0  # the last number that was lost; each new one is higher

    def add(self, held: Held) -> Held | None:
        """It is held from now on, unless its lease was lost on the way; answers the one in whose place it comes."""
        with self._lock:
            if held.scheduler <= self._lost:
                return None
            displaced = self.get(held.id)
            self[held.id] = held
            return displaced

    def has(self, held: Held) -> bool:
        """Whether it, and not another of its id, is held."""
        return self.get(held.id) is held

    def remove(self, held: Held) -> None:
        """It is held no longer."""
        with self._lock:
            if self.has(held):
                del self[held.id]

    def lose(self, scheduler: int) -> list[Held]:
        """Nothing is to be held any more that was claimed under this number or an earlier one; answers what is."""
        with self._lock:
            self._lost = max(self._lost, scheduler)
            return [held for held in self.values() if 0 < held.scheduler <= self._lost]
