"""Azure DevOps' service-hook deliveries: read as events, and the triggers on them.

Owns the delivery's envelope. Deliveries come at least once, unordered, and perhaps without the
resource: fetch the item, do not trust the copy. They carry no signature; whoever receives them
checks the credential that the subscription sends.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dataflows.errors import InvalidEvent
from dataflows.events import Event, Trigger

__all__ = ["SOURCE", "parse", "work_item_created"]

SOURCE = "azure-devops"
"""The name of the source whose deliveries ``parse`` reads."""

TYPE_PREFIX = "com.azure.devops."

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,80}")


def work_item_created(project: str | None = None) -> Trigger:
    """The creation of a work item.

    :param project: only in this project: its name, or its id. A subscription that sends no resource
        details does not tell the name: give the id then.
    """
    where = functools.partial(_is_in_project, project)
    return Trigger(SOURCE, TYPE_PREFIX + "workitem.created", where)


def parse(body: bytes, headers: Mapping[str, str]) -> Event:
    """The event of a delivery; ``data`` is the envelope, whose ``resource`` may be missing or null.

    The id is made of the subscription's and the event's, so a redelivery has the same and two
    subscriptions to one event have two. No header is read: none is documented.

    :raises InvalidEvent: the body is not JSON, or lacks ``id`` or ``eventType``.
    """
    envelope = _read_envelope(body)
    keys = [_identifier(envelope, name) for name in ("subscriptionId", "id") if name == "id" or name in envelope]
    event_type = _identifier(envelope, "eventType")
    return Event(
        id=":".join([SOURCE, *keys]),
        source=_place(envelope),
        type=TYPE_PREFIX + event_type,
        data=envelope,
        subject=_subject(event_type, envelope),
        time=_moment(envelope.get("createdDate")),
    )


def _read_envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"an Azure DevOps delivery is JSON; this body is not: {error}") from None
    if not isinstance(envelope, dict):
        raise InvalidEvent(f"an Azure DevOps delivery is a JSON object, not {type(envelope).__name__}")
    return envelope


def _identifier(envelope: Mapping[str, Any], name: str) -> str:
    value = envelope.get(name)
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise InvalidEvent(f"an Azure DevOps delivery has a plain word as its {name!r}; this one has {value!r:.99}")
    return value


def _part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _place(envelope: Mapping[str, Any]) -> str:
    containers = _part(envelope, "resourceContainers")
    addresses = (_part(containers, name).get("baseUrl") for name in ("collection", "account", "server"))
    address = next((found for found in addresses if isinstance(found, str) and found), f"/{SOURCE}")
    project = _part(containers, "project").get("id")
    return f"{address.rstrip('/')}/{project}" if isinstance(project, str) else address


def _subject(event_type: str, envelope: Mapping[str, Any]) -> str | None:
    resource = _part(envelope, "resource")
    number = resource.get("workItemId", resource.get("id"))  # an update's own id is not the item's
    is_number = isinstance(number, int) and not isinstance(number, bool)
    return f"workitem/{number}" if event_type.startswith("workitem.") and is_number else None


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _is_in_project(project: str | None, event: Event) -> bool:
    if project is None:
        return True
    name = _part(_part(event.data, "resource"), "fields").get("System.TeamProject")
    number = _part(_part(event.data, "resourceContainers"), "project").get("id")
    return project.casefold() in {str(known).casefold() for known in (name, number) if known is not None}
