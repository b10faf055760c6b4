"""Stands between a scheduler and PostgreSQL, and falls silent: connections stay open, and what is sent goes nowhere.

The kernel that this proxy runs on acknowledges everything, so neither keepalive nor ``tcp_user_timeout`` notices.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from psycopg.conninfo import make_conninfo

from tests.acceptance.cutting_proxy import CHUNK, CuttingProxy, socket_of

__all__ = ["SilentProxy", "through_silent_proxy"]


class SilentProxy(CuttingProxy):
    """Hands everything on, until it is told not to; what is connected later is served again.

    :ivar given_up: how many connections that had fallen silent their clients have closed.
    """

    def __init__(self, server: Path, folder: Path) -> None:
        super().__init__(server, folder, lambda _: False)
        self._connected: set[socket.socket] = set()
        self._deaf: set[socket.socket] = set()
        self._mute: set[socket.socket] = set()
        self.given_up = 0

    def swallow(self, *, requests: bool) -> int:
        """Of what is connected now hand nothing more on: no requests and no answers, or only no answers."""
        connected = set(self._connected)
        self._mute |= connected
        self._deaf |= connected if requests else set()
        return len(connected)

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        self._connected.add(client)
        with closing(client), closing(server), suppress(OSError):
            while data := client.recv(CHUNK):
                if client not in self._deaf:
                    server.sendall(data)
            self.given_up += client in self._mute
            self._connected.discard(client)
            server.shutdown(socket.SHUT_RDWR)

    def _forward_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if client not in self._mute:
                    client.sendall(data)
            if client not in self._mute:
                client.shutdown(socket.SHUT_RDWR)


@contextmanager
def through_silent_proxy(database: str) -> Iterator[tuple[SilentProxy, str]]:
    """The same database, reached through a proxy that may fall silent."""
    with (
        tempfile.TemporaryDirectory(prefix="df-", dir="/tmp") as folder,  # short, since a socket's path is
        SilentProxy(socket_of(database), Path(folder)) as proxy,
    ):
        yield proxy, make_conninfo(database, host=folder)
