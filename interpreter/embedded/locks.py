"""Locks between processes that nobody can forget to give back.

Owns ``flock`` and what ``fork`` does to it. The kernel frees such a lock when its holder dies, however it
dies. It belongs to the *open file*, not to the process: two in one process count as two, and a forked child
would keep its parent's alive. So a child gives up its copies first thing.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":  # where the package must be importable all the same
    import fcntl

_open_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """One open lock file, not locked yet. The file stays where it is when the lock is closed.

    :raises OSError: the file cannot be made or opened, or its file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0, opener=_open_privately)  # noqa: SIM115 - it is open for as long as this is
        _open_locks.add(self)

    @property
    def is_open(self) -> bool:
        """False once closed; false also in a forked child, which has no part in its parent's lock."""
        return not self._file.closed

    def hold_shared(self) -> None:
        """Waits until nobody holds the lock alone, then holds it together with others."""
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def hold_alone(self) -> None:
        """Waits until nobody else holds the lock."""
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def is_the_only_holder(self) -> bool:
        """Whether nobody else held the lock; then it is held alone, otherwise a shared hold may be lost."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Gives the lock back; the second time it does nothing."""
        if self.is_open:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # closing alone would wait for a forked child to close its copy
            self._file.close()

    def forget(self) -> None:
        """Closes a forked child's copy; the parent still holds the lock."""
        self._file.close()


@contextmanager
def held_alone(path: Path) -> Generator[None]:
    """A mutex between processes, and between threads too."""
    lock = FileLock(path)
    try:
        lock.hold_alone()
        yield
    finally:
        lock.close()


def _open_privately(path: str, flags: int) -> int:
    """Only the owner may open it: whoever can open a file can lock it. A symbolic link is not followed."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _forget_in_forked_child() -> None:
    for lock in list(_open_locks):
        lock.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_forked_child)
