"""Hears the database's notifications: hints that there is something to claim, or to read.

Owns a connection on which nothing else happens, as ``LISTEN`` wants, and a thread that sleeps
until the server says something. A hint that is missed costs a moment; what it hinted at is found
by polling.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable

__all__ = ["Listener"]


class Listener:
    """Calls ``heard`` with the payload of each notification: an execution's id, or nothing."""

    def __init__(self, connect: Callable[[str], Connection[Any]], heard: Callable[[str], None]) -> None:
        self._connect = connect
        self._heard = heard
        self._closed = threading.Event()
        self._woken, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="dataflows listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear nothing more."""
        self._closed.set()
        self._waker.close()
        self._thread.join()
        self._woken.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except (psycopg.Error, DatabaseUnavailable):
                self._closed.wait(1.0)

    def _listen(self) -> None:
        with self._connect("listener") as connection, selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            connection.execute("LISTEN dataflows")
            self._heard("")  # whatever came while nobody listened
            while not self._closed.is_set():
                for notification in connection.notifies(timeout=0):
                    self._heard(notification.payload)
                selector.select()
