"""Watches the drives: a workflow that computes for ever between two yields must not stop the others.

First the stack is reported and ``Stuck`` is raised in the drive. Where that is not heard (a
blocking call, an ``except BaseException`` in a loop), the thread is left behind and the driver
goes on in a new one.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Literal, Self

from interpreter.scheduler.monitor import Monitor

__all__ = ["Replaced", "Stuck", "Watchdog"]

_HEARING = 1.0
"""Seconds that a stuck drive has to hear ``Stuck``."""


class Stuck(BaseException):
    """Raised in a drive that does not yield. Not an ``Exception``, so that a workflow does not catch it by chance."""


class Replaced(BaseException):
    """Raised in a thread that comes back after it was left behind: it unwinds, and touches nothing."""


class Drive:
    """One drive under watch, by ``with``.

    :ivar seconds: how long the watchdog has seen it at the same entry, or deaf to ``Stuck``. What it slept through
        does not count: a process that was stopped for a while is not the workflow's fault.
    """

    __slots__ = ("_watchdog", "execution_id", "left_behind", "problem", "seconds", "thread")

    def __init__(self, watchdog: Watchdog, execution_id: str) -> None:
        self._watchdog = watchdog
        self.execution_id = execution_id
        self.thread = threading.get_ident()
        self.seconds = 0.0
        self.problem = ""
        self.left_behind = False

    def goes_on(self) -> None:
        """It has come to the next entry."""
        self.seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> Literal[False]:
        self._watchdog.leave(self)
        if self.left_behind:
            raise Replaced from None
        if self.problem and (kind is None or kind is Stuck):
            raise Stuck(self.problem) from None
        return False


class Watchdog:
    """A thread that looks at the current drive now and then.

    :param limit: seconds that a drive may take between two yields.
    :param replace: starts a new driver thread and tells it which execution the old one is stuck in, and why it is left
        behind, and its number.
    """

    def __init__(self, limit: float, replace: Callable[[str, str, int], None], monitor: Monitor) -> None:
        self._limit = limit
        self._pause = min(0.5, limit / 4)
        self._replace = replace
        self._monitor = monitor
        self._drive: Drive | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dataflows watchdog", daemon=True)
        self._thread.start()

    def watching(self, execution_id: str) -> Drive:
        """Around each drive.

        :raises Stuck: when it is left: it took too long; the message carries the stack.
        :raises Replaced: when it is left: it took so long that another thread drives now.
        """
        drive = self._drive = Drive(self, execution_id)
        return drive

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        self._thread.join()

    def leave(self, drive: Drive) -> None:
        """It is over."""
        try:
            self._leave(drive)
        except Stuck:  # it was just on its way; that is raised once
            self._leave(drive)

    def _leave(self, drive: Drive) -> None:
        with self._lock:
            if self._drive is drive:
                self._drive = None
            if drive.problem and not drive.left_behind:
                self._take_back(drive)

    def _take_back(self, drive: Drive) -> None:
        """An exception that was set and not yet raised would be raised anywhere."""
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(drive.thread), None)

    # The thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed.wait(self._pause):
            with self._lock:
                drive = self._drive
                stuck = drive is not None and self._look_at(drive)
            if stuck and drive is not None:
                self._replace(drive.execution_id, drive.problem, drive.thread)

    def _look_at(self, drive: Drive) -> bool:
        """True when the thread is to be left behind."""
        drive.seconds += self._pause
        if drive.problem:
            drive.left_behind = drive.seconds > _HEARING
            if drive.left_behind:
                self._drive = None
            return drive.left_behind
        if drive.seconds > self._limit:
            self._tell(drive)
        return False

    def _tell(self, drive: Drive) -> None:
        frame = sys._current_frames().get(drive.thread)
        stack = "".join(traceback.format_stack(frame)[-8:]) if frame is not None else ""
        drive.seconds = 0.0
        problem = f"the workflow computed for over {self._limit:g} s without yielding; put what takes long into a step"
        drive.problem = f"{problem}\n{stack}"
        self._monitor.emit("drive-stuck", execution=drive.execution_id, stack=stack)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(drive.thread), ctypes.py_object(Stuck))
