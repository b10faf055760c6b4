"""How much the service takes of a request, and for how long it waits.

Owns the numbers, and the refusal of what is over them before anything is parsed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import chain

from starlette.requests import Request
from starlette.types import Receive, Scope

from interpreter.service.problems import Problem

__all__ = ["Limits", "check_size", "read_body"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    :ivar body: of a request, as it comes in.
    :ivar depth: how deep lists and objects may nest in it.
    :ivar address: of the path with its query.
    :ivar headers: of all headers together.
    :ivar receive: within this time a request has to be here: its headers, and then its body.
    :ivar send: so long an answer may wait for a client that does not read.
    :ivar database: so long the database may take for one request.
    :ivar wait: the longest poll for a result.
    :ivar result: a larger one is told by its size only.
    :ivar moments: so many moments of its schedules a workflow is started at by one backfill.
    :ivar streams: how many clients may follow executions, or wait for results, at once.
    """

    body: int = 1024 * 1024
    depth: int = 64
    address: int = 8 * 1024
    headers: int = 16 * 1024
    receive: float = 10.0
    send: float = 30.0
    database: float = 5.0
    wait: float = 60.0
    result: int = 16 * 1024 * 1024
    moments: int = 1_000
    streams: int = 200


def check_size(scope: Scope, limits: Limits) -> None:
    """See that address and headers are not too long. :raises Problem: they are."""
    address = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if address > limits.address:
        raise Problem("address-too-long", f"At most {limits.address:,} bytes; this one has {address:,}.")
    headers = sum(map(len, chain.from_iterable(scope["headers"])))
    if headers > limits.headers:
        raise Problem("headers-too-large", f"At most {limits.headers:,} bytes together; these have {headers:,}.")


async def read_body(request: Request, largest: int, patience: float) -> bytes:
    """The body, whole; not a byte more is held than may be.

    :param patience: seconds within which it has to be here.
    :raises Problem: it is too large, compressed, too slow, or cut off.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise Problem("unsupported-media-type", "A compressed body is not read here: send it as it is.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > largest:
        raise _too_large(largest)
    try:
        async with asyncio.timeout(patience):
            return await _collect(request.receive, largest)
    except TimeoutError:
        raise Problem("slow", f"A body has to be here within {patience:g} s.", {"Connection": "close"}) from None


async def _collect(receive: Receive, largest: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem("malformed", "The body was cut off.")
        body += message.get("body", b"")
        if len(body) > largest:
            raise _too_large(largest)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(largest: int) -> Problem:
    return Problem("too-large", f"At most {largest:,} bytes.", {"Connection": "close"})
