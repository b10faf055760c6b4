"""ClickUp: its triggers, and finding, creating and changing tasks, each created once for each external id.

Owns the REST calls of API v2. ClickUp has no idempotency key: a creation looks first, by an
external id that is kept in a custom field of the list. Its triggers stand beside its source and are
offered here too, so that authors import one module.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from dataflows.connectors.answers import Answer
from dataflows.connectors.connection import Connection
from dataflows.connectors.credentials import Secret, SecretHeader, address_setting, base_url, secret_setting
from dataflows.connectors.request import Request
from dataflows.connectors.sources.clickup import (
    SOURCE,
    ClickUpSource,
    list_created,
    task_commented,
    task_created,
    task_deleted,
    task_status_changed,
    task_updated,
)
from dataflows.connectors.verdicts import Service, Verdict, judge_by_status
from dataflows.duration import Duration
from dataflows.errors import PermanentError, TransientError

__all__ = [
    "SOURCE",
    "Assignees",
    "ClickUp",
    "ClickUpSource",
    "CreatedTask",
    "CustomField",
    "TaskChanges",
    "TaskFields",
    "create_task",
    "find_task",
    "get_task",
    "list_created",
    "set_custom_field",
    "task_commented",
    "task_created",
    "task_deleted",
    "task_status_changed",
    "task_updated",
    "update_task",
]

PUBLIC = "https://api.clickup.com"
PAGE_SIZE = 100
PAGES_AT_MOST = 50


class CustomField(TypedDict):
    """The value of a custom field, by the field's id. A drop-down takes the id of an option."""

    id: str
    value: Any


class TaskFields(TypedDict, total=False):
    """What a task may be given beside its name, under ClickUp's own names; times in Unix milliseconds."""

    description: str
    markdown_content: str
    """Wins over ``description``."""
    status: str
    """One of the list's own statuses."""
    priority: int | None
    """1 urgent, 2 high, 3 normal, 4 low."""
    assignees: list[int]
    tags: list[str]
    start_date: int
    due_date: int
    parent: str | None
    """The id of a task in the same list, of which this one is a part."""
    custom_fields: list[CustomField]


class Assignees(TypedDict, total=False):
    """Whom a change of a task adds and removes, by their numbers."""

    add: list[int]
    rem: list[int]


class TaskChanges(TypedDict, total=False):
    """What of a task may be changed, under ClickUp's own names; custom fields go by ``set_custom_field``."""

    name: str
    description: str
    markdown_content: str
    status: str
    priority: int | None
    assignees: Assignees
    start_date: int | None
    due_date: int | None
    parent: str
    archived: bool


class CreatedTask(TypedDict):
    """What ``create_task`` came to."""

    created: bool
    """Whether this very call created it; False where it was there already."""
    task: dict[str, Any]
    """The task as ClickUp shows it: ids and times are texts, ``priority`` is an object or None."""


class ClickUp:
    """ClickUp's API, reached with a token.

    :param url: where the API is; ClickUp's own is ``https://api.clickup.com``.
    :param token: a personal token (``pk_…``), or ``"Bearer "`` and one of OAuth.
    :param timeout: how long an answer may be silent.
    """

    url = ""
    """Under which its paths begin; empty while it is being made."""

    def __init__(self, url: str, token: str | SecretHeader, *, timeout: Duration = "60s") -> None:
        self.url = base_url(url)
        header = _header(token) if isinstance(token, str) else token
        self._connection = Connection(SERVICE, self.url, {"Accept": "application/json"}, [header], timeout=timeout)

    def __repr__(self) -> str:
        return f"<ClickUp {self.url}>"

    @classmethod
    def from_environment(cls) -> ClickUp:
        """What ``CLICKUP_TOKEN`` opens, at ``CLICKUP_URL`` or else at ClickUp's own address.

        :raises PermanentError: the token is not set.
        """
        return _shared(
            address_setting("CLICKUP_URL", "https://api.clickup.com"), secret_setting("CLICKUP_TOKEN", _header)
        )

    def find_task(self, list_id: str, external_id_field: str, external_id: str) -> dict[str, Any] | None:
        """The list's task with that external id, open or closed; the oldest if there are several.

        :param external_id_field: the id of the text field that holds external ids.
        :raises ConnectorError: as ``Connection.ask``.
        """
        found = [task for task in self._search(list_id, external_id_field, external_id)
                 if _value_of(task, external_id_field) == external_id]  # fmt: skip
        return min(found, key=lambda task: int(task["date_created"]), default=None)

    def create_task(
        self, list_id: str, name: str, external_id: str, external_id_field: str, **fields: Unpack[TaskFields]
    ) -> CreatedTask:
        """Create the task, unless the list has one with that external id: then that one is answered.

        Made to be tried again: after an answer that was lost, the next call finds the task. Two calls
        at once for one external id may both create; an execution for each external id rules that out.

        :param external_id: what the task stands for elsewhere, like ``"ado:acme:42"``.
        :param external_id_field: the id of the text field that holds it.
        :raises TransientError: with ``outcome_unknown`` where the task may have been created all the same.
        :raises ConnectorError: as ``Connection.ask``.
        """
        known = self.find_task(list_id, external_id_field, external_id)
        if known is not None:
            return {"created": False, "task": known}
        content = _task_content(name, external_id, external_id_field, fields)
        task = self._connection.ask(Request("POST", f"{_list_path(list_id)}/task", content=content, is_guarded=True))
        return {"created": True, "task": task}

    def get_task(self, task_id: str) -> dict[str, Any]:
        """A task as it stands now.

        :raises ConnectorError: as ``Connection.ask``.
        """
        return self._connection.ask(Request("GET", _task_path(task_id)))

    def update_task(self, task_id: str, **changes: Unpack[TaskChanges]) -> dict[str, Any]:
        """Change a task, and answer it as it stands then. To do it twice does no harm.

        :raises ConnectorError: as ``Connection.ask``.
        """
        return self._connection.ask(Request("PUT", _task_path(task_id), content=changes))

    def set_custom_field(self, task_id: str, field_id: str, value: Any) -> None:
        """Give a custom field of a task a value. To do it twice does no harm.

        :param value: of the field's kind; a drop-down takes the id of an option.
        :raises ConnectorError: as ``Connection.send``.
        """
        path = f"{_task_path(task_id)}/field/{quote(field_id, safe='')}"
        self._connection.send(Request("POST", path, content={"value": value}, is_idempotent=True))

    def _search(self, list_id: str, field: str, value: str) -> Iterator[dict[str, Any]]:
        wanted = json.dumps([{"field_id": field, "operator": "==", "value": value}])
        for page in range(PAGES_AT_MOST):
            query = {"page": str(page), "include_closed": "true", "subtasks": "true", "custom_fields": wanted}
            answer = self._connection.ask(Request("GET", f"{_list_path(list_id)}/task", query))
            tasks = _tasks_of(answer)
            yield from tasks
            if len(tasks) < PAGE_SIZE:
                return
        raise PermanentError(
            f"ClickUp: {PAGES_AT_MOST * PAGE_SIZE} tasks match {value!r} or more; is {field} a text field?"
        )


