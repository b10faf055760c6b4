"""A server for the application: uvicorn, with deadlines for clients that are slow, and bounds for those that are not.

Owns the socket, and what holds below the application: how long a request's head may take and how large it may be, and
how long an answer may wait to be read. When it is told to stop, those that wait are answered first.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from interpreter.service.call import Service
from interpreter.service.limits import Limits

__all__ = ["Server", "listen"]

_GRACE = 5
"""Seconds that requests have to end when the server stops."""

_MOST_CONNECTIONS = 2_000

_UPGRADE = re.compile(rb"\r\nUpgrade:", re.IGNORECASE)
"""Java's own client offers HTTP/2 so with each first request. A server may pass over that, and go on in HTTP/1.1."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. :raises OSError: the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    # Connections inherit it. asyncio sets it only where a socket names its protocol, and this one does not; without it,
    # the body of an answer, which is sent behind its head, waits until that is acknowledged: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Server(uvicorn.Server):
    """Serves an application of ``create_app`` on a socket, until ``stop()`` is called; leaves signals to others."""

    def __init__(self, app: Starlette) -> None:
        self._service: Service = app.state.service
        super().__init__(_configured(app, self._service.limits))

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Let nobody wait any more, end what is under way, and return."""
        self._service.stopping.set()
        self.should_exit = True


def _configured(app: Starlette, limits: Limits) -> uvicorn.Config:
    protocol = type("Protocol", (_Protocol,), {"limits": limits})
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )


class _Protocol(HttpToolsProtocol):
    """A connection that is ended when nothing has come of it in time, or when too much has.

    The parser sets no bounds of its own: neither to a head, or the trailers behind a body, that has no end, nor to the
    requests that are sent ahead of an answer, which would queue up.
    """

    limits: Limits
    _deadline: asyncio.TimerHandle | None = None
    _blocked: asyncio.TimerHandle | None = None
    _unread = 0
    """Bytes since the last head or piece of a body was whole."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows asyncio's
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        if b"pgrade" in data and not self._is_answering():
            data = _without_offer(data)
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.limits.address + self.limits.headers and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline = _without(self._deadline)
        self._blocked = _without(self._blocked)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._blocked = self.loop.call_later(self.limits.send, self.transport.abort)

    def resume_writing(self) -> None:
        self._blocked = _without(self._blocked)
        super().resume_writing()

    def on_message_begin(self) -> None:
        if self._is_answering():
            self.transport.abort()
            raise ValueError("a request was sent ahead of the answer to the one before")
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        if self.parser.should_upgrade():
            raise ValueError("another protocol is offered in a way that cannot be passed over")
        if self.parser.get_http_version() == "1.1" and [name for name, _ in self.headers].count(b"host") != 1:
            raise ValueError("a request of HTTP/1.1 names one host")
        self._unread = 0
        super().on_headers_complete()
        self.headers = []  # what the trailers behind a body say is no header

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def _watch_head(self) -> None:
        """From the first byte, or the connection's beginning, a request's head has so long to be whole."""
        if self._is_answering():
            self._deadline = _without(self._deadline)
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.limits.receive, self.transport.abort)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _without_offer(data: bytes) -> bytes:
    """The head with another name for the header ``Upgrade``, which would have the parser drop the body behind it."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nIgnored:", head) + end + body


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """None; the timer is cancelled."""
    if timer is not None:
        timer.cancel()
    return None
