"""A disk with little room, for a server that is to run out of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NoSmallDisk", "SmallDisk", "small_disk"]

_CHUNK = bytes(64 * 1024)


class NoSmallDisk(Exception):
    """None can be had here."""


class SmallDisk:
    """A folder that nothing else is in, on a file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte free."""
        with open(self._ballast, "wb", buffering=0) as ballast:
            for chunk in (_CHUNK, _CHUNK[:1]):
                try:
                    while True:
                        ballast.write(chunk)
                except OSError:
                    continue

    def clear(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """A file system in memory, of that size.

    :raises NoSmallDisk: mounting one is not allowed.
    """
    with tempfile.TemporaryDirectory(prefix="df-", dir="/tmp") as name:  # short, since a socket's path is
        if os.geteuid() != 0:
            raise NoSmallDisk("only root may mount a small disk")
        options = f"size={megabytes}m,mode=755"
        mounting = ["mount", "-t", "tmpfs", "-o", options, "dataflows-test", name]
        done = subprocess.run(mounting, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoSmallDisk(f"mounting a small disk is not allowed here: {done.stderr.strip()}")
        try:
            yield SmallDisk(Path(name))
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)
