"""Hears the database's notifications: hints that there is something to claim, or to read.

Owns a connection on which nothing else happens, as ``LISTEN`` wants. A hint that is missed
costs a moment; what it hinted at is found by polling.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable

__all__ = ["Listener"]

_LOOK_UP = 0.25
"""Seconds after which the thread looks whether it is to end."""


class Listener:
    """Calls ``heard`` with the payload of each notification: an execution's id, or nothing."""

    def __init__(self, connect: Callable[[str], Connection[Any]], heard: Callable[[str], None]) -> None:
        self._connect = connect
        self._heard = heard
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dataflows listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except (psycopg.Error, DatabaseUnavailable):
                self._closed.wait(1.0)

    def _listen(self) -> None:
        with self._connect("listener") as connection:
            connection.execute("LISTEN dataflows")
            self._heard("")  # whatever came while nobody listened
            while not self._closed.is_set():
                for notification in connection.notifies(timeout=_LOOK_UP):
                    self._heard(notification.payload)
