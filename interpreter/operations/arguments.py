"""What a workflow is called with, where it comes from outside as plain JSON.

Owns whether it could be called so at all. Values stay what JSON made of them, but for the one event of
a workflow that events start.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dataflows.events import Event
from dataflows.payload import read_as
from dataflows.workflow import Workflow

__all__ = ["check_arguments", "read_event"]


def check_arguments(workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """See that the workflow takes these. :raises TypeError: it does not."""
    inspect.signature(workflow.function).bind(*args, **kwargs)
    if workflow.triggers and not (args and isinstance(args[0], Event)):
        raise TypeError("it has a trigger, and is given an event: an object with id, source, type, and data")


def read_event(attributes: Mapping[str, Any]) -> Event:
    """The event with these attributes of CloudEvents.

    :raises ValueError: one is missing, unknown, or cannot be.
    """
    known = dict(attributes)
    if known.pop("specversion", Event.specversion) != Event.specversion:
        raise ValueError(f"events are of CloudEvents {Event.specversion}, not {attributes['specversion']!r}")
    if "time" in known:
        known["time"] = _moment(known["time"])
    event: Event = read_as(Event, known)
    return event


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(read_as(str, text))
