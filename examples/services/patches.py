"""Changes of work items, as JSON Patch tells them: all of one patch, or nothing. Pure."""

from __future__ import annotations

from typing import Any

from examples.services.work_items import Person, WorkItem

__all__ = ["NotApplicable", "RevisionTestFailed", "apply"]

NAMES_SOMEONE = frozenset({"System.AssignedTo"})


class NotApplicable(Exception):
    """The patch is none, or touches what cannot be changed."""


class RevisionTestFailed(Exception):
    """The item is at another revision than the patch was made for."""


def apply(patch: Any, item: WorkItem) -> None:
    """Change the item, and count its revision up.

    :raises NotApplicable: nothing was changed.
    :raises RevisionTestFailed: nothing was changed.
    """
    if not isinstance(patch, list) or not all(isinstance(operation, dict) for operation in patch):
        raise NotApplicable
    fields = dict(item.fields)
    for operation in patch:
        _apply(operation, item.rev, fields)
    item.fields = fields
    item.rev += 1


def _apply(operation: dict[str, Any], rev: int, fields: dict[str, Any]) -> None:
    kind, path = operation.get("op"), str(operation.get("path"))
    if kind == "test" and path == "/rev":
        if operation.get("value") != rev:
            raise RevisionTestFailed(f"value {rev} was not equal to test value {operation.get('value')}")
        return
    name = path.removeprefix("/fields/")
    if name == path or kind not in ("add", "replace", "remove"):
        raise NotApplicable
    value = None if kind == "remove" else operation.get("value")
    if value is None or value == "":
        fields.pop(name, None)  # what is empty is absent
    else:
        fields[name] = _someone(value) if name in NAMES_SOMEONE else value


def _someone(text: str) -> Person:
    """``Ada Example <ada@example.com>``, or an address alone."""
    name, _, mail = text.rstrip(">").rpartition(" <")
    return Person(name or mail, mail)
