"""What all local services have in common: a clock, faults, a record of requests, a control route.

Owns the life of a service. It is controlled from Python, or by JSON over ``/__control`` where it
runs in a process of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from examples.services.clock import ServiceClock
from examples.services.faults import FaultInjector, Faults, answer_with
from examples.services.serving import LoopbackServer

__all__ = ["LocalService", "Rejected", "SeenRequest"]

CONTROL = "/__control"
CREDENTIALS = frozenset({"authorization", "x-shopify-access-token"})


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that came in, whatever became of it; its credential is left out of the headers."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class Rejected(Exception):
    """Raised in a handler: answer with this instead. A text is sent as HTML, anything else as JSON."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body, headers)
        self.status = status
        self.body = body
        self.headers = headers


class LocalService(ABC):
    """A stand-in for a service, which speaks the service's real protocol on a loopback socket.

    Used with ``with``, or with ``start`` and ``close``. Its state lives as long as the object.

    :ivar clock: the time it believes it is.
    :ivar faults: what is to go wrong next.
    :ivar requests: what came in, the control route apart.
    :ivar statuses: what was answered, in that order; a fault that hangs up answers nothing.
    """

    def __init__(self, clock: ServiceClock | None = None) -> None:
        self.clock = clock or ServiceClock()
        self.faults = Faults()
        self.requests: list[SeenRequest] = []
        self.statuses: list[int] = []
        self._server: LoopbackServer | None = None

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """The routes of the real service."""

    @abstractmethod
    def error_body(self, status: int) -> Any:
        """What the real service says under a status."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What ``GET /__control`` shows beside the requests."""

    def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out what was posted to ``/__control``: ``{"advance": 60}``, or ``{"fault": "drop", "times": 2}``."""
        if "advance" in command:
            self.clock.advance(command["advance"])
        if "fault" in command:
            details = {name: value for name, value in command.items() if name not in ("fault", "advance")}
            self.faults.add(command["fault"], **details)
        return {}

    @property
    def address(self) -> str:
        """Where it listens, ``http://127.0.0.1:PORT``; it must have been started."""
        if self._server is None:
            raise RuntimeError(f"{type(self).__name__} is not started: use it with `with`")
        return self._server.url

    def start(self, port: int = 0) -> Self:
        """Listen; 0 for a free port."""
        self._server = LoopbackServer(self._app(), port)
        return self

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _app(self) -> ASGIApp:
        return Starlette(
            routes=[
                *self.routes(),
                Route(CONTROL, self._show, methods=["GET"]),
                Route(CONTROL, self._control, methods=["POST"]),
            ],
            middleware=[
                Middleware(Recorder, self),
                Middleware(FaultInjector, self.faults, self.error_body, CONTROL),
            ],
            exception_handlers={Rejected: _answer_rejected},
        )

    async def _show(self, request: Request) -> Response:
        seen = [asdict(seen) for seen in self.requests]
        return JSONResponse({"requests": seen, "statuses": self.statuses, **self.state()})

    async def _control(self, request: Request) -> Response:
        return JSONResponse(self.command(await request.json()))


class Recorder:
    """ASGI middleware: notes each request, and dates each answer by the service's own clock."""

    def __init__(self, app: ASGIApp, service: LocalService) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(self._service.clock.timestamp(), usegmt=True)
                message["headers"] = [*message.get("headers", ()), (b"date", date.encode())]
                if scope["path"] != CONTROL:
                    self._service.statuses.append(message["status"])
            await send(message)

        if scope["path"] != CONTROL:
            self._service.requests.append(_seen(scope))
        await self._app(scope, receive, send_dated)


def _seen(scope: Scope) -> SeenRequest:
    headers = {name: value for name, value in Headers(scope=scope).items() if name not in CREDENTIALS}
    return SeenRequest(scope["method"], scope["path"], scope["query_string"].decode(), headers)


async def _answer_rejected(request: Request, error: Exception) -> Response:
    assert isinstance(error, Rejected)
    return answer_with(error.status, error.body, error.headers)
