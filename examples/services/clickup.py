"""LocalClickUp: lists and tasks over the real REST protocol.

Owns authentication, the limit per minute and the errors as the real service shows them. It has
no idempotency key and no webhook, like the service's creation of tasks.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.services.clock import ServiceClock
from examples.services.limits import MinuteWindows
from examples.services.local_service import LocalService, Rejected
from examples.services.task_changes import change_task, set_value
from examples.services.tasks import CustomField, NotAccepted, Status, TaskList, has_value, new_task

__all__ = ["LocalClickUp"]

PAGE_SIZE = 100
INBOX = "901200300"
EXTERNAL_ID = "0a52c486-5f05-403b-b4fd-c512ff05131c"
SEVERITY = "3f6a9a0e-51b4-4a0e-8d0f-6f0a1d0f7c11"

Handler: TypeAlias = Callable[[Request], Awaitable[Any]]


def _inbox() -> TaskList:
    statuses = (Status("to do", "open"), Status("in progress"), Status("complete", "closed"))
    severity = CustomField(SEVERITY, "Severity", "drop_down", {"opt-low": "low", "opt-high": "high"})
    return TaskList(INBOX, "Inbox", statuses, (CustomField(EXTERNAL_ID, "External ID"), severity))


class LocalClickUp(LocalService):
    """A local stand-in for ClickUp with one workspace and, to begin with, one list: the inbox.

    :param token: the one personal token that it takes.
    :param limit: requests a minute and token.
    :param minute: how many seconds a minute has here, so that tests need not wait for whole ones.
    :param pace: how many of its seconds pass in one of ours.
    :ivar lists: by their ids.
    """

    def __init__(
        self, token: str = "pk_183_LOCAL0A1B2C", limit: int = 100, minute: int = 60, pace: float = 1.0
    ) -> None:
        super().__init__(ServiceClock(pace))
        self.token = token
        self.lists: dict[str, TaskList] = {INBOX: _inbox()}
        self._windows = MinuteWindows(limit, self.clock, minute)

    @property
    def url(self) -> str:
        """The API's address: what the connector takes as its base."""
        return self.address

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """All tasks of all lists, the oldest first."""
        return [task for task_list in list(self.lists.values()) for task in list(task_list.tasks)]

    def add_task(self, content: Mapping[str, Any], list_id: str = INBOX) -> dict[str, Any]:
        """Create a task, as a person would in a browser; the content is as the API takes it."""
        task_list = self.lists[list_id]
        task = new_task(task_list, content, int(self.clock.timestamp() * 1000), self.address)
        task_list.tasks.append(task)
        return task

    def routes(self) -> Sequence[Route]:
        of_list = "/api/v2/list/{list_id}"
        return [
            Route(f"{of_list}/task", self._admitted(self._create), methods=["POST"]),
            Route(f"{of_list}/task", self._admitted(self._search), methods=["GET"]),
            Route(f"{of_list}/field", self._admitted(self._list_fields), methods=["GET"]),
            Route("/api/v2/task/{task_id}", self._admitted(self._get), methods=["GET"]),
            Route("/api/v2/task/{task_id}", self._admitted(self._update), methods=["PUT"]),
            Route("/api/v2/task/{task_id}/field/{field_id}", self._admitted(self._set_field), methods=["POST"]),
        ]

    def error_body(self, status: int) -> dict[str, str]:
        return {"err": f"Something went wrong ({status})", "ECODE": "APP_001"}

    def state(self) -> dict[str, Any]:
        return {"tasks": self.tasks}

    def _admitted(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The handler, behind the check of the token and the limit."""

        async def endpoint(request: Request) -> Response:
            headers = self._count(self._check_token(request))
            try:
                return JSONResponse(await handler(request), headers=headers)
            except NotAccepted as error:
                return JSONResponse(error.body, 400, headers)

        return endpoint

    def _check_token(self, request: Request) -> str:
        token = request.headers.get("Authorization")
        if token is None:
            raise Rejected(401, {"err": "Authorization header required", "ECODE": "OAUTH_017"})
        if token != self.token:
            raise Rejected(401, {"err": "Token invalid", "ECODE": "OAUTH_019"})
        return token

    def _count(self, token: str) -> dict[str, str]:
        window = self._windows.count(token)
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(max(0, window.remaining)),
            "X-RateLimit-Reset": str(window.reset),
        }
        if window.remaining < 0:
            raise Rejected(429, {"err": "Rate limit reached", "ECODE": "APP_002"}, headers)
        return headers

    def _list_of(self, request: Request) -> TaskList:
        task_list = self.lists.get(request.path_params["list_id"])
        if task_list is None:
            raise Rejected(404, {"err": "List not found", "ECODE": "ITEM_015"})
        return task_list

    async def _create(self, request: Request) -> dict[str, Any]:
        task_list = self._list_of(request)
        return self.add_task(await _content_of(request), task_list.id)

    async def _update(self, request: Request) -> dict[str, Any]:
        task = await self._get(request)
        change_task(task, self._list_with(task), await _content_of(request), int(self.clock.timestamp() * 1000))
        return task

    async def _set_field(self, request: Request) -> dict[str, Any]:
        task = await self._get(request)
        value = (await _content_of(request)).get("value")
        set_value(task, self._list_with(task), request.path_params["field_id"], value)
        return {}

    def _list_with(self, task: Mapping[str, Any]) -> TaskList:
        return self.lists[task["list"]["id"]]

    async def _search(self, request: Request) -> dict[str, Any]:
        found = [task for task in self._list_of(request).tasks if _is_wanted(task, request.query_params)]
        start = int(request.query_params.get("page", "0")) * PAGE_SIZE
        return {"tasks": found[start : start + PAGE_SIZE], "last_page": len(found) <= start + PAGE_SIZE}

    async def _list_fields(self, request: Request) -> dict[str, Any]:
        return {"fields": [field.shown(None) for field in self._list_of(request).fields]}

    async def _get(self, request: Request) -> dict[str, Any]:
        task = next((task for task in self.tasks if task["id"] == request.path_params["task_id"]), None)
        if task is None:
            raise Rejected(404, {"err": "Task not found", "ECODE": "ITEM_013"})
        return task


async def _content_of(request: Request) -> dict[str, Any]:
    try:
        content = await request.json()
    except ValueError:
        raise NotAccepted("Request body is not valid JSON", "INPUT_001") from None
    if not isinstance(content, dict):
        raise NotAccepted("Request body is not an object", "INPUT_002")
    return content


def _is_wanted(task: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if task["status"]["type"] == "closed" and query.get("include_closed") != "true":
        return False
    if task["parent"] is not None and query.get("subtasks") != "true":
        return False
    filters = json.loads(query.get("custom_fields", "[]"))
    return all(has_value(task, one["field_id"], one["operator"], one["value"]) for one in filters)
