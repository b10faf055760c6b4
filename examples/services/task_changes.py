"""Changes of ClickUp's tasks, as ``PUT`` of a task and ``POST`` of a custom field make them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from examples.services.tasks import PERSON, NotAccepted, TaskList, priority_of, time_as_text

__all__ = ["change_task", "set_value"]

AS_GIVEN = ("name", "parent", "archived")
TEXTS = ("description", "markdown_content", "markdown_description")
TIMES = ("due_date", "start_date")


def change_task(task: dict[str, Any], task_list: TaskList, content: Mapping[str, Any], milliseconds: int) -> None:
    """Change what is given, all of it or nothing; custom fields cannot be changed so, and are ignored.

    :raises NotAccepted: the list does not take something of it.
    """
    changes: dict[str, Any] = {name: content[name] for name in AS_GIVEN if name in content}
    changes |= {name: time_as_text(content[name]) for name in TIMES if name in content}
    if changes.get("name") == "":
        raise NotAccepted("Task name invalid", "INPUT_005")
    for text in (content[name] for name in TEXTS if name in content):
        changes |= {"description": text, "text_content": text}
    if "status" in content:
        changes["status"] = task_list.status(content["status"])
    if "priority" in content:
        changes["priority"] = priority_of(content["priority"])
    if "assignees" in content:
        changes["assignees"] = _assigned(task["assignees"], content["assignees"])
    task.update(changes, date_updated=str(milliseconds))


def set_value(task: dict[str, Any], task_list: TaskList, field_id: str, value: Any) -> None:
    """Give a custom field of a task a value.

    :raises NotAccepted: the list has no such field, or the field takes no such value.
    """
    checked = task_list.values([{"id": field_id, "value": value}])[field_id]
    field = next(field for field in task_list.fields if field.id == field_id)
    others = {shown["id"]: shown for shown in task["custom_fields"]}
    task["custom_fields"] = list({**others, field_id: field.shown(checked)}.values())


def _assigned(present: list[dict[str, Any]], change: Any) -> list[dict[str, Any]]:
    if not isinstance(change, dict):
        raise NotAccepted("Assignees must be an object with add and rem", "INPUT_014")
    removed = set(change.get("rem") or [])
    kept = {person["id"]: person for person in present if person["id"] not in removed}
    return list({**kept, **{number: {**PERSON, "id": number} for number in change.get("add") or []}}.values())
