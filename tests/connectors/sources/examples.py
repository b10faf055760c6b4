"""A genuine delivery of each source, as its service would send it, and the source that takes it.

Signed with ``hmac`` here, so that no test compares the sources with themselves.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dataflows.connectors.sources import (
    AzureDevOpsSource,
    Basic,
    Bearer,
    ClickUpSource,
    CloudEventsSource,
    Delivery,
    GenericSource,
    GitHubSource,
    Headers,
    HeaderToken,
    Received,
    ShopifySource,
    SignedBody,
    SlackSource,
    Source,
    StandardWebhooksSource,
    StripeSource,
    receive,
)
from dataflows.events import Event

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))

SECRET, PREVIOUS = "hunter2-hunter2", "swordfish-swordfish"
WHSEC, PREVIOUS_WHSEC = (f"whsec_{base64.b64encode(one.encode()).decode()}" for one in (SECRET, PREVIOUS))
SHOP = "acme.myshopify.com"

WORK_ITEM_CREATED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "workitem_created.json").read_bytes())

TASK_CREATED: dict[str, Any] = {
    "event": "taskCreated",
    "history_items": [
        {"id": "2800763136717140857", "date": "1642734631523", "field": "status", "parent_id": "162641062"},
        {"id": "2800763136700363640", "date": "1642734631523", "field": "task_creation", "parent_id": "162641062"},
    ],
    "task_id": "1vj37mc",
    "webhook_id": "7fa3ec74-69a8-4530-a251-8a13730bd204",
}
ORDER: dict[str, Any] = {"id": 820982911946154508, "name": "#9999", "total_price": "404.95", "currency": "USD"}
ISSUE_OPENED: dict[str, Any] = {
    "action": "opened",
    "issue": {"number": 7, "title": "Checkout total is wrong"},
    "repository": {"full_name": "acme/web", "html_url": "https://github.com/acme/web"},
}
PAYMENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1795340000,
    "livemode": True,
    "data": {"object": {"object": "payment_intent", "id": "pi_1"}},
}
MESSAGE: dict[str, Any] = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event_time": 1795340000,
    "event": {"type": "message", "channel": "C1", "text": "deploy"},
}
PAID: dict[str, Any] = {"type": "order.paid", "timestamp": "2026-11-22T10:00:00Z", "data": {"order": "A-1"}}
CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "42",
    "source": "/shop/orders",
    "type": "order.paid",
    "subject": "order/A-1",
    "time": "2026-11-22T10:00:00Z",
    "data": {"order": "A-1"},
}


def digest(key: str | bytes, content: bytes, encoding: str = "hex") -> str:
    key = key.encode() if isinstance(key, str) else key
    made = hmac.new(key, content, "sha256").digest()
    return made.hex() if encoding == "hex" else base64.b64encode(made).decode()


def delivery(body: bytes, *headers: tuple[str, str], method: str = "POST", at: datetime = NOW) -> Delivery:
    return Delivery(method, Headers(headers), body, at)


def compact(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


Sign = Callable[[bytes, str], list[tuple[str, str]]]
"""The headers of a body, proven with a secret."""


@dataclass(frozen=True)
class Example:
    """A source that knows two secrets, and how its service signs with one of them."""

    name: str
    make: Callable[..., Source]
    sign: Sign
    content: Any
    covers_body: bool = True
    secrets: tuple[str, str] = (SECRET, PREVIOUS)

    @property
    def source(self) -> Source:
        return self.make(*self.secrets)

    def delivered(self, content: Any = None, secret: str | None = None) -> Delivery:
        body = content if isinstance(content, bytes) else compact(self.content if content is None else content)
        return delivery(body, *self.sign(body, secret or self.secrets[0]))

    @property
    def proof(self) -> str:
        """The header that proves it."""
        return self.sign(b"", self.secrets[0])[0][0]


def basic(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("Authorization", "Basic " + base64.b64encode(f"hook:{secret}".encode()).decode())]


def bearer(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {secret}")]


def token(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("X-Hook-Token", secret)]


def clickup(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("X-Signature", digest(secret, body))]


def shopify(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [
        ("X-Shopify-Hmac-Sha256", digest(secret, body, "base64")),
        ("X-Shopify-Topic", "orders/create"),
        ("X-Shopify-Shop-Domain", SHOP),
        ("X-Shopify-Event-Id", "98880550-7158-44d4-b7cd-2c97c8a091b5"),
        ("X-Shopify-Triggered-At", "2025-07-10T16:15:47.123456789Z"),
    ]


def github(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [
        ("X-Hub-Signature-256", f"sha256={digest(secret, body)}"),
        ("X-GitHub-Event", "issues"),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("Content-Type", "application/json"),
    ]


def stripe(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("Stripe-Signature", f"t={STAMP},v1={digest(secret, f'{STAMP}.'.encode() + body)}")]


def slack(body: bytes, secret: str) -> list[tuple[str, str]]:
    signed = f"v0:{STAMP}:".encode() + body
    return [("X-Slack-Signature", f"v0={digest(secret, signed)}"), ("X-Slack-Request-Timestamp", STAMP)]


def standard(body: bytes, secret: str, prefix: str = "webhook") -> list[tuple[str, str]]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"msg_1.{STAMP}.".encode() + body
    return [
        (f"{prefix}-signature", f"v1,{digest(key, signed, 'base64')}"),
        (f"{prefix}-id", "msg_1"),
        (f"{prefix}-timestamp", STAMP),
    ]


def structured(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [*bearer(body, secret), ("Content-Type", "application/cloudevents+json; charset=utf-8")]


def batch(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [*bearer(body, secret), ("Content-Type", "application/cloudevents-batch+json")]


def binary(body: bytes, secret: str) -> list[tuple[str, str]]:
    attributes = {f"ce-{name}": value for name, value in CLOUD_EVENT.items() if name != "data"}
    return [*bearer(body, secret), ("Content-Type", "application/json"), *attributes.items()]


def signed_structured(body: bytes, secret: str) -> list[tuple[str, str]]:
    return [("X-Sum", digest(secret, body)), ("Content-Type", "application/cloudevents+json")]


def of_shop(*secrets: str) -> Source:
    return ShopifySource(*secrets, shops=[SHOP])


EXAMPLES = [
    Example("azure-basic", lambda *s: AzureDevOpsSource(Basic("hook", *s)), basic, WORK_ITEM_CREATED, False),
    Example(
        "azure-token", lambda *s: AzureDevOpsSource(HeaderToken("X-Hook-Token", *s)), token, WORK_ITEM_CREATED, False
    ),
    Example("clickup", ClickUpSource, clickup, TASK_CREATED),
    Example("shopify", of_shop, shopify, ORDER),
    Example("github", GitHubSource, github, ISSUE_OPENED),
    Example("stripe", StripeSource, stripe, PAYMENT),
    Example("slack", SlackSource, slack, MESSAGE),
    Example("standard", StandardWebhooksSource, standard, PAID, True, (WHSEC, PREVIOUS_WHSEC)),
    Example("cloudevents", lambda *s: CloudEventsSource(Bearer(*s)), structured, CLOUD_EVENT, False),
    Example("cloudevents-batch", lambda *s: CloudEventsSource(Bearer(*s)), batch, [CLOUD_EVENT], False),
    Example("cloudevents-binary", lambda *s: CloudEventsSource(Bearer(*s)), binary, CLOUD_EVENT["data"], False),
    Example(
        "cloudevents-signed", lambda *s: CloudEventsSource(SignedBody("X-Sum", *s)), signed_structured, CLOUD_EVENT
    ),
    Example("generic-bearer", lambda *s: GenericSource("shop", Bearer(*s)), bearer, PAID, False),
    Example("generic-signed", lambda *s: GenericSource("shop", SignedBody("X-Signature", *s)), clickup, PAID),
]
BY_NAME = {example.name: example for example in EXAMPLES}


def with_header(given: Delivery, name: str, *values: str) -> Delivery:
    """The delivery with these values of a header in place of its own; with none, without that header."""
    others = [(known, value) for known, value in given.headers if known != name.lower()]
    return replace(given, headers=Headers([*others, *((name, value) for value in values)]))


def later(given: Delivery, seconds: float) -> Delivery:
    return replace(given, received_at=given.received_at + timedelta(seconds=seconds))


def received(name: str, given: Delivery | None = None) -> Received:
    example = BY_NAME[name]
    found = receive(example.source, given or example.delivered())
    assert isinstance(found, Received)
    return found


def event_of(name: str, given: Delivery | None = None) -> Event:
    [event] = received(name, given).events
    return event
