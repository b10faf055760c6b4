"""One request, as the handlers of all resources see it.

Owns how path, query, headers and body are taken apart and refused. A handler gets checked values only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request

from dataflows.connectors.sources import Source
from dataflows.errors import SchedulerStopped
from dataflows.names import check_name
from dataflows.workflow import Workflow
from interpreter.service.bodies import check_media_type, parse
from interpreter.service.desk import Desk
from interpreter.service.limits import Limits, read_body
from interpreter.service.members import Members
from interpreter.service.problems import Problem
from interpreter.service.security import Gate

__all__ = ["Call", "Service"]

T = TypeVar("T")

_LONG = 64 * 1024
"""Bytes of a body that are read without stopping for other requests."""

_QUOTED_KEY = re.compile(r'"((?:[^"\\]|\\["\\])*)"')


class Service:
    """What all requests of an application share.

    :ivar sources: who may deliver, by the place below ``/hooks/``.
    :ivar desk: set while the application is open.
    :ivar waiting: how many follow an execution, or wait for a result.
    :ivar stopping: set when nobody is to be kept waiting any more.
    """

    def __init__(
        self,
        workflows: Iterable[Workflow[..., Any]],
        gate: Gate,
        limits: Limits,
        sources: Mapping[str, Source] | None = None,
    ) -> None:
        self.workflows = workflows
        self.sources = {} if sources is None else sources
        self.gate = gate
        self.limits = limits
        self.stopping = asyncio.Event()
        self.desk: Desk | None = None
        self.waiting = 0

    @contextmanager
    def one_more_waiting(self) -> Iterator[None]:
        """For as long as somebody waits here."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def check_room(self) -> None:
        """:raises Problem: too many are waiting here, or it is being stopped."""
        if self.waiting >= self.limits.streams or self.stopping.is_set():
            raise Problem("unavailable", "Too many are waiting here already, or the server is being stopped.")

    async def is_stopped_within(self, seconds: float) -> bool:
        """Whether the service is to stop, after so many seconds at most."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def unless_stopped(self, wanted: Awaitable[T]) -> T | None:
        """What it comes to; None if the service is to stop before."""
        task, stop = asyncio.ensure_future(wanted), asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stop.cancel()


class Call:
    """A request to be answered."""

    def __init__(self, request: Request, service: Service) -> None:
        self._request = request
        self.service = service

    @property
    def desk(self) -> Desk:
        """What executions are asked of."""
        if self.service.desk is None:
            raise SchedulerStopped("the application is not open: run its lifespan, or give it an open client")
        return self.service.desk

    @property
    def method(self) -> str:
        """In upper case."""
        return self._request.method

    @property
    def parameters(self) -> Mapping[str, str]:
        """What stands in the path for each of the route's names."""
        return self._request.path_params

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """All of them, as they came."""
        return self._request.headers.raw

    async def raw_body(self, largest: int) -> bytes:
        """The body as it came. :raises Problem: it is too large, compressed, too slow, or cut off."""
        return await read_body(self._request, largest, self.service.limits.receive)

    @property
    def root(self) -> str:
        """The path under which the application is mounted; "" for none."""
        return quote(self._request.scope.get("root_path", ""))

    def name(self, parameter: str) -> str:
        """A name or an id from the path. :raises Problem: nothing can be called so."""
        try:
            return check_name(self._request.path_params[parameter], "a name")
        except ValueError as error:
            raise Problem("not-found", f"{error}.") from None

    def header(self, name: str) -> str | None:
        """The header's value."""
        return self._request.headers.get(name)

    def idempotency_key(self) -> str | None:
        """The header of that name, as it is or as a quoted string. :raises Problem: it is no id."""
        value = self.header("idempotency-key")
        if value is None:
            return None
        quoted = _QUOTED_KEY.fullmatch(value)
        key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
        try:
            return check_name(key, "an Idempotency-Key") if key.isascii() else _refuse_key()
        except ValueError as error:
            raise Problem("invalid", f"{error}.") from None

    def query(self, *known: str) -> Members:
        """The parameters behind the question mark: texts, those that may be repeated in lists.

        :param known: their names; one that may be repeated ends with ``*``.
        """
        many = {name[:-1] for name in known if name.endswith("*")}
        found: dict[str, Any] = {}
        for name, value in self._request.query_params.multi_items():
            if name in found and name not in many:
                raise Problem("invalid", f"The parameter {name[:80]!a} stands there twice.")
            found[name] = [*found.get(name, []), value] if name in many else value
        return Members(found, "parameter", [name.rstrip("*") for name in known])

    async def body(self, default: Any = None) -> Any:
        """The value that came as JSON; the default if nothing came."""
        limits = self.service.limits
        body = await read_body(self._request, limits.body, limits.receive)
        if not body:
            return default
        check_media_type(self.header("content-type"))
        return await asyncio.to_thread(parse, body, limits.depth) if len(body) > _LONG else parse(body, limits.depth)

    async def members(self, *known: str) -> Members:
        """The members of the object that came as JSON; none if nothing came."""
        value = await self.body(default={})
        if not isinstance(value, dict):
            raise Problem("invalid", "The body is an object.")
        return Members(value, "member", known)

    def location(self, execution_id: str) -> str:
        """Where an execution can be looked at."""
        return f"{self.root}/api/executions/{quote(execution_id, safe='')}"

    def link(self, **changed: str) -> str:
        """The request's address with some of its parameters changed."""
        scope = self._request.scope
        path = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else quote(scope["path"])
        kept = [pair for pair in self._request.query_params.multi_items() if pair[0] not in changed]
        return f"{path}?{urlencode([*kept, *changed.items()])}"


def _refuse_key() -> str:
    raise Problem("invalid", "An Idempotency-Key is written in ASCII.")
