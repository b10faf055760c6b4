"""A delivery: one HTTP request of a service, as it came, and what a source makes of it.

Owns the two values. Knows no source, no clock and no socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dataflows.connectors.sources.headers import Headers
from dataflows.events import Event

__all__ = ["Delivery", "Received"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request. It shows neither its body nor any header that may hold a credential.

    :ivar method: in upper case.
    :ivar headers: all of them.
    :ivar body: the raw bytes; signatures cover these, so nobody may have read and written them anew.
    :ivar received_at: when it came, aware: what time stamps are compared with.
    :raises ValueError: ``received_at`` has no time zone.
    """

    method: str
    headers: Headers
    body: bytes = field(repr=False)
    received_at: datetime

    def __post_init__(self) -> None:
        if self.received_at.tzinfo is None:
            raise ValueError(f"Delivery(received_at=) is an aware datetime; {self.received_at!r} has no time zone")

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case; "" if there is none, or more than one."""
        return (self.headers.only("content-type") or "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery that proved genuine.

    :ivar id: what a redelivery has too, and no other delivery of that source: the key to know duplicates by.
        At most 200 printable ASCII characters.
    :ivar events: what it reports, in its order; usually one.
    :ivar keys: one for each event, to know it by whichever delivery brings it; as long as ``id`` at most, and ``id``
        itself where there is one event. A batch may hold an event twice.
    """

    id: str
    events: tuple[Event, ...]
    keys: tuple[str, ...]
