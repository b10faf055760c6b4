"""Deliveries: events from outside, stored before their sender is answered, for routers to take up.

Owns what is stored of one, and what people are told of it. Knows neither HTTP nor who is started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, NamedTuple

from dataflows.connectors.sources import Received
from dataflows.errors import NotFound
from dataflows.events import EMITTED, Event
from interpreter.codec import Encoded, decode, encode
from interpreter.requests import Operation, Query
from interpreter.store.arrays import BytesArray, IntArray, TextArray, named_columns
from interpreter.store.rows import storable_text

__all__ = [
    "HINT",
    "Delivered",
    "DeliveredEvents",
    "NewDelivery",
    "Stored",
    "StoredDelivery",
    "describe_delivery",
    "events_of",
    "list_deliveries",
    "new_delivery",
    "replay_delivery",
    "store_deliveries",
    "stored_delivery",
]

HINT = "/deliveries"
"""What schedulers are notified of where there is something to route."""

_EMITTED_FROM = "/events"
_SHORTEST_PAGE, _LONGEST_PAGE = 1, 1_000
_COLUMNS: dict[str, type[Any]] = {
    "sources": TextArray,
    "ids": TextArray,
    "digests": BytesArray,
    "events": IntArray,
    "types": TextArray,
    "subjects": TextArray,
    "encodings": TextArray,
    "payloads": BytesArray,
    "places": IntArray,
}


class Stored(Enum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """It had come before."""
    CONFLICT = "conflict"
    """Another had come before under its id; that is counted, and this one starts nothing."""


class NewDelivery(NamedTuple):
    """What is stored of a delivery; columns as in ``schema.sql``."""

    source: str
    id: str
    digest: bytes
    events: int
    type: str | None
    subject: str | None
    encoding: str
    data: bytes

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.source, self.id


def new_delivery(source: str, received: Received, body: bytes) -> NewDelivery:
    """A delivery that proved genuine, as it is stored: in JSON, whatever it says.

    :param body: as it came; a redelivery has the same.
    :raises CannotStore: JSON does not hold it, or it is too large.
    """
    pairs = [[key, event] for key, event in zip(received.keys, received.events, strict=True)]
    encoded = encode(pairs, f"a delivery of {source}", codec="json")
    types = {event.type for event in received.events}
    subject = received.events[0].subject if len(received.events) == 1 else None
    return NewDelivery(
        *(source, received.id, sha256(body).digest(), len(pairs)),
        type=storable_text(types.pop()) if len(types) == 1 else None,
        subject=None if subject is None else storable_text(subject),
        encoding=encoded.encoding,
        data=encoded.data,
    )


def store_deliveries(deliveries: Sequence[NewDelivery]) -> Operation[list[Stored]]:
    """Store a group of deliveries in one commit; none of them is there twice.

    :returns: what became of each.
    """
    rows = sorted((*each, place) for place, each in enumerate(deliveries))  # who locks several, locks them so
    told = yield Query("store_deliveries", {**named_columns(_COLUMNS, rows), "hint": HINT})
    found = {(source, id): Stored.ACCEPTED if is_new else Stored.CONFLICT for source, id, is_new, _ in told}
    return [found.get(each.key, Stored.DUPLICATE) for each in deliveries]


# What is stored, and of whom ---------------------------------------------------------------------


DeliveredEvents = list[tuple[str, Event]]
"""Events, each behind its key."""


def events_of(source: str, id: str, type: str, subject: str | None, payload: Encoded) -> DeliveredEvents:
    """The events of a delivery, from its columns.

    :raises CannotRestore: a program of another make has emitted it, with a class that is not found here.
    """
    value = decode(payload)
    if source == EMITTED:
        return [(id, Event(id, _EMITTED_FROM, type, value, subject))]
    return [(key, event) for key, event in value]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivery.

    :ivar type: of its events; None: they are of several types.
    :ivar subject: of its event.
    :ivar events: how many it reports.
    :ivar routed_at: when it was offered to the workflows that have a trigger on its source; None: not yet.
    :ivar starts: how many executions it has started.
    :ivar conflicts: how often another body came under its id, which starts nothing.
    :ivar bytes: of what is stored of it.
    :ivar content: its events, each with its key; None in lists.
    :ivar offered: the workflows whose triggers have not been asked yet.
    """

    source: str
    id: str
    type: str | None
    subject: str | None
    events: int
    received_at: datetime
    routed_at: datetime | None
    starts: int
    conflicts: int
    bytes: int
    content: DeliveredEvents | None = None
    offered: tuple[str, ...] = ()


def list_deliveries(
    *,
    source: str | None = None,
    started: bool | None = None,
    before: Delivered | tuple[datetime, str, str] | None = None,
    limit: int = 50,
) -> Operation[list[Delivered]]:
    """Deliveries, the newest first.

    :param source: only of this one.
    :param started: only such as have started an execution, or such as have not.
    :param before: go on behind this one; or its ``received_at``, its source and its id, which hold also when it has
        been purged since.
    :raises ValueError: a limit that is not 1 to 1,000.
    """
    if not _SHORTEST_PAGE <= limit <= _LONGEST_PAGE:
        raise ValueError(f"a page has {_SHORTEST_PAGE} to {_LONGEST_PAGE:,} deliveries; got {limit!r}")
    if isinstance(before, Delivered):
        before = before.received_at, before.source, before.id
    last = (None, None, None) if before is None else before
    place = dict(zip(("before_at", "before_source", "before_id"), last, strict=True))
    rows = yield Query("list_deliveries", {"source": source, "started": started, "limit": limit, **place})
    return [Delivered(*row) for row in rows]


def describe_delivery(source: str, id: str) -> Operation[Delivered]:
    """One delivery, with its events.

    :raises NotFound: there is none of that id.
    :raises CannotRestore: a program emitted it, with a class that is not found here.
    """
    delivery, encoded = yield from stored_delivery(source, id)
    return replace(delivery, content=events_of(source, id, delivery.type or "", delivery.subject, encoded))


class StoredDelivery(NamedTuple):
    """A delivery, and its events as they are stored."""

    delivery: Delivered
    encoded: Encoded


def stored_delivery(source: str, id: str, *, largest: int | None = None) -> Operation[StoredDelivery]:
    """One delivery; of its events nothing is made again.

    :param largest: in bytes: of a larger one the events are left empty.
    :raises NotFound: there is none of that id.
    """
    rows = yield Query("read_delivery", {"source": source, "id": id, "most": largest})
    if not rows:
        raise _not_found(source, id)
    *columns, encoding, data, offered = rows[0]
    return StoredDelivery(replace(Delivered(*columns), offered=tuple(offered)), Encoded(encoding, data or b""))


def replay_delivery(source: str, id: str, *, anew: bool = False) -> Operation[None]:
    """Have a delivery routed again: it starts what it would start now, if that has not been started before.

    :param anew: it starts everything again, as executions of other ids, and wakes whoever waits for its event now.
    :raises NotFound: there is none of that id.
    """
    if not (yield Query("replay_delivery", {"source": source, "id": id, "anew": anew, "hint": HINT})):
        raise _not_found(source, id)


def _not_found(source: str, id: str) -> NotFound:
    return NotFound(f"source {source!r} has no delivery {id!r}; `dataflows deliveries list` shows those that there are")
