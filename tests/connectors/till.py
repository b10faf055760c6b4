"""A service without a connector of its own: it takes charges, and honours ``Idempotency-Key``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from examples.services.local_service import LocalService

__all__ = ["Till"]


class Till(LocalService):
    """Charges by their keys; what is asked again under one key is answered again, and charged once.

    :ivar charges: what was charged, in its order.
    :ivar keys: what each request's key was, None without one.
    :ivar credentials: what each request was let in by.
    """

    def __init__(self) -> None:
        super().__init__()
        self.charges: list[Any] = []
        self.keys: list[str | None] = []
        self.credentials: list[str | None] = []
        self._answered: dict[str, Any] = {}

    def routes(self) -> Sequence[Route]:
        return [
            Route("/charges", self._charge, methods=["POST", "PATCH", "PUT"]),
            Route("/charges/{number:int}", self._delete, methods=["DELETE"]),
            Route("/charges", self._list, methods=["GET"]),
            Route("/text", self._say, methods=["GET"]),
        ]

    def error_body(self, status: int) -> Any:
        return {"error": {"code": "till_broken", "message": f"The till is broken ({status})"}}

    def state(self) -> dict[str, Any]:
        return {"charges": self.charges}

    async def _charge(self, request: Request) -> Response:
        key = request.headers.get("Idempotency-Key")
        self.keys.append(key)
        if key is None or key not in self._answered:
            self.charges.append(await request.json())
            number = len(self.charges)
            if key is None:
                return JSONResponse({"number": number}, 201)
            self._answered[key] = {"number": number}
        return JSONResponse(self._answered[key], 201, {"Set-Cookie": "till=open", "Location": "/charges/1"})

    async def _delete(self, request: Request) -> Response:
        is_there = request.path_params["number"] <= len(self.charges)
        del self.charges[request.path_params["number"] - 1 :]
        return Response(status_code=204) if is_there else JSONResponse(self.error_body(404), 404)

    async def _list(self, request: Request) -> Response:
        self.credentials.append(request.headers.get("Authorization"))
        return JSONResponse({"charges": self.charges, "query": dict(request.query_params)})

    async def _say(self, request: Request) -> Response:
        return PlainTextResponse("Grüße")
