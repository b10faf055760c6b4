"""Deliveries over HTTP, on so many connections, each as soon as the one before on its connection is answered.

Called with a file of signed deliveries, a port, a path, and settings as JSON; prints one line of JSON. It takes the
place of wrk, which costs far less of the processor that the server is to have, where wrk is not installed. Every
delivery has an id of its own and is signed before the time is taken; every answer's status is looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.benchmarks.programs.common import Values, percentile
from tests.benchmarks.programs.hooks_server import HEADER, SECRET

__all__ = ["signed_delivery"]

_FILLING = "x" * 400
"""An envelope of half a kilobyte, as services send them."""


def signed_delivery() -> str:
    """A line: the signature, and the body."""
    body = json.dumps({"id": uuid.uuid4().hex, "type": "order.paid", "data": _FILLING})
    return f"{hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()} {body}\n"


def request(path: str, line: str) -> bytes:
    signature, _, body = line.rstrip("\n").partition(" ")
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"{HEADER}: {signature}",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join([*lines, "", ""]) + body).encode()


async def deliver(port: int, requests: Iterator[bytes], end: float) -> list[float]:
    """One after the other on one connection, until the time is over; the seconds that each answer took."""
    times: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (began := time.perf_counter()) < end:
        writer.write(next(requests))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()
    return times


async def load(requests: Iterator[bytes], port: int, connections: int, seconds: int) -> Values:
    began = time.perf_counter()
    times = await asyncio.gather(*(deliver(port, requests, began + seconds) for _ in range(connections)))
    elapsed = time.perf_counter() - began
    together = [taken for some in times for taken in some]
    per_second, p99 = len(together) / elapsed, 1000 * percentile(together, 99)
    return {"answers": len(together), "failed": 0, "per_second": per_second, "p99_ms": p99}


def main(file: str, port: str, path: str, *, first: int, most: int, connections: int, seconds: int) -> None:
    with Path(file).open() as lines:
        requests = [request(path, line) for line in islice(lines, first, first + most)]
    print(json.dumps(asyncio.run(load(iter(requests), int(port), connections, seconds))))


if __name__ == "__main__":
    file, port, path, settings = sys.argv[1:]
    main(file, port, path, **json.loads(settings))
