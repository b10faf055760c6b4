"""What a source is, and the one order in which its parts are asked.

Owns the protocol. Knows no service, and neither receives nor stores anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources.delivery import Delivery, Received
from dataflows.connectors.sources.reading import body_hash, identifier
from dataflows.events import Event

__all__ = ["Source", "receive"]


class Source(Protocol):
    """One service that delivers events, with the secrets to know it by. Pure: each part sees bytes and answers a value.

    A delivery may be anything that an attacker can send: every part answers, or raises ``InvalidSignature`` or
    ``InvalidEvent``, and nothing else.
    """

    @property
    def name(self) -> str:
        """What stands in the address, ``/hooks/<name>``, and in the triggers on its events."""
        ...

    @property
    def accepted(self) -> int:
        """The HTTP status for a delivery that is stored, and for each that comes again."""
        ...

    @property
    def largest_body(self) -> int:
        """In bytes; the service sends none that is larger, so a larger one need not be read to its end."""
        ...

    @property
    def has_secret(self) -> bool:
        """Whether it has anything to verify with; one that has nothing refuses everything."""
        ...

    def handshake(self, delivery: Delivery) -> Answer | None:
        """The answer to a question that the service asks before or beside its events; None if this is none.

        Asked first. It verifies for itself what is signed.

        :raises InvalidSignature: it is such a question, and it is not genuine.
        """
        ...

    def verify(self, delivery: Delivery) -> None:
        """Find it genuine: sent by the service, unchanged, and lately where it says when.

        :raises InvalidSignature: it is not, or the source has no secret.
        """
        ...

    def parse(self, delivery: Delivery) -> Sequence[Event]:
        """The events in a delivery that was verified.

        :raises InvalidEvent: it is none of the service's deliveries.
        """
        ...

    def identify(self, event: Event) -> str:
        """The key of an event that was parsed: the same when it is delivered again, and no other's of this source.

        At most 200 printable ASCII characters, as ``identifier`` makes them.
        """
        ...


def receive(source: Source, delivery: Delivery) -> Answer | Received:
    """Ask the parts of a source in their order: the one door for deliveries.

    :returns: an answer to give at once, of which nothing is to be stored; or what is to be stored before
        ``source.accepted`` is answered.
    :raises InvalidSignature: to be answered with 401.
    :raises InvalidEvent: to be answered with 400.
    """
    answer = source.handshake(delivery)
    if answer is not None:
        return answer
    source.verify(delivery)
    events = tuple(source.parse(delivery))
    keys = tuple(map(source.identify, events))
    return Received(keys[0] if len(keys) == 1 else _key_of_all(source, delivery), events, keys)


def _key_of_all(source: Source, delivery: Delivery) -> str:
    return identifier(source.name, "batch", body_hash(delivery))
