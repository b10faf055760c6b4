"""How the language's own values look in JSON.

Owns their tags and fields, so that the classes need not know that they are stored.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timezone
from typing import Any

from dataflows.commands import Task, Winner
from dataflows.events import Event
from interpreter.codec.tagged import register_json_type

__all__ = ["register_own_types"]


def register_own_types() -> None:
    """Register ``Event``, ``Task`` and ``Winner``."""
    register_json_type(Event, "event", _event_to_dict, _event_from_dict)
    register_json_type(
        Task,
        "task",
        lambda task: {"position": list(task.position)},
        lambda stored: Task(tuple(stored["position"])),
    )
    register_json_type(
        Winner,
        "winner",
        lambda winner: {"name": winner.name, "value": winner.value},
        lambda stored: Winner(stored["name"], stored["value"]),
    )


def _event_to_dict(event: Event) -> dict[str, Any]:
    """CloudEvents' own JSON format, in which an attribute that is not there is left out."""
    stored: dict[str, Any] = {"specversion": event.specversion}
    stored |= {name: value for name in _EVENT_FIELDS if (value := getattr(event, name)) is not None}
    if event.time is not None and _is_exact_in_iso_format(event.time):
        stored["time"] = event.time.isoformat()
    return stored


def _event_from_dict(stored: dict[str, Any]) -> Event:
    attributes = {name: value for name, value in stored.items() if name != "specversion"}
    if "time" in attributes:
        attributes["time"] = datetime.fromisoformat(attributes["time"])
    return Event(**attributes)


def _is_exact_in_iso_format(time: datetime) -> bool:
    # The text holds an offset and no zone: Europe/Berlin would come back as +01:00.
    return type(time) is datetime and type(time.tzinfo) is timezone and not time.fold


_EVENT_FIELDS = tuple(field.name for field in fields(Event))
