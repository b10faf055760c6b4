"""LocalShopify: one shop's Admin API in GraphQL, with its bucket of points.

Owns the token check, the errors under status 200 and the bucket. It understands no GraphQL: it looks for
the first root field of a document, and answers that whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.services.limits import Bucket
from examples.services.local_service import LocalService, Rejected

__all__ = ["LocalShopify"]

QUERY_COST = 2
MUTATION_COST = 10

_ROOT = re.compile(r"^\s*(?P<kind>query|mutation)?[^{]*\{\s*(?P<field>\w+)", re.DOTALL)


class LocalShopify(LocalService):
    """A local stand-in for one shop: ``shop``, ``product(id:)``, ``productCreate`` and ``tagsAdd(id:, tags:)``.

    :param token: the one access token that it takes.
    :param points: how many its bucket holds.
    :param rate: how many flow back each second.
    :ivar products: by their ids.
    """

    def __init__(self, token: str = "shpat_LOCAL0A1B2C", points: int = 2000, rate: int = 100) -> None:
        super().__init__()
        self.token = token
        self.products: dict[str, dict[str, Any]] = {}
        self._bucket = Bucket(points, rate, self.clock)
        self._fields: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "shop": lambda variables: {"name": "Acme", "myshopifyDomain": "acme.myshopify.com"},
            "product": lambda variables: self.products.get(str(variables.get("id"))),
            "productCreate": self._create_product,
            "tagsAdd": self._add_tags,
        }

    @property
    def url(self) -> str:
        """The shop's address: what the connector takes as its base."""
        return self.address

    def routes(self) -> Sequence[Route]:
        return [Route("/admin/api/{version}/graphql.json", self._graphql, methods=["POST"])]

    def error_body(self, status: int) -> dict[str, str]:
        return {"errors": f"Something went wrong ({status})"}

    def state(self) -> dict[str, Any]:
        return {"products": list(self.products.values())}

    async def _graphql(self, request: Request) -> Response:
        if request.headers.get("X-Shopify-Access-Token") != self.token:
            raise Rejected(401, {"errors": "[API] Invalid API key or access token"})
        asked = await request.json()
        root = _ROOT.match(asked["query"])
        if root is None or root["field"] not in self._fields:
            return JSONResponse({"errors": [{"message": "Field doesn't exist on type 'QueryRoot'"}]})
        requested = MUTATION_COST if root["kind"] == "mutation" else QUERY_COST
        if not self._bucket.take(requested):
            throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return JSONResponse({"errors": [throttled], **self._cost(requested, None)})
        data = {root["field"]: self._fields[root["field"]](asked.get("variables") or {})}
        return JSONResponse({"data": data, **self._cost(requested, requested)})

    def _cost(self, requested: int, actual: int | None) -> dict[str, Any]:
        status = {
            "maximumAvailable": float(self._bucket.size),
            "currentlyAvailable": int(self._bucket.available()),
            "restoreRate": float(self._bucket.rate),
        }
        cost = {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}
        return {"extensions": {"cost": cost}}

    def _create_product(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        title = (variables.get("product") or {}).get("title")
        if not title:
            return {"product": None, "userErrors": [{"field": ["title"], "message": "Title can't be blank"}]}
        id = f"gid://shopify/Product/{820982911946154508 + len(self.products)}"
        self.products[id] = {"id": id, "title": title, "tags": []}
        return {"product": self.products[id], "userErrors": []}

    def _add_tags(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        product = self.products.get(str(variables.get("id")))
        if product is None:
            return {"node": None, "userErrors": [{"field": ["id"], "message": "Resource does not exist"}]}
        product["tags"] = sorted({*product["tags"], *variables["tags"]})
        return {"node": {"id": product["id"]}, "userErrors": []}