@functools.lru_cache(maxsize=8)
def _shared(url: str, token: SecretHeader) -> ClickUp:
    return ClickUp(url, token)


def find_task(list_id: str, external_id_field: str, external_id: str) -> dict[str, Any] | None:
    """``ClickUp.find_task`` with the token of the environment: made to be a step."""
    return ClickUp.from_environment().find_task(list_id, external_id_field, external_id)


def create_task(
    list_id: str, name: str, external_id: str, external_id_field: str, **fields: Unpack[TaskFields]
) -> CreatedTask:
    """``ClickUp.create_task`` with the token of the environment: made to be a step."""
    return ClickUp.from_environment().create_task(list_id, name, external_id, external_id_field, **fields)


def get_task(task_id: str) -> dict[str, Any]:
    """``ClickUp.get_task`` with the token of the environment: made to be a step."""
    return ClickUp.from_environment().get_task(task_id)


def update_task(task_id: str, **changes: Unpack[TaskChanges]) -> dict[str, Any]:
    """``ClickUp.update_task`` with the token of the environment: made to be a step."""
    return ClickUp.from_environment().update_task(task_id, **changes)


def set_custom_field(task_id: str, field_id: str, value: Any) -> None:
    """``ClickUp.set_custom_field`` with the token of the environment: made to be a step."""
    ClickUp.from_environment().set_custom_field(task_id, field_id, value)


def _header(token: str) -> SecretHeader:
    bare = token.removeprefix("Bearer ")
    return SecretHeader("Authorization", Secret(bare, "the ClickUp token"), token[: len(token) - len(bare)])


def _task_path(task_id: str) -> str:
    return f"/api/v2/task/{quote(task_id, safe='')}"


def _list_path(list_id: str) -> str:
    return f"/api/v2/list/{quote(list_id, safe='')}"


def _task_content(name: str, external_id: str, external_id_field: str, fields: TaskFields) -> dict[str, Any]:
    others = [field for field in fields.get("custom_fields", []) if field["id"] != external_id_field]
    custom_fields = [*others, {"id": external_id_field, "value": external_id}]
    return {**fields, "name": name, "custom_fields": custom_fields}


def _tasks_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    tasks = answer.get("tasks")
    if not isinstance(tasks, list):  # to take this for "no such task" would create a second one
        raise TransientError("ClickUp: asked for a list's tasks, it answered without any 'tasks'")
    return tasks


def _value_of(task: dict[str, Any], field_id: str) -> Any:
    return next((field.get("value") for field in task.get("custom_fields", []) if field["id"] == field_id), None)


def _judge(answer: Answer) -> Verdict:
    verdict = judge_by_status(answer)
    code, _ = _explain(answer)
    is_error_as_success = verdict is Verdict.DONE and _is_error(answer)
    if not is_error_as_success and verdict is not Verdict.REFUSED:
        return verdict
    return Verdict.UNAUTHENTICATED if code is not None and code.startswith("OAUTH_") else Verdict.REFUSED


def _is_error(answer: Answer) -> bool:
    fields = answer.fields()
    return bool(fields.get("err")) and "id" not in fields


def _explain(answer: Answer) -> tuple[str | None, str]:
    fields = answer.fields()
    code = fields.get("ECODE")
    return (code if isinstance(code, str) else None), str(fields.get("err") or "")


SERVICE = Service("ClickUp", _judge, _explain, usual_wait=60.0, longest_wait=90.0)
