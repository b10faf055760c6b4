"""Calling the API in a test: in this process, or on a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx2
from anyio.from_thread import BlockingPortal
from starlette.types import ASGIApp

from interpreter.service.server import Server, listen

__all__ = ["Api", "events_of", "fetch", "problem", "quoted", "serving"]


class Api:
    """Calls an application; each method as a client of HTTP has it."""

    def __init__(self, portal: BlockingPortal, app: ASGIApp, **settings: Any) -> None:
        self._portal = portal
        self._app = app
        self._settings = settings

    def request(self, method: str, path: str, **details: Any) -> httpx2.Response:
        return self._portal.call(self._request, method, path, details)

    def get(self, path: str, **details: Any) -> httpx2.Response:
        return self.request("GET", path, **details)

    def post(self, path: str, document: Any = None, **details: Any) -> httpx2.Response:
        return self.request("POST", path, **({} if document is None else {"json": document}), **details)

    def start(self, workflow: str, *args: Any, **details: Any) -> str:
        """Start one; answers its id."""
        started = self.post(f"/api/workflows/{quoted(workflow)}/executions", {"args": args, **details})
        assert started.status_code == 202, started.text
        return str(started.json()["id"])

    def result(self, id: str) -> dict[str, Any]:
        answered = self.get(f"/api/executions/{quoted(id)}/result?wait=20")
        assert answered.status_code == 200, answered.text
        return dict(answered.json())

    async def _request(self, method: str, path: str, details: dict[str, Any]) -> httpx2.Response:
        settings = {"client": ("127.0.0.1", 50_000), **self._settings}
        transport = httpx2.ASGITransport(app=self._app, **settings)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **details)


def fetch(method: str, address: str, **details: Any) -> httpx2.Response:
    """What is answered on a socket."""
    return httpx2.request(method, address, timeout=20, **details)


def quoted(name: str) -> str:
    return quote(name, safe="")


def problem(answered: httpx2.Response) -> tuple[int, str]:
    """The status and the kind of a problem, after a look whether it is one."""
    document = answered.json()
    assert answered.headers["content-type"] == "application/problem+json", answered.text
    assert document["status"] == answered.status_code and document["title"] and document["detail"]
    return answered.status_code, document["type"].removeprefix("urn:dataflows:problem:")


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, str | None, Any]]:
    """Each server-sent event: its name, its id, its document."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield fields["event"], fields.get("id"), json.loads(fields["data"])
            fields = {}


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """The application on a socket; gives its address."""
    with listen("127.0.0.1", 0) as listener:
        server = Server(app)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.stop()
            await task
