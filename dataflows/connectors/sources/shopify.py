"""Shopify's webhooks: their deliveries as events, and the triggers on them.

Owns the delivery's headers, which say what the body is. The signature covers the body alone: no header proves
anything, so that a shop is believed only if it is one of those that are expected.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dataflows.connectors.sources.checks import SignedBody
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import ComesFrom, trigger_on
from dataflows.connectors.sources.reading import body_hash, check_word, identifier, number_or_word, read_object
from dataflows.connectors.sources.times import moment
from dataflows.errors import InvalidSignature
from dataflows.events import Event, Trigger

__all__ = [
    "SOURCE",
    "ShopifySource",
    "app_uninstalled",
    "order_cancelled",
    "order_created",
    "order_fulfilled",
    "order_paid",
    "order_updated",
    "product_created",
    "product_updated",
    "topic",
]

SOURCE = "shopify"

TYPE_PREFIX = "com.shopify."
WHAT = "a Shopify delivery"

PREFIXES = ("X-Shopify-", "Shopify-")
"""What its headers' names begin with; the shorter one is the newer."""


class ShopifySource(OneEventSource):
    """The deliveries of an app, which come from any of its shops under one secret.

    Shopify waits 5 s for an answer, and after a rotation signs with the old secret for up to an hour.

    :param secrets: the app's client secret; with none, everything is refused.
    :param shops: the domains of the shops that are expected, ``"acme.myshopify.com"``; any other is refused.
    :raises ValueError: as ``SignedBody``.
    """

    name = SOURCE
    largest_body = 5_000_000

    def __init__(self, *secrets: str | bytes | None, shops: Collection[str]) -> None:
        if isinstance(shops, str):
            raise TypeError(f"ShopifySource(shops=) is a list of domains; write shops=[{shops!r}]")
        super().__init__(_SignedBody(secrets, frozenset(shop.lower() for shop in shops)))

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is made of shop, topic, event and subscription, as all of these share an event's id.

        Without an event's id it is made of the webhook's; without either, of a hash of the body.
        """
        shop, about = _shop(delivery), check_word(_header(delivery, "Topic"), "X-Shopify-Topic", WHAT)
        happening = _header(delivery, "Event-Id") or _header(delivery, "Webhook-Id") or body_hash(delivery)
        subscription = filter(None, [_header(delivery, "Name")])
        content = read_object(delivery.body, WHAT)
        number = number_or_word(content.get("id"))
        return Event(
            id=identifier(SOURCE, shop, about, happening, *subscription),
            source=f"https://{shop}",
            type=TYPE_PREFIX + about.replace("/", "."),
            data=content,
            subject=f"{about.partition('/')[0].removesuffix('s')}/{number}" if number else None,
            time=moment(_header(delivery, "Triggered-At")),
        )


class _SignedBody:
    """The signature, under either of the names that Shopify gives it, and the shop."""

    def __init__(self, secrets: Sequence[str | bytes | None], shops: frozenset[str]) -> None:
        what = "the Shopify app's client secret"
        headers = [prefix + "Hmac-Sha256" for prefix in PREFIXES]
        self._checks = [SignedBody(header, *secrets, encoding="base64", what=what) for header in headers]
        self._shops = shops

    @property
    def has_secret(self) -> bool:
        return any(check.has_secret for check in self._checks)

    def verify(self, delivery: Delivery) -> None:
        old, new = self._checks
        (new if delivery.headers.all(new.header) else old).verify(delivery)
        if (_header(delivery, "Shop-Domain") or "").lower() not in self._shops:
            raise InvalidSignature("the shop is none of those that this source expects; see ShopifySource(shops=)")


def _header(delivery: Delivery, name: str) -> str | None:
    old, new = (delivery.headers.only(prefix + name) for prefix in PREFIXES)
    return new or old or None


def _shop(delivery: Delivery) -> str:
    return check_word(_header(delivery, "Shop-Domain"), "X-Shopify-Shop-Domain", WHAT).lower()


def topic(topic: str, shop: str | None = None) -> Trigger:
    """Anything that Shopify tells of, by its topic: ``"refunds/create"``.

    :param shop: only from this one, by its domain: ``"acme.myshopify.com"``.
    """
    from_shop = ComesFrom(f"https://{shop}") if shop else None
    return trigger_on(SOURCE, TYPE_PREFIX + topic.replace("/", "."), from_shop)


def order_created(shop: str | None = None) -> Trigger:
    """A new order; the event's data is the order. ``shop`` as for ``topic``."""
    return topic("orders/create", shop)


def order_paid(shop: str | None = None) -> Trigger:
    """An order that has been paid; ``shop`` as for ``topic``."""
    return topic("orders/paid", shop)


def order_updated(shop: str | None = None) -> Trigger:
    """An order that has changed; ``shop`` as for ``topic``."""
    return topic("orders/updated", shop)


def order_cancelled(shop: str | None = None) -> Trigger:
    """An order that was cancelled; ``shop`` as for ``topic``."""
    return topic("orders/cancelled", shop)


def order_fulfilled(shop: str | None = None) -> Trigger:
    """An order of which everything has been sent; ``shop`` as for ``topic``."""
    return topic("orders/fulfilled", shop)


def product_created(shop: str | None = None) -> Trigger:
    """A new product; ``shop`` as for ``topic``."""
    return topic("products/create", shop)


def product_updated(shop: str | None = None) -> Trigger:
    """A product that has changed; ``shop`` as for ``topic``."""
    return topic("products/update", shop)


def app_uninstalled(shop: str | None = None) -> Trigger:
    """The app was removed from a shop, whose token no longer holds; ``shop`` as for ``topic``."""
    return topic("app/uninstalled", shop)
