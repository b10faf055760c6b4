"""Subscriptions to Azure DevOps' service hooks, as its REST API takes and shows them, and what they have come to.

Owns their shapes and their filters. Pure.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, NamedTuple, cast, get_args

from examples.services.deliveries import Details
from examples.services.work_items import Organisation, WorkItem

__all__ = ["HookAnswer", "NotASubscription", "Notification", "State", "Subscription", "basic_login"]

_LONGEST_CREDENTIAL = 256


class NotASubscription(ValueError):
    """What was asked for cannot be subscribed to here."""


class State(Enum):
    """Whether a subscription is delivered to."""

    ENABLED = "enabled"
    ON_PROBATION = "onProbation"
    """What failed is tried again, now and then; what happens meanwhile is lost."""
    DISABLED_BY_SYSTEM = "disabledBySystem"


class HookAnswer(NamedTuple):
    """What a try was answered; the status is None where no answer came."""

    status: int | None
    text: str = ""


@dataclass(eq=False, slots=True)
class Notification:
    """One event for one subscription, with the record of its tries.

    :ivar body: the delivery; the same bytes at every try.
    :ivar is_settled: nothing more is tried; whether it arrived, ``is_delivered`` says.
    """

    item_id: int
    body: bytes
    answers: list[HookAnswer] = field(default_factory=list)
    is_delivered: bool = False
    is_settled: bool = False


@dataclass(eq=False, slots=True)
class Subscription:
    """One web hook.

    :ivar url: where it is delivered to. The real service takes no loopback address, and basic login over HTTPS only.
    :ivar headers: sent along; the credential is among them.
    :ivar inputs: which items it is for, as the publisher's inputs say it; what is empty admits any.
    :ivar notifications: what it was delivered, or is being.
    :ivar lost: the ids of items whose creation it was not told of, since it was not enabled.
    """

    url: str
    headers: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    details: Details = "all"
    FIXED: ClassVar[Mapping[str, str]] = {
        "publisherId": "tfs",
        "eventType": "workitem.created",
        "consumerId": "webHooks",
        "consumerActionId": "httpRequest",
    }
    """What all that can be subscribed to here have in common, under the API's names."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.ENABLED
    notifications: list[Notification] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Subscription:
        """As it is posted to ``_apis/hooks/subscriptions``.

        :raises NotASubscription: it is none, or one to something that does not happen here.
        """
        if not isinstance(content, dict) or any(content.get(name) != value for name, value in cls.FIXED.items()):
            raise NotASubscription(f"only {cls.FIXED} is known here")
        consumer = content.get("consumerInputs", {})
        details = consumer.get("resourceDetailsToSend", "all")
        if "url" not in consumer or details not in get_args(Details):
            raise NotASubscription("it has no url, or no such details are sent")
        return cls(consumer["url"], _headers(consumer), content.get("publisherInputs", {}), cast("Details", details))

    def wants(self, item: WorkItem, organisation: Organisation) -> bool:
        """Whether the creation of this item is for it."""
        there = {
            "projectId": organisation.id_of(item.project),
            "areaPath": item.fields["System.AreaPath"],
            "workItemType": item.fields["System.WorkItemType"],
        }
        return all(there.get(name) == wanted for name, wanted in self.inputs.items() if wanted)

    def in_rest(self) -> dict[str, Any]:
        """As the API shows it, without the credential."""
        shown = {"url": self.url, "resourceDetailsToSend": self.details}
        about = {"resourceVersion": "1.0", "publisherInputs": dict(self.inputs), "consumerInputs": shown}
        return {"id": self.id, "status": self.state.value, **self.FIXED, **about}


def basic_login(user: str, password: str) -> dict[str, str]:
    """The header.

    :raises NotASubscription: the service takes no such user or password.
    """
    if any(len(each) > _LONGEST_CREDENTIAL or " " in each for each in (user, password)):
        raise NotASubscription("a user and a password have at most 256 characters, and no space")
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def _headers(consumer: Mapping[str, str]) -> dict[str, str]:
    lines = (line.partition(":") for line in consumer.get("httpHeaders", "").splitlines())
    headers = {name.strip(): value.strip() for name, _, value in lines}
    user, password = consumer.get("basicAuthUsername", ""), consumer.get("basicAuthPassword", "")
    return headers | basic_login(user, password) if user or password else headers
