"""What happens to every request before and after it is routed.

Owns the order: first the sizes, then the path as it is routed; and the headers that each answer carries.
What is logged of a request holds no header, no query, no token of a callback, and no character that a log line
could be broken with.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interpreter.operations import hidden
from interpreter.service.limits import Limits, check_size
from interpreter.service.paths import routed_path
from interpreter.service.problems import Problem

__all__ = ["Guard"]

logger = logging.getLogger("dataflows.service")

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
"""Of each answer, where its handler does not say otherwise."""


class Guard:
    """Stands around the router."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answering = _Answering(scope, send)
        try:
            check_size(scope, self._limits)
            inner = {**scope, "path": routed_path(scope)}
        except Problem as problem:
            await problem.to_response()(scope, receive, answering)
        else:
            await self._app(inner, receive, answering)


class _Answering:
    """Sends the answer on, with the headers that each has, and logs it when it begins."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._begun = time.monotonic()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            given = message["headers"]
            names = {name for name, _ in given}
            message = {**message, "headers": [*given, *(each for each in _HEADERS if each[0] not in names)]}
            self._log(message["status"])
        await self._send(message)

    def _log(self, status: int) -> None:
        if not logger.isEnabledFor(logging.DEBUG):
            return
        milliseconds = (time.monotonic() - self._begun) * 1000
        path = ascii(hidden(self._scope["path"][:500]))
        logger.debug("%s %s: %d, after %.1f ms", ascii(self._scope["method"]), path, status, milliseconds)
