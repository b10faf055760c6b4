"""An ASGI app on a loopback socket, served from a thread of its own.

Owns the socket, the thread and its event loop. Knows nothing of what is served. It takes uvicorn's
HTTP protocol and not its server: that one ends only after several tenths of a second.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

__all__ = ["LoopbackServer"]


class _OpenProtocol(H11Protocol):
    """Shows each request its connection, as ``scope["state"]["transport"]``, so that it can be closed early."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)  # type: ignore[arg-type]  # it narrows the base's argument


class LoopbackServer:
    """Serves from when it is made until ``close``.

    :param port: 0 for a free one.
    :ivar url: ``http://127.0.0.1:PORT``.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        listening = _listen(port)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        self._config = uvicorn.Config(app, lifespan="off", log_config=None, date_header=False, server_header=False)
        self._stop: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        serve = self._serve(listening)
        self._thread = threading.Thread(target=asyncio.run, args=[serve], name=self.url, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close all connections, and wait until nothing is served any more."""
        loop, stop = self._stop.result()
        loop.call_soon_threadsafe(stop.set)
        self._thread.join()

    async def _serve(self, listening: socket.socket) -> None:
        loop, stop, state = asyncio.get_running_loop(), asyncio.Event(), ServerState()
        server = await loop.create_server(lambda: _OpenProtocol(self._config, state, {}), sock=listening)
        self._stop.set_result((loop, stop))
        await stop.wait()
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # so that requests in progress learn of it before they are cancelled


def _listen(port: int) -> socket.socket:
    """A socket that takes connections at once; they wait until somebody serves."""
    # Only where the protocol is named does asyncio switch off Nagle's delay, 40 ms an answer.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    return listening
