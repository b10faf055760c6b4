"""Lists and tasks of ClickUp, in the shapes that the service gives them.

Owns the shapes and what a list accepts. Pure: ids are texts, times are texts of milliseconds.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "PERSON",
    "CustomField",
    "NotAccepted",
    "Status",
    "TaskList",
    "has_value",
    "new_task",
    "priority_of",
    "time_as_text",
]

PRIORITIES = {1: ("urgent", "#f50000"), 2: ("high", "#f8ae00"), 3: ("normal", "#6fddff"), 4: ("low", "#d8d8d8")}
PERSON = {"id": 183, "username": "Ada Example", "color": "#827718", "email": "ada@example.com", "profilePicture": None}


class NotAccepted(Exception):
    """The list does not take that task; holds ``err`` and ``ECODE``."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text, code)
        self.body = {"err": text, "ECODE": code}


@dataclass(frozen=True, slots=True)
class Status:
    """A status of a list; ``closed`` is the last, and hidden from searches that do not ask for it."""

    name: str
    kind: str = "custom"


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field; a drop-down takes the id of one of its options, or its index."""

    id: str
    name: str
    kind: str = "short_text"
    options: Mapping[str, str] = field(default_factory=dict)

    def check(self, value: Any) -> Any:
        """The value as it is stored.

        :raises NotAccepted: it is not of the field's kind.
        """
        if self.kind == "drop_down" and value not in self.options and value not in range(len(self.options)):
            raise NotAccepted("Value must be an option index or uuid", "FIELD_011")
        if self.kind == "short_text" and not isinstance(value, str):
            raise NotAccepted("Value must be a string", "FIELD_020")
        return value

    def shown(self, value: Any) -> dict[str, Any]:
        """As a task shows it; without a value the key is absent."""
        options = [
            {"id": id, "name": name, "orderindex": index} for index, (id, name) in enumerate(self.options.items())
        ]
        about = {
            "id": self.id,
            "name": self.name,
            "type": self.kind,
            "type_config": {"options": options} if options else {},
        }
        return {**about, "hide_from_guests": False, "required": False, **({} if value is None else {"value": value})}


@dataclass(slots=True)
class TaskList:
    """A list with statuses and custom fields of its own, and its tasks, the oldest first."""

    id: str
    name: str
    statuses: tuple[Status, ...]
    fields: tuple[CustomField, ...]
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def status(self, name: str | None) -> dict[str, Any]:
        """The status of that name as a task shows it; the first one for None.

        :raises NotAccepted: the list has none of that name.
        """
        for index, status in enumerate(self.statuses):
            if name is None or status.name.casefold() == name.casefold():
                return {"status": status.name, "color": "#d3d3d3", "orderindex": index, "type": status.kind}
        raise NotAccepted("Status not found", "CRTSK_001")

    def values(self, given: list[dict[str, Any]]) -> dict[str, Any]:
        """The values of custom fields by the fields' ids.

        :raises NotAccepted: the list has no such field, or the field takes no such value.
        """
        known = {field.id: field for field in self.fields}
        if any(entry.get("id") not in known for entry in given):
            raise NotAccepted("Custom field not found", "FIELD_013")
        return {entry["id"]: known[entry["id"]].check(entry.get("value")) for entry in given}


def new_task(task_list: TaskList, content: Mapping[str, Any], milliseconds: int, address: str) -> dict[str, Any]:
    """A task as it is answered and shown from then on.

    :raises NotAccepted: no name, or something that the list does not take.
    """
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise NotAccepted("Task name invalid", "INPUT_005")
    values = task_list.values(content.get("custom_fields") or [])
    text = content.get("markdown_content") or content.get("markdown_description") or content.get("description") or ""
    id = uuid.uuid4().hex[:9]
    return {
        **_EMPTY,
        "id": id,
        "name": name,
        "text_content": text,
        "description": text,
        "status": task_list.status(content.get("status")),
        "orderindex": f"{len(task_list.tasks) + 1}.00000000000000000000000000000000",
        "date_created": str(milliseconds),
        "date_updated": str(milliseconds),
        "creator": PERSON,
        "assignees": [{**PERSON, "id": number} for number in content.get("assignees") or []],
        "tags": [{"name": tag, "tag_fg": "#fff", "tag_bg": "#000"} for tag in content.get("tags") or []],
        "parent": content.get("parent"),
        "priority": priority_of(content.get("priority")),
        "due_date": time_as_text(content.get("due_date")),
        "start_date": time_as_text(content.get("start_date")),
        "custom_fields": [field.shown(values.get(field.id)) for field in task_list.fields],
        "list": {"id": task_list.id, "name": task_list.name, "access": True},
        "url": f"{address}/t/{id}",
    }


def has_value(task: Mapping[str, Any], field_id: str, operator: str, wanted: str) -> bool:
    """Whether a task passes a filter by custom field: ``==`` is the whole text, ``=`` any part of it."""
    value = next((field.get("value") for field in task["custom_fields"] if field["id"] == field_id), None)
    if operator == "==":
        return bool(value == wanted)
    return value is not None and wanted.casefold() in str(value).casefold()


_EMPTY: dict[str, Any] = {
    "custom_id": None,
    "custom_item_id": None,
    "date_closed": None,
    "date_done": None,
    "archived": False,
    "group_assignees": [],
    "watchers": [],
    "checklists": [],
    "points": None,
    "time_estimate": None,
    "time_spent": None,
    "dependencies": [],
    "linked_tasks": [],
    "folder": {"id": "456", "name": "hidden", "hidden": True, "access": True},
    "space": {"id": "789"},
    "team_id": "1234567",
}


def priority_of(number: int | None) -> dict[str, str] | None:
    """A priority as a task shows it.

    :raises NotAccepted: there is none of that number.
    """
    if number is None:
        return None
    if number not in PRIORITIES:
        raise NotAccepted("Priority must be 1 to 4", "INPUT_006")
    name, color = PRIORITIES[number]
    return {"id": str(number), "priority": name, "color": color, "orderindex": str(number)}


def time_as_text(milliseconds: int | None) -> str | None:
    """A time as a task shows it."""
    return None if milliseconds is None else str(milliseconds)
