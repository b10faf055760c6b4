"""Deliveries over HTTP, on so many connections, each as soon as the one before on its connection is answered.

Called with a port, a path, and settings as JSON; prints one line of JSON. Every delivery has an id of its own and is
signed before the time is taken; every answer's status is looked at.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
import uuid

from tests.benchmarks.programs.common import Values, percentile
from tests.benchmarks.programs.hooks_server import HEADER, SECRET

_FILLING = "x" * 400
"""An envelope of half a kilobyte, as services send them."""


def request(path: str) -> bytes:
    body = json.dumps({"id": uuid.uuid4().hex, "type": "order.paid", "data": _FILLING}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"{HEADER}: {signature}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def deliver(port: int, requests: list[bytes]) -> list[float]:
    """One after the other on one connection; the seconds that each answer took."""
    times: list[float] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for each in requests:
        began = time.perf_counter()
        writer.write(each)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 202"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - began)
    writer.close()
    return times


async def load(port: int, path: str, connections: int, each: int) -> Values:
    requests = [[request(path) for _ in range(each)] for _ in range(connections)]
    began = time.perf_counter()
    times = await asyncio.gather(*(deliver(port, some) for some in requests))
    elapsed = time.perf_counter() - began
    together = [seconds for some in times for seconds in some]
    return {"per_second": len(together) / elapsed, "p99_ms": 1000 * percentile(together, 99)}


if __name__ == "__main__":
    port, path, settings = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, **json.loads(settings)))))
