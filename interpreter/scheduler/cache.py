"""The machines of suspended executions, kept for a while: waking one then needs no replay.

Owns the bound. A machine that falls out is let go, and rebuilt from its journal when it is needed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from interpreter.machine import Machine

__all__ = ["Cache"]


class Cache:
    """The most recently suspended machines, by execution and generation. Any thread may take; only the driver keeps.

    :param abandon: lets a machine go that falls out, on the thread that keeps.
    """

    def __init__(self, size: int, abandon: Callable[[str, Machine], None]) -> None:
        self._size = size
        self._abandon = abandon
        self._lock = threading.Lock()
        self._machines: OrderedDict[tuple[str, int], Machine] = OrderedDict()

    def take(self, execution_id: str, generation: int) -> Machine | None:
        """The machine, which is the caller's from now on."""
        with self._lock:
            return self._machines.pop((execution_id, generation), None)

    def keep(self, execution_id: str, generation: int, machine: Machine) -> None:
        """Keep a machine, and let the one go that was kept longest."""
        with self._lock:
            displaced = self._machines.pop((execution_id, generation), None)
            self._machines[execution_id, generation] = machine
            fallen_out = self._machines.popitem(last=False) if len(self._machines) > self._size else None
        if displaced is not None:
            self._abandon(execution_id, displaced)
        if fallen_out is not None:
            (oldest, _), its_machine = fallen_out
            self._abandon(oldest, its_machine)

    def let_go(self, execution_id: str, machine: Machine) -> None:
        """A machine that was taken is of no use."""
        self._abandon(execution_id, machine)

    def clear(self) -> None:
        """Let all go."""
        with self._lock:
            machines, self._machines = self._machines, OrderedDict()
        for (execution_id, _), machine in machines.items():
            self._abandon(execution_id, machine)
