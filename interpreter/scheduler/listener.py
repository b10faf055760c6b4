"""What the claimer sleeps on: the database's notifications, a ring from another thread, or a time.

Owns a connection on which nothing else happens, as ``LISTEN`` wants. A notification that is missed
costs a moment; what it hinted at is found by polling, and so is everything where a pooler stands between.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection

from dataflows.errors import DatabaseUnavailable
from interpreter.store.connection import is_pooled

__all__ = ["ECHO", "Listener"]

ECHO = "/echo"
"""What is sent to oneself to find out whether anything comes; it means nothing to whoever else hears it."""

_PAUSE_AFTER_FAILURE = 1.0
_LONGEST_SILENCE = 20.0
_LONGEST_ECHO = 5.0


class Listener:
    """Used by one thread, but for ``ring``."""

    def __init__(self, connect: Callable[[str], Connection[Any]]) -> None:
        self._connect = connect
        self._connection: Connection[Any] | None = None
        self._socket = -1  # the connection's; kept, since a broken connection does not tell it any more
        self._retry_at = 0.0
        self._heard_at = self._echo_by = math.inf
        self._is_rung = False
        self._woken, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def ring(self) -> None:
        """End the wait, on any thread; what there is to tell was set down before."""
        if not self._is_rung:
            self._is_rung = True
            with suppress(OSError):  # it is closed, and nobody waits any more
                self._waker.send(b"\0")

    @property
    def is_deaf(self) -> bool:
        """Whether nothing is heard, so that whoever knows of something had better say it by ``ring``."""
        return self._connection is None

    def is_to_be_tried(self) -> bool:
        """Whether nothing was heard for so long that the caller is to send an echo, once."""
        now = time.monotonic()
        if self._echo_by < math.inf or now < self._heard_at + _LONGEST_SILENCE:
            return False
        self._echo_by = now + _LONGEST_ECHO
        return True

    def wait(self, seconds: float) -> list[str]:
        """Sleep until something happens; answers the payloads of the notifications that came.

        An empty payload says no more than that there may be something: also after the connection was new.
        """
        if time.monotonic() > self._echo_by:  # the connection is open on this side alone
            self._disconnect()
            self._retry_at = 0.0
        if self._connection is None and time.monotonic() >= self._retry_at and self._listen():
            return ["", *self._heard()]
        ready = {key.fileobj for key, _ in self._selector.select(seconds)}
        if self._woken in ready:
            self._woken.recv(64)
            self._is_rung = False  # only now: a ring between would be swallowed, and keep all later ones from ringing
        return self._heard() if self._socket in ready else []

    def close(self) -> None:
        """Hear nothing more."""
        self._disconnect()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _listen(self) -> bool:
        try:
            self._connection = self._connect("listener")
            if is_pooled(self._connection):  # whoever shares the session would be told in our place
                self._disconnect()
                self._retry_at = math.inf
                return False
            self._connection.execute("LISTEN dataflows")
            self._socket = self._connection.fileno()
            self._selector.register(self._socket, selectors.EVENT_READ)
            self._heard_at = time.monotonic()
        except (psycopg.Error, DatabaseUnavailable):
            self._disconnect()
            return False
        return True

    def _heard(self) -> list[str]:
        assert self._connection is not None
        try:
            payloads = [notification.payload for notification in self._connection.notifies(timeout=0)]
        except psycopg.Error:
            self._disconnect()
            return []
        if payloads:
            self._heard_at, self._echo_by = time.monotonic(), math.inf
        return [payload for payload in payloads if payload != ECHO]

    def _disconnect(self) -> None:
        self._retry_at = time.monotonic() + _PAUSE_AFTER_FAILURE
        with suppress(KeyError, ValueError):  # it may not be registered yet
            self._selector.unregister(self._socket)
        if self._connection is not None:
            self._connection.close()
        self._connection, self._socket = None, -1
        self._heard_at = self._echo_by = math.inf
