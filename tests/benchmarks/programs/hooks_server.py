"""The service in a process of its own, with one source: durable as it is, and the same route in other ways.

Called with a database's URL and a way to store; prints the port, and serves until its standard input ends. The route is
``/hooks/load``; ``/bare`` answers 202 without anything. With settings as JSON it serves nothing, but stores so many
deliveries in that way, and prints one line of JSON. The process is set up as ``dataflows serve`` sets up its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import uvloop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dataflows.connectors.sources import GenericSource, SignedBody
from interpreter import AsyncClient, Client
from interpreter.cli.process import collect_garbage_seldom
from interpreter.operations import NewDelivery, Stored
from interpreter.service import Limits, create_app
from interpreter.service.desk import Desk
from interpreter.service.server import Server, listen
from tests.benchmarks.programs.common import Values
from tests.benchmarks.programs.hooks_naive import NAIVE, Opening

__all__ = ["HEADER", "SECRET"]

HEADER, SECRET = "X-Signature", "a secret of the benchmark"
DATA = b"x" * 500
"""What is stored of a delivery where none comes in."""


@asynccontextmanager
async def grouped(client: AsyncClient, url: str) -> AsyncIterator[Desk]:
    yield Desk(client, Limits().database)


WAYS: Mapping[str, Opening] = {"grouped": grouped, **NAIVE}


async def bare(request: Request) -> Response:
    await request.body()
    return Response(b'{"status": "accepted"}', 202, media_type="application/json")


async def serve(url: str, way: str) -> None:
    source = GenericSource("load", SignedBody(HEADER, SECRET), id="id")
    async with Client(url) as client, WAYS[way](client, url) as desk:
        app = create_app(client, sources=[source])
        app.state.service.desk = desk
        app.router.routes.insert(0, Route("/bare", bare, methods=["POST"]))
        with listen("127.0.0.1", 0) as listener:
            server = Server(app)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            print(listener.getsockname()[1], flush=True)
            await asyncio.to_thread(sys.stdin.read)
            server.stop()
            await serving


async def store_alone(url: str, way: str, connections: int, each: int) -> Values:
    """Deliveries a second that are stored where nothing comes in over HTTP: so many at once, one after the other."""
    async with Client(url) as client, WAYS[way](client, url) as desk:

        async def deliver(number: int) -> None:
            for count in range(each):
                stored = await desk.take_in(NewDelivery("load", f"{number}/{count}", b"", 1, "t", None, "json", DATA))
                assert stored is Stored.ACCEPTED

        began = time.perf_counter()
        await asyncio.gather(*map(deliver, range(connections)))
        return {"per_second": connections * each / (time.perf_counter() - began)}


if __name__ == "__main__":
    url, way, *settings = sys.argv[1:]
    collect_garbage_seldom()
    if settings:
        print(json.dumps(uvloop.run(store_alone(url, way, **json.loads(settings[0])))))
    else:
        uvloop.run(serve(url, way))
