"""Whoever sends JSON and proves it with a token or an HMAC: the source for what has none of its own.

Owns what can be made of a delivery of which nothing else is known. Where the sender is one's own, choose Standard
Webhooks: it signs the id and the time too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataflows.connectors.sources.checks import Check
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.names import check_source_name
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import found
from dataflows.connectors.sources.reading import body_hash, identifier, number_or_word, read_object, text_or_none
from dataflows.events import Event, Trigger

__all__ = ["GenericSource", "received"]

KEY = "Idempotency-Key"


class GenericSource(OneEventSource):
    """JSON objects from one sender.

    :param name: which sender it is.
    :param check: ``Bearer(token)``, ``Basic(user, password)``, ``HeaderToken(header, token)`` or
        ``SignedBody(header, secret)``. ``Bearer()`` refuses everything.
    :param type: where the body says what happened, as names with slashes between; what says nothing is of the
        source's own name.
    :param id: where the body has the delivery's id, likewise. Not the id of what it is about: the second delivery
        about one thing would be taken for the first come again.
    :raises ValueError: ``name`` is not made of a-z, 0-9 and hyphens.
    """

    def __init__(self, name: str, check: Check, *, type: str = "type", id: str | None = None) -> None:
        self.name = check_source_name(name)
        self._headers_are_proven = check.covers_headers
        self._type, self._id = type, id
        super().__init__(check)

    def read(self, delivery: Delivery) -> Event:
        """The event. Its id is where ``id`` says; else it is the ``Idempotency-Key``, if headers are proven.

        Else it is a hash of the body, so that two deliveries that say the same are taken for one.
        """
        content = read_object(delivery.body, "a delivery")
        number = self._number(content) or self._key(delivery) or body_hash(delivery)
        return Event(
            id=identifier(self.name, number),
            source=f"/{self.name}",
            type=_first(content, self._type) or self.name,
            data=content,
        )

    def _number(self, content: Mapping[str, Any]) -> str | None:
        return None if self._id is None else next(map(number_or_word, found(content, self._id)), None)

    def _key(self, delivery: Delivery) -> str | None:
        """The draft has it between quotes; most clients send it bare."""
        return (delivery.headers.only(KEY) or "").strip('"') or None if self._headers_are_proven else None


def received(name: str, type: str | None = None) -> Trigger:
    """The deliveries of the source of that name.

    :param type: those of this type; None stands for those that do not say what they are.
    """
    return Trigger(name, type or name)


def _first(content: Mapping[str, Any], path: str) -> str | None:
    return next(map(text_or_none, found(content, path)), None)
