"""A server for the application: uvicorn, with deadlines for clients that are slow.

Owns the socket and the deadlines below the application: for a request's head, and for reading an answer. When it is
told to stop, those that wait are answered first.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from interpreter.service.call import Service
from interpreter.service.limits import Limits

__all__ = ["Server", "listen"]

_GRACE = 5
"""Seconds that requests have to end when the server stops."""

_MOST_CONNECTIONS = 2_000


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
        h11_max_incomplete_event_size=limits.address + limits.headers,
    )


class _Protocol(H11Protocol):
    """A connection that is ended when nothing has come of it in time."""

    limits: Limits
    _deadline: asyncio.TimerHandle | None = None
    _blocked: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
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

    def _watch_head(self) -> None:
        """From the first byte, or the connection's beginning, a request's head has so long to be whole."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering:
            self._deadline = _without(self._deadline)
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(self.limits.receive, self.transport.abort)


def _without(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """None; the timer is cancelled."""
    if timer is not None:
        timer.cancel()
    return None
