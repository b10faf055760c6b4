"""What comes of it when a drive ends in the very moment in which it is told that it is stuck."""

from __future__ import annotations

import threading

import pytest

from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.watchdog import Drive, Stuck, Watchdog


class ToldWhileItLeaves(Watchdog):
    """``Stuck`` was set just as the drive ended, and is raised in the midst of its leaving."""

    def _leave(self, drive: Drive) -> None:
        if not drive.problem:
            drive.problem = "it took too long"
            raise Stuck
        super()._leave(drive)


def test_who_is_told_that_it_is_stuck_while_it_leaves_is_told_why_and_is_not_replaced() -> None:
    replaced = threading.Event()
    watchdog = ToldWhileItLeaves(0.02, lambda *drive: replaced.set(), Monitor())
    with pytest.raises(Stuck, match="it took too long"), watchdog.watching("e"):
        pass
    assert not replaced.wait(1.5)
    watchdog.close()
