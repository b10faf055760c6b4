"""Azure DevOps' service hooks: their deliveries as events, and the triggers on them.

Owns the delivery's envelope. Deliveries come at least once, unordered, and perhaps without the resource: fetch
the item, do not trust the copy. They carry no signature but a credential that the subscription was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dataflows.connectors.sources.checks import Basic, HeaderToken
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import Has, holds, trigger_on
from dataflows.connectors.sources.reading import number_or_word, part, read_object, uri
from dataflows.connectors.sources.times import moment
from dataflows.errors import InvalidEvent
from dataflows.events import Event, Predicate, Trigger

__all__ = [
    "SOURCE",
    "AzureDevOpsSource",
    "build_completed",
    "code_pushed",
    "parse",
    "pull_request_created",
    "work_item_commented",
    "work_item_created",
    "work_item_deleted",
    "work_item_updated",
]

SOURCE = "azure-devops"
"""The name of the source whose deliveries ``parse`` reads."""

TYPE_PREFIX = "com.azure.devops."

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,80}")


class AzureDevOpsSource(OneEventSource):
    """The deliveries of all subscriptions that send one credential.

    Azure DevOps drops new events while a subscription is on probation, and any error but 408, 502, 503 and 504 puts
    it there: where deliveries cannot be stored, answer 503.

    :param check: ``Basic(user, password)`` or ``HeaderToken("X-Hook-Token", token)``, as the subscription has it.
    """

    name = SOURCE
    largest_body = 4_000_000  # it sends 2 MB at most

    def __init__(self, check: Basic | HeaderToken) -> None:
        super().__init__(check)

    def read(self, delivery: Delivery) -> Event:
        return parse(delivery.body)


def parse(body: bytes) -> Event:
    """The event of a delivery; ``data`` is the envelope, whose ``resource`` may be missing or null.

    The id is made of the subscription's and the event's, so a redelivery has the same and two
    subscriptions to one event have two.

    :raises InvalidEvent: the body is not JSON, or lacks ``id`` or ``eventType``.
    """
    envelope = read_object(body, "an Azure DevOps delivery")
    keys = [_identifier(envelope, name) for name in ("subscriptionId", "id") if name == "id" or name in envelope]
    event_type = _identifier(envelope, "eventType")
    return Event(
        id=":".join([SOURCE, *keys]),
        source=_place(envelope),
        type=TYPE_PREFIX + event_type,
        data=envelope,
        subject=_subject(event_type, envelope),
        time=moment(envelope.get("createdDate")),
    )


def work_item_created(project: str | None = None) -> Trigger:
    """The creation of a work item.

    :param project: only in this project: its name, or its id. A subscription that sends no resource
        details does not tell the name: give the id then.
    """
    return _trigger("workitem.created", project)


def work_item_updated(project: str | None = None, *, changed: str | None = None) -> Trigger:
    """A change of a work item; ``event.data["resource"]["workItemId"]`` is the item.

    :param project: as for ``work_item_created``.
    :param changed: only if this field changed, by its reference name: ``"System.State"``.
    """
    return _trigger("workitem.updated", project, Has(f"resource/fields/{changed}") if changed else None)


def work_item_commented(project: str | None = None) -> Trigger:
    """A comment on a work item; ``project`` as for ``work_item_created``."""
    return _trigger("workitem.commented", project)


def work_item_deleted(project: str | None = None) -> Trigger:
    """A work item that was deleted; ``project`` as for ``work_item_created``."""
    return _trigger("workitem.deleted", project)


def code_pushed(project: str | None = None, *, repository: str | None = None, branch: str | None = None) -> Trigger:
    """A push to a Git repository.

    :param project: its name or its id, as for ``work_item_created``.
    :param repository: only this one: its name, or its id.
    :param branch: only if it was pushed to: ``"main"``.
    """
    reference = f"refs/heads/{branch}" if branch else None
    is_of_branch = holds(reference, "resource/refUpdates/name", ignores_case=False)
    return _trigger("git.push", project, _is_of(repository), is_of_branch)


def pull_request_created(project: str | None = None, *, repository: str | None = None) -> Trigger:
    """A new pull request; the filters as for ``code_pushed``."""
    return _trigger("git.pullrequest.created", project, _is_of(repository))


def build_completed(project: str | None = None, *, definition: str | None = None) -> Trigger:
    """A build that has ended, well or not.

    :param project: its id; this event does not tell its name.
    :param definition: only of this build definition, by its name.
    """
    return _trigger("build.complete", project, holds(definition, "resource/definition/name"))


def _trigger(event_type: str, project: str | None, *predicates: Predicate | None) -> Trigger:
    places = [f"resource/{place}/System.TeamProject" for place in ("fields", "revision/fields")]
    in_project = holds(project, *places, "resource/repository/project/name", "resourceContainers/project/id")
    return trigger_on(SOURCE, TYPE_PREFIX + event_type, in_project, *predicates)


def _is_of(repository: str | None) -> Predicate | None:
    return holds(repository, "resource/repository/name", "resource/repository/id")


def _identifier(envelope: Mapping[str, Any], name: str) -> str:
    value = envelope.get(name)
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise InvalidEvent(f"an Azure DevOps delivery has a plain word as its {name!r}; this one has {value!r:.99}")
    return value


def _place(envelope: Mapping[str, Any]) -> str:
    containers = part(envelope, "resourceContainers")
    addresses = (uri(part(containers, name).get("baseUrl"), "") for name in ("collection", "account", "server"))
    address = next(filter(None, addresses), f"/{SOURCE}")
    project = part(containers, "project").get("id")
    return uri(f"{address.rstrip('/')}/{project}", address) if isinstance(project, str) else address


def _subject(event_type: str, envelope: Mapping[str, Any]) -> str | None:
    resource = part(envelope, "resource")
    number = number_or_word(resource.get("workItemId", resource.get("id")))  # an update's own id is not the item's
    return f"workitem/{number}" if event_type.startswith("workitem.") and number else None
