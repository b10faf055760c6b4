"""CloudEvents 1.0 over HTTP: binary, structured and in batches, with the handshake of its webhooks.

Owns the three modes. CloudEvents says nothing of signatures: a check proves who sends.
Extension attributes are left out; binary data in JSON, ``data_base64``, stays the text that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources.checks import Check, refusal
from dataflows.connectors.sources.cloudevents_modes import from_batch, from_binary, from_structured, is_written_as
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.names import check_source_name
from dataflows.connectors.sources.predicates import ComesFrom, trigger_on
from dataflows.connectors.sources.reading import identifier
from dataflows.events import Event, Trigger

__all__ = ["SOURCE", "CloudEventsSource", "received"]

SOURCE = "cloudevents"

_ORIGIN = re.compile(r"[A-Za-z0-9.-]{1,253}")


class CloudEventsSource:
    """Whoever sends CloudEvents and passes the check.

    With a ``SignedBody`` only structured events and batches are taken: a binary event's attributes are headers,
    which such a signature does not cover.

    :param check: a source that has nothing to check with is made of ``Bearer()``, and refuses everything.
    :param origins: the senders, by the domain names that they give themselves, whose question before
        their first delivery is answered; no other's is.
    :param name: which sender it is.
    :raises ValueError: ``name`` is not made of a-z, 0-9 and hyphens.
    """

    accepted = 202
    largest_body = 1_000_000

    def __init__(self, check: Check, *, origins: Collection[str] = (), name: str = SOURCE) -> None:
        self.name = check_source_name(name)
        self._check = check
        self._origins = frozenset(origin.lower() for origin in origins)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def has_secret(self) -> bool:
        return self._check.has_secret

    def handshake(self, delivery: Delivery) -> Answer | None:
        """``OPTIONS`` asks whether events may come; it carries no proof, and is given none."""
        origin = delivery.headers.only("WebHook-Request-Origin") or ""
        is_expected = self.has_secret and _ORIGIN.fullmatch(origin) is not None and origin.lower() in self._origins
        if delivery.method != "OPTIONS" or not is_expected:
            return None
        return Answer(200, {"allow": "POST", "webhook-allowed-origin": origin, "webhook-allowed-rate": "*"}, b"")

    def verify(self, delivery: Delivery) -> None:
        self._check.verify(delivery)
        if not self._check.covers_headers and not is_written_as(delivery, "structured", "batch"):
            raise refusal("Content-Type")

    def parse(self, delivery: Delivery) -> list[Event]:
        if is_written_as(delivery, "batch"):
            return from_batch(delivery)
        return [from_structured(delivery) if is_written_as(delivery, "structured") else from_binary(delivery)]

    def identify(self, event: Event) -> str:
        """Made of the event's source and id, which together are unique."""
        return identifier(self.name, event.source, event.id)


def received(type: str, *, source: str | None = None, name: str = SOURCE) -> Trigger:
    """The events of that type.

    :param source: only with this attribute ``source``.
    :param name: from the source of this name.
    """
    return trigger_on(name, type, ComesFrom(source) if source else None)
