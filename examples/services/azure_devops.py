"""LocalAzureDevOps: work items and subscriptions over the real REST protocol, and deliveries to those who subscribe.

Owns what there is, and what each request is answered. Whether it is let in is for the door to say.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.services.azure_devops_door import AzureDevOpsDoor, error_body, refusal
from examples.services.deliveries import Details, work_item_created
from examples.services.hooks import Disorder, ServiceHooks
from examples.services.local_service import LocalService, Rejected
from examples.services.patches import NotApplicable, RevisionTestFailed, apply
from examples.services.subscriptions import Subscription
from examples.services.wiql import NotWiql, Query
from examples.services.work_items import Organisation, WorkItem, new_fields, stamp

__all__ = ["LocalAzureDevOps"]

FIRST_ID = 42
MOST_ITEMS = 200
MOST_FOUND = 20_000

_FIELD_NAME = re.compile(r"[A-Za-z]\w*(\.\w+)+")
_EXPANSIONS = ("None", "Relations", "Fields", "Links", "All")


class LocalAzureDevOps(LocalService):
    """A local stand-in for one organisation of Azure DevOps.

    :param organisation: its name, the first part of every path.
    :param token: the one personal access token that it takes.
    :param usage_limit: units that may be used within five minutes; each request uses one.
    :param disorder: what its deliveries meet with on their way.
    :ivar hooks: who has subscribed, and what became of the deliveries.
    """

    def __init__(
        self,
        organisation: str = "acme",
        token: str = "local-pat-0a1b2c",
        usage_limit: int = 200,
        *,
        disorder: Disorder | None = None,
    ) -> None:
        super().__init__()
        self.token = token
        self.hooks = ServiceHooks(organisation, self.clock, disorder or Disorder())
        self._name = organisation
        self._door = AzureDevOpsDoor(token, usage_limit, self.clock)
        self._items: dict[int, WorkItem] = {}
        self._deliveries: dict[tuple[int, Details], bytes] = {}

    @property
    def url(self) -> str:
        """The organisation's address: what the connector takes as its base."""
        return f"{self.address}/{self._name}"

    def create_item(
        self,
        title: str,
        *,
        project: str = "Shop",
        kind: str = "Bug",
        fields: Mapping[str, Any] | None = None,
        parent: int | None = None,
    ) -> WorkItem:
        """Create a work item, as a person would in a browser; whoever has subscribed to that is told.

        :param fields: further fields by their reference names, like ``{"System.Description": "<b>…</b>"}``.
        :param parent: the id of the item above it.
        """
        number = FIRST_ID + len(self._items)
        item = WorkItem(number, 1, {**new_fields(title, project, kind, self.clock.now()), **(fields or {})}, parent)
        self._items[number] = item
        self.hooks.item_created(item, self._organisation, str(uuid.uuid4()))
        return item

    def delivery(self, item_id: int, details: Details = "all") -> bytes:
        """The body of the delivery of an item to a subscription that is delivered to by hand; always the same bytes."""
        if (item_id, details) not in self._deliveries:
            self._deliveries[item_id, details] = work_item_created(
                self._items[item_id],
                self._organisation,
                str(uuid.uuid4()),
                subscription=self._organisation.id_of("subscription"),
                number=len(self._deliveries) + 1,
                details=details,
                now=self.clock.now(),
            )
        return self._deliveries[item_id, details]

    def close(self) -> None:
        self.hooks.close()
        super().close()

    @property
    def _organisation(self) -> Organisation:
        return Organisation(self._name, self.url)

    def routes(self) -> Sequence[Route]:
        hooks = f"/{self._name}/_apis/hooks/subscriptions"
        return [
            Route(hooks, self._subscribe, methods=["POST"]),
            Route(f"{hooks}/{{id}}", self._show_subscription, methods=["GET"]),
        ] + [
            Route(f"/{self._name}/{scope}_apis/wit/{path}", endpoint, methods=[method])
            for scope in ("", "{project}/")
            for method, path, endpoint in (
                ("GET", "workitems/{id}", self._get_item),
                ("PATCH", "workitems/{id}", self._update_item),
                ("GET", "workitems", self._list_items),
                ("POST", "wiql", self._query_items),
            )
        ]

    def error_body(self, status: int) -> dict[str, Any]:
        return error_body(status)

    def state(self) -> dict[str, Any]:
        sent = self.hooks.notifications
        answers = [{"item": each.item_id, "answers": [answer.status for answer in each.answers]} for each in sent]
        return {"items": sorted(self._items), "deliveries": answers}

    def command(self, command: dict[str, Any]) -> dict[str, Any]:
        """Also ``{"create_item": {"title": …}, "details": "all"}``: answers the id, and the delivery as a text."""
        super().command(command)
        if "create_item" not in command:
            return {}
        item = self.create_item(**command["create_item"])
        return {"id": item.id, "delivery": self.delivery(item.id, command.get("details", "all")).decode()}

    async def _subscribe(self, request: Request) -> Response:
        headers = self._door.admit(request)
        try:
            subscription = Subscription.read(await request.json())
        except ValueError:
            raise refusal(400) from None
        return JSONResponse(self.hooks.add(subscription).in_rest(), headers=headers)

    async def _show_subscription(self, request: Request) -> Response:
        headers = self._door.admit(request)
        subscription = self.hooks.subscriptions.get(request.path_params["id"])
        if subscription is None:
            raise refusal(404)
        return JSONResponse(subscription.in_rest(), headers=headers)

    async def _get_item(self, request: Request) -> Response:
        headers = self._door.admit(request)
        item = self._find(request, request.path_params["id"])
        return JSONResponse(self._shown(request, item), headers=headers)

    async def _list_items(self, request: Request) -> Response:
        headers = self._door.admit(request)
        ids = request.query_params.get("ids", "").split(",")
        if len(ids) > MOST_ITEMS:
            raise refusal(400)
        shown = [self._shown_or_omitted(request, id) for id in ids]
        return JSONResponse({"count": len(shown), "value": shown}, headers=headers)

    async def _query_items(self, request: Request) -> Response:
        headers = self._door.admit(request)
        try:
            query = Query.parse((await request.json())["query"], request.path_params.get("project"))
        except (ValueError, KeyError, TypeError, NotWiql):
            raise refusal(400) from None
        found = query.find(self._items.values())[: int(request.query_params.get("$top", MOST_FOUND))]
        about = {"queryType": "flat", "queryResultType": "workItem", "asOf": stamp(self.clock.now(), digits=3)}
        items = [{"id": item.id, "url": f"{self.url}/_apis/wit/workItems/{item.id}"} for item in found]
        return JSONResponse({**about, "columns": [], "workItems": items}, headers=headers)

    async def _update_item(self, request: Request) -> Response:
        headers = self._door.admit(request)
        if request.headers.get("Content-Type", "").partition(";")[0] != "application/json-patch+json":
            raise refusal(415)
        item = self._find(request, request.path_params["id"])
        try:
            apply(await request.json(), item)
        except (ValueError, NotApplicable):
            raise refusal(400) from None
        except RevisionTestFailed:
            raise refusal(412) from None
        return JSONResponse(item.in_rest(self._organisation, "None", None), headers=headers)

    def _shown(self, request: Request, item: WorkItem) -> dict[str, Any]:
        expand = request.query_params.get("$expand", "None")
        names = request.query_params["fields"].split(",") if "fields" in request.query_params else None
        if expand not in _EXPANSIONS or not all(_FIELD_NAME.fullmatch(name) for name in names or ()):
            raise refusal(400)
        return item.in_rest(self._organisation, expand, names)

    def _shown_or_omitted(self, request: Request, number: str) -> dict[str, Any] | None:
        try:
            return self._shown(request, self._find(request, number))
        except Rejected as rejected:
            if rejected.status == 404 and request.query_params.get("errorPolicy", "").lower() == "omit":
                return None
            raise

    def _find(self, request: Request, number: str) -> WorkItem:
        project = request.path_params.get("project")
        item = self._items.get(int(number)) if number.isdigit() else None
        if item is None or project not in (None, item.project):
            raise refusal(404)
        return item
