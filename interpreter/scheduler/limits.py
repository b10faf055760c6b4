"""How long a journal may become.

Owns the limit, and the words about it. A journal is read whole whenever its execution is taken up on another
scheduler, so one that grows without end takes longer to take up each time.
"""

from __future__ import annotations

from dataflows.errors import HistoryTooLong
from interpreter.scheduler.held import Held
from interpreter.scheduler.monitor import Monitor

__all__ = ["HistoryLimit"]

_ADVICE = "begin again with continue_as_new(...) before that, or give Scheduler(history=) a higher limit"


class HistoryLimit:
    """So many entries, and no more.

    :ivar half: from so many on, one looks more closely.
    """

    def __init__(self, most: int, monitor: Monitor) -> None:
        self.half = (most + 1) // 2
        self._most = most
        self._monitor = monitor

    def is_reached(self, held: Held, added: int) -> bool:
        """Whether it is at an end here, and not by its own; of one that is half there it is told once.

        :param added: how many of its entries are new.
        """
        entries = held.machine.seq
        if held.machine.outcome is not None:
            return False
        if entries - added < self.half:
            limits = {"entries": entries, "most": self._most, "advice": _ADVICE}
            self._monitor.emit("history-long", execution=held.id, workflow=held.workflow.name, **limits)
        return entries >= self._most

    def problem_of(self, held: Held) -> HistoryTooLong:
        """What its execution is ended with."""
        count = f"its journal has {held.machine.seq:,} entries, and {self._most:,} are the most"
        return HistoryTooLong(f"execution {held.id!r} was ended where it stood: {count}; {_ADVICE}")
