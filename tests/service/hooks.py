"""Who delivers in the tests of hooks, and what that starts."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from dataflows import Event, Flow, on, sleep, wait, workflow
from dataflows.connectors.sources import AzureDevOpsSource, Basic, GenericSource, GitHubSource, SignedBody, SlackSource
from dataflows.connectors.sources.generic import received

__all__ = ["SOURCES", "body_of", "signed"]

HEADER, SECRET = "X-Signature", "a secret of the tests"


class Broken(GenericSource):
    """A source with a fault of its own."""

    def read(self, delivery: object) -> Event:
        raise ZeroDivisionError("a fault")


def signing(name: str) -> SignedBody:
    return SignedBody(HEADER, f"{SECRET} {name}")


SOURCES = {
    "hook-shop": GenericSource("hook-shop", signing("hook-shop"), id="id"),
    "hook-shop/theirs": GenericSource("hook-shop", signing("theirs"), id="id"),
    "broken": Broken("broken", signing("broken")),
    "azure-devops": AzureDevOpsSource(Basic("hooks", "a password of the tests")),
    "slack": SlackSource("a signing secret"),
    "github": GitHubSource(None),
}


def body_of(id: str, type: str = "order.created", **others: Any) -> bytes:
    return json.dumps({"id": id, "type": type, **others}).encode()


def signed(body: bytes, name: str = "hook-shop") -> dict[str, str]:
    """The headers of a genuine delivery."""
    return {HEADER: hmac.new(f"{SECRET} {name}".encode(), body, hashlib.sha256).hexdigest()}


@workflow("hooks/order", trigger=received("hook-shop", "order.created"))
def order(event: Event) -> Flow[Any]:
    yield from sleep("nothing", 0)
    return event.data["id"]


@workflow(
    "hooks/large order", trigger=received("hook-shop", "order.created").when(lambda event: event.data["total"] > 9)
)
def large_order(event: Event) -> Flow[Any]:
    yield from sleep("nothing", 0)
    return event.data["total"]


@workflow("hooks/paid", trigger=on("hooks.paid"))
def paid(event: Event) -> Flow[Any]:
    yield from sleep("nothing", 0)
    return [event.subject, event.data]


@workflow("hooks/item")
def item(key: str) -> Flow[Any]:
    event: Event = yield from wait("com.azure.devops.workitem.created", key=key)
    return event.data["id"]
