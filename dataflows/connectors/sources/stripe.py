"""Stripe's webhooks: their deliveries as events, and the triggers on them.

Owns the signature's header, and the envelope, whose type is Stripe's own name for what happened.
"""

from __future__ import annotations

from datetime import timedelta

from dataflows.connectors.sources.checks import refusal
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import holds, trigger_on
from dataflows.connectors.sources.reading import identifier, number_or_word, part, read_object, word
from dataflows.connectors.sources.secrets import KeepsSecrets, Secrets
from dataflows.connectors.sources.times import is_recent, moment, moment_of_number
from dataflows.events import Event, Trigger

__all__ = [
    "SOURCE",
    "StripeSource",
    "checkout_completed",
    "happened",
    "invoice_paid",
    "payment_failed",
    "payment_succeeded",
]

SOURCE = "stripe"

TYPE_PREFIX = "com.stripe."
WHAT = "a Stripe delivery"
HEADER = "Stripe-Signature"


class StripeSource(OneEventSource):
    """The deliveries of one endpoint. Stripe delivers again for up to three days, and in no order.

    :param secrets: the endpoint's, as they are shown, ``whsec_`` included; with none, everything is refused.
    :raises ValueError: one is empty or has white space at an end, or there are more than two.
    """

    name = SOURCE

    def __init__(self, *secrets: str | bytes | None) -> None:
        super().__init__(_StampedSignature(Secrets(secrets, "the Stripe endpoint's secret")))

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is Stripe's own."""
        content = read_object(delivery.body, WHAT)
        about = part(content, "data", "object")
        names = [number_or_word(about.get(name)) for name in ("object", "id")]
        account, created = number_or_word(content.get("account")), content.get("created")
        return Event(
            id=identifier(SOURCE, word(content, "id", WHAT)),
            source=f"/{SOURCE}/{account}" if account else f"/{SOURCE}",
            type=TYPE_PREFIX + word(content, "type", WHAT),
            data=content,
            subject="/".join(map(str, names)) if all(names) else None,
            time=moment_of_number(created, timedelta(seconds=1)) or moment(created),
        )


class _StampedSignature(KeepsSecrets):
    """``t=<Unix seconds>,v1=<hex>``, with more of ``v1`` while a secret is replaced; other schemes are ignored."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def verify(self, delivery: Delivery) -> None:
        items = [item.partition("=") for item in (delivery.headers.only(HEADER) or "").split(",")]
        stamps = [value for name, _, value in items if name == "t"]
        signatures = [value for name, _, value in items if name == "v1"]
        if len(stamps) != 1 or not is_recent(stamps[0], delivery):
            raise refusal(HEADER)
        if not self._secrets.signed(stamps[0].encode() + b"." + delivery.body, signatures, "hex"):
            raise refusal(HEADER)


def happened(type: str, *, live: bool | None = None) -> Trigger:
    """Anything that Stripe tells of, by its name: ``"customer.subscription.deleted"``.

    :param live: only with real money, or only in test mode; both if None.
    """
    return trigger_on(SOURCE, TYPE_PREFIX + type, holds(live, "livemode"))


def payment_succeeded(*, live: bool | None = None) -> Trigger:
    """A payment has come through, ``payment_intent.succeeded``; ``live`` as for ``happened``."""
    return happened("payment_intent.succeeded", live=live)


def payment_failed(*, live: bool | None = None) -> Trigger:
    """An attempt to pay has failed, ``payment_intent.payment_failed``; ``live`` as for ``happened``."""
    return happened("payment_intent.payment_failed", live=live)


def invoice_paid(*, live: bool | None = None) -> Trigger:
    """An invoice has been paid, ``invoice.paid``; ``live`` as for ``happened``."""
    return happened("invoice.paid", live=live)


def checkout_completed(*, live: bool | None = None) -> Trigger:
    """A customer has gone through a checkout, ``checkout.session.completed``; ``live`` as for ``happened``."""
    return happened("checkout.session.completed", live=live)
