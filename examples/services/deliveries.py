"""The body of a ``workitem.created`` delivery, as Azure DevOps sends it.

Owns the envelope. Pure.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal, TypeAlias

from examples.services.work_items import Organisation, Person, WorkItem, stamp

__all__ = ["Details", "work_item_created"]

Details: TypeAlias = Literal["all", "minimal", "none"]
"""How much of the resource a subscription has sent."""


def work_item_created(
    item: WorkItem,
    organisation: Organisation,
    event_id: str,
    *,
    subscription: str,
    number: int,
    details: Details,
    now: datetime,
) -> bytes:
    """The body.

    :param event_id: all subscriptions to an event are told the same.
    :param subscription: the id of that which it is for.
    :param number: counts the notifications of the subscription.
    :param now: when the event was made.
    """
    envelope = {
        "subscriptionId": subscription,
        "notificationId": number,
        "id": event_id,
        "eventType": "workitem.created",
        "publisherId": "tfs",
        "message": _message(item, organisation),
        "detailedMessage": _detailed_message(item, organisation),
        "resource": _resource(item, organisation, details),
        "resourceVersion": "1.0",
        "resourceContainers": {
            name: {"id": organisation.id_of(of), "baseUrl": f"{organisation.address}/"}
            for name, of in (("collection", "collection"), ("account", "account"), ("project", item.project))
        },
        "createdDate": stamp(now, digits=7),
    }
    return json.dumps(envelope).encode()


def _resource(item: WorkItem, organisation: Organisation, details: Details) -> dict[str, Any] | None:
    whole = item.in_delivery(organisation)
    if details == "minimal":
        return {"id": whole["id"], "url": whole["url"]}
    return whole if details == "all" else None


def _message(item: WorkItem, organisation: Organisation) -> dict[str, str]:
    page = item.page(organisation)
    rest = f" ({item.fields['System.Title']}) created by {_creator(item)}."
    return {
        "text": f"{item.label}{rest}\r\n({page})",
        "html": f'<a href="{page.replace("&", "&amp;")}">{item.label}</a>{rest}',
        "markdown": f"[{item.label}]({page}){rest}",
    }


def _detailed_message(item: WorkItem, organisation: Organisation) -> dict[str, str]:
    brief = _message(item, organisation)
    area, state = item.fields["System.AreaPath"], item.fields["System.State"]
    return {
        "text": f"{brief['text']}\r\n\r\n- Area: {area}\r\n- State: {state}\r\n",
        "html": f"{brief['html']}<ul>\r\n<li>Area: {area}</li>\r\n<li>State: {state}</li></ul>",
        "markdown": f"{brief['markdown']}\r\n\r\n* Area: {area}\r\n* State: {state}\r\n",
    }


def _creator(item: WorkItem) -> str:
    creator = item.fields["System.CreatedBy"]
    return creator.name if isinstance(creator, Person) else str(creator)
