"""Stands between a scheduler and PostgreSQL, and cuts connections in mid request.

The request is then carried out, or not, and its answer is lost either way. Listens on a Unix socket, as PostgreSQL
does; knows of PostgreSQL's protocol that a request ends with a Sync message, which a pipeline has followed by a Flush,
and that a session opens with its name.
"""

from __future__ import annotations

import random
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

__all__ = ["CHUNK", "CuttingProxy", "TellingProxy", "socket_of", "through_proxy"]

_SYNC = b"S\x00\x00\x00\x04"
_FLUSH = b"H\x00\x00\x00\x04"
_READY = b"Z\x00\x00\x00\x05I"
_FIELDS = b"SERROR\x00C58000\x00Mthe server is gone\x00\x00"
_GONE = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
CHUNK = 1 << 20


class CuttingProxy:
    """``host=folder`` in a conninfo reaches the server through it.

    :param server: the server's socket.
    :param folder: where its own socket is made.
    :param cuts: told the first message of a session (it holds ``application_name``); whether to cut its next request.
    :ivar cut: how many requests have lost their answer.
    """

    def __init__(self, server: Path, folder: Path, cuts: Callable[[bytes], bool], seed: int = 0) -> None:
        self._server = server
        self._cuts = cuts
        self._random = random.Random(seed)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / server.name))
        self.cut = 0

    def __enter__(self) -> Self:
        self._listener.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                threading.Thread(target=self._forward_requests, args=[client, server], daemon=True).start()
                threading.Thread(target=self._forward_answers, args=[server, client], daemon=True).start()

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        first = b""
        with closing(client), closing(server), suppress(OSError):
            while data := client.recv(CHUNK):
                first = first or data
                is_request = data.endswith((_SYNC, _SYNC + _FLUSH)) and data is not first
                if is_request and self._cuts(first):
                    self._hand_on_and_cut(data, client, server)
                    return
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _forward_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)

    def _hand_on_and_cut(self, request: bytes, client: socket.socket, server: socket.socket) -> None:
        """None of the request arrives, or half of it, or all; and the client cannot know."""
        self.cut += 1
        client.shutdown(socket.SHUT_RDWR)
        arrives = self._random.choice((0, len(request) // 2, len(request), len(request)))
        server.sendall(request[:arrives])
        server.shutdown(socket.SHUT_WR)


class TellingProxy(CuttingProxy):
    """Loses the server in mid request, tells so, and keeps the connection to its client, as some poolers do."""

    def __init__(self, server: Path, folder: Path, cuts: Callable[[bytes], bool]) -> None:
        super().__init__(server, folder, cuts)
        self._lost: set[socket.socket] = set()

    def _forward_requests(self, client: socket.socket, server: socket.socket) -> None:
        first = b""
        with closing(client), closing(server), suppress(OSError):
            while data := client.recv(CHUNK):
                first = first or data
                if data.endswith((_SYNC, _SYNC + _FLUSH)) and data is not first and self._cuts(first):
                    self._lost.add(client)
                    self.cut += 1
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _forward_answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if client not in self._lost:
                    client.sendall(data)
                elif data.endswith(_READY):
                    self._lost.discard(client)
                    client.sendall(_GONE + _READY)
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def through_proxy(
    database: str, cuts: Callable[[bytes], bool], kind: type[CuttingProxy] = CuttingProxy
) -> Iterator[tuple[CuttingProxy, str]]:
    """The same database, reached through a proxy that cuts."""
    with (
        tempfile.TemporaryDirectory(prefix="df-", dir="/tmp") as folder,  # short, since a socket's path is
        kind(socket_of(database), Path(folder), cuts) as proxy,
    ):
        yield proxy, make_conninfo(database, host=folder)


def socket_of(database: str) -> Path:
    """Where its server listens."""
    known = conninfo_to_dict(database)
    return Path(f"{known['host']}/.s.PGSQL.{known['port']}")
