"""What can go wrong between a service and its caller, on demand.

Owns the faults and the ASGI middleware that commits them. Knows no service's protocol; the
error bodies it sends come from the service.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Fault", "FaultInjector", "FaultKind", "Faults", "answer_with"]

FaultKind: TypeAlias = Literal["status", "delay", "drop", "drop-answer", "hold-answer", "truncate"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, once.

    ``status`` answers so, and carries nothing out; ``delay`` carries out after a while; ``drop``
    closes the connection and carries nothing out; ``drop-answer`` carries out and closes without a
    word; ``hold-answer`` carries out and says nothing until the caller has gone; ``truncate`` carries
    out and closes in the middle of the answer.

    :ivar method: only at a request with this method; None for any.
    :ivar status: of ``status``.
    :ivar seconds: of ``delay``.
    :ivar headers: sent with ``status``.
    :ivar body: sent with ``status``; None for what the service itself would say.
    """

    kind: FaultKind
    method: str | None = None
    status: int = 503
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def __post_init__(self) -> None:
        if self.kind not in COMMITTED:
            raise ValueError(f"a fault is one of {', '.join(COMMITTED)}; got {self.kind!r}")


class Faults:
    """The faults that are still to be committed, first come first served."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, kind: FaultKind, *, times: int = 1, **details: Any) -> None:
        """Commit this fault at the next ``times`` requests that it fits; details as ``Fault`` has them."""
        fault = Fault(kind, **details)
        with self._lock:
            self._pending.extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """The next fault for a request, which is then no longer pending."""
        with self._lock:
            fault = next((fault for fault in self._pending if fault.method in (None, method)), None)
            if fault is not None:
                self._pending.remove(fault)
            return fault


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to the service."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    error_body: Callable[[int], Any]

    async def carry_out(self) -> list[Message]:
        """Let the service answer, but keep the answer back."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self.app(self.scope, self.receive, keep)
        return answer

    async def hang_up(self) -> None:
        """Close the connection, and wait until it is closed."""
        self.scope["state"]["transport"].close()
        await self.wait_until_closed()

    async def wait_until_closed(self) -> None:
        """Wait until the connection is closed, by whichever side."""
        while (await self.receive())["type"] != "http.disconnect":
            pass


def answer_with(status: int, body: Any, headers: Mapping[str, str] | None) -> Response:
    """An answer: a text goes as HTML, anything else as JSON."""
    if isinstance(body, str):
        return Response(body, status, headers, media_type="text/html")
    return JSONResponse(body, status, headers)


class FaultInjector:
    """ASGI middleware: commits pending faults, and otherwise stays out of the way.

    :param error_body: what the service says under a status.
    :param spared: paths at which no fault is committed.
    """

    def __init__(self, app: ASGIApp, faults: Faults, error_body: Callable[[int], Any], spared: str) -> None:
        self._app = app
        self._faults = faults
        self._error_body = error_body
        self._spared = spared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_request = scope["type"] == "http" and scope["path"] != self._spared
        fault = self._faults.take(scope["method"]) if is_request else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await COMMITTED[fault.kind](fault, Call(self._app, scope, receive, send, self._error_body))


async def _answer_status(fault: Fault, call: Call) -> None:
    body = call.error_body(fault.status) if fault.body is None else fault.body
    await answer_with(fault.status, body, fault.headers)(call.scope, call.receive, call.send)


async def _delay(fault: Fault, call: Call) -> None:
    await asyncio.sleep(fault.seconds)
    await call.app(call.scope, call.receive, call.send)


async def _drop(fault: Fault, call: Call) -> None:
    await call.hang_up()


async def _drop_answer(fault: Fault, call: Call) -> None:
    await call.carry_out()
    await call.hang_up()


async def _hold_answer(fault: Fault, call: Call) -> None:
    await call.carry_out()
    await call.wait_until_closed()


async def _truncate(fault: Fault, call: Call) -> None:
    start, *bodies = await call.carry_out()
    whole = b"".join(message.get("body", b"") for message in bodies)
    await call.send(start)
    await call.send({"type": "http.response.body", "body": whole[: len(whole) // 2], "more_body": True})
    await call.hang_up()


COMMITTED: Mapping[str, Callable[[Fault, Call], Awaitable[None]]] = {
    "status": _answer_status,
    "delay": _delay,
    "drop": _drop,
    "drop-answer": _drop_answer,
    "hold-answer": _hold_answer,
    "truncate": _truncate,
}
