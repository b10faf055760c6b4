"""The application, put together: ``create_app``.

Owns how the parts are joined, and how long a client that it opens itself is open.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dataflows.workflow import Workflow, registry
from interpreter.client import AsyncVerbs, Client
from interpreter.operations import origin_of, public_url_or_default
from interpreter.service.call import Call, Service
from interpreter.service.desk import Desk
from interpreter.service.guard import Guard
from interpreter.service.hooks import Sources, sources_of
from interpreter.service.limits import Limits
from interpreter.service.problems import answer_http_exception, problem_of
from interpreter.service.routes import ROUTES, Endpoint
from interpreter.service.security import Gate, Token, tokens_of

__all__ = ["create_app"]


def create_app(
    client: AsyncVerbs | str | None = None,
    *,
    workflows: Iterable[Workflow[..., Any]] = registry,
    tokens: Iterable[Token | str] = (),
    hosts: Iterable[str] | None = None,
    origins: Iterable[str] = (),
    public_url: str | None = None,
    limits: Limits | None = None,
    sources: Sources = (),
) -> Starlette:
    """The HTTP API as an ASGI application, to be served by itself or mounted in another.

    :param client: an open ``AsyncClient``, or what ``async with Scheduler(...)`` gives. A database, or None for the
        default, is opened and left with the application's lifespan, which a mounted one does not have of its own.
    :param workflows: which can be started; default: all that are registered, also later.
    :param tokens: what opens it; a text opens everything. Without any, only this machine is answered, under
        the names ``localhost``, ``127.0.0.1`` and ``[::1]``, unless ``hosts`` says otherwise.
    :param hosts: the names under which it is reached, without ports; a request under any other is refused. With them
        and without tokens, whoever mounts it decides who gets through.
    :param origins: of pages that may ask besides its own, like ``"https://console.example"``.
    :param public_url: under which callbacks are reached from outside, like ``"https://flows.example"``: they are
        answered under that name too, and without a token. Default: ``DATAFLOWS_PUBLIC_URL``.
    :param sources: who may deliver events, each at ``/hooks/<its name>``; by its own secret, and without a token. Of
        several of one service, a mapping says where they are: ``{"github/ours": …, "github/theirs": …}``.
    :raises ValueError: a token or a URL that cannot be, or two sources in one place.
    """
    limits = Limits() if limits is None else limits
    names = None if hosts is None else frozenset(name.lower().strip("[]") for name in hosts)
    public = public_url_or_default(public_url)
    pages = frozenset(origin.lower().rstrip("/") for origin in origins)
    gate = Gate(tokens_of(tokens), names, pages, None if public is None else origin_of(public))
    service = Service(workflows, gate, limits, sources_of(sources))
    named = client if isinstance(client, str) or client is None else None
    if isinstance(client, AsyncVerbs):
        service.desk = Desk(client, limits.database)
    app = Starlette(
        routes=_routes(service),
        middleware=[Middleware(Guard, limits=limits)],
        exception_handlers={HTTPException: answer_http_exception},
        lifespan=None if service.desk is not None else _opening(service, named),
    )
    app.router.redirect_slashes = False
    app.state.service = service
    return app


def _opening(service: Service, database: str | None) -> Callable[[Starlette], Any]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Client(database) as client:
            service.desk = Desk(client, service.limits.database)
            try:
                yield
            finally:
                service.desk = None

    return lifespan


def _routes(service: Service) -> list[Route]:
    """One for each path, so that it knows all methods that are allowed there."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in ROUTES:
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [Route(path, _Resource(methods, service), methods=list(methods)) for path, methods in paths.items()]


class _Resource:
    """One path, answered by its methods: an ASGI application of its own, which a route puts nothing around."""

    def __init__(self, methods: Mapping[str, Endpoint], service: Service) -> None:
        self._methods = methods
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        endpoint = self._methods["GET" if request.method == "HEAD" else request.method]
        try:
            self._service.gate.check(request.scope, endpoint.access)
            return await endpoint.answer(Call(request, self._service))
        except Exception as error:
            return problem_of(error).to_response()
