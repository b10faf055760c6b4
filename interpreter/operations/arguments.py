"""What a workflow is called with, where it comes from outside as plain JSON.

Owns whether it could be called so at all. Values stay what JSON made of them, but for the one event of
a workflow that events start.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dataflows.events import Event, Trigger
from dataflows.payload import read_as
from dataflows.slots import slot_event
from dataflows.workflow import Workflow
from interpreter.store.identifiers import time_ordered_id

__all__ = ["check_arguments", "read_event_for"]


_BY_HAND = "/by-hand"


def check_arguments(workflow: Workflow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """See that the workflow takes these. :raises TypeError: it does not."""
    inspect.signature(workflow.function).bind(*args, **kwargs)
    if workflow.triggers and not (args and isinstance(args[0], Event)):
        raise TypeError("it has a trigger, and is given an event: an object with its data, and perhaps id and type")


def read_event_for(workflow: Workflow[..., Any], attributes: Mapping[str, Any]) -> Event:
    """The event with which somebody starts a workflow by hand.

    What is not said is as it would be of the trigger's own: the type, if it has triggers on one type only, and that
    type's source; of a schedule, the event of this moment. Without any, the type is the workflow's name. The id is a
    new one.

    :raises ValueError: an attribute is unknown, or cannot be; the type has to be said.
    """
    triggers = [each for each in workflow.triggers if isinstance(each, Trigger)]
    defaults = {"id": time_ordered_id()}
    if not workflow.triggers:
        defaults |= {"source": _BY_HAND, "type": workflow.name}
    elif triggers:
        type = attributes.get("type") or _only_type(triggers)
        sources = [each.source for each in triggers if each.type == type]
        defaults |= {"type": type, "source": sources[0]} if sources else {"type": type}
    elif "type" not in attributes:
        moment = slot_event(workflow.name, datetime.now(UTC))
        defaults |= {"source": moment.source, "type": moment.type, "time": str(moment.time), "subject": workflow.name}
    return _read_event({**defaults, **attributes})


def _only_type(triggers: Sequence[Trigger]) -> str:
    types = dict.fromkeys(trigger.type for trigger in triggers)
    if len(types) > 1:
        raise ValueError(f'an event of several types may start it: say "type", one of {", ".join(map(repr, types))}')
    return next(iter(types))


def _read_event(attributes: Mapping[str, Any]) -> Event:
    """The event with these attributes of CloudEvents."""
    known = dict(attributes)
    if known.pop("specversion", Event.specversion) != Event.specversion:
        raise ValueError(f"events are of CloudEvents {Event.specversion}, not {attributes['specversion']!r}")
    if "time" in known:
        known["time"] = _moment(known["time"])
    event: Event = read_as(Event, known)
    return event


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(read_as(str, text))
