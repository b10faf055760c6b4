"""Sources whose deliveries report one event each: nearly all of them.

Owns what these have in common. Knows no service.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources.delivery import Delivery
from dataflows.events import Event

__all__ = ["OneEventSource", "Verifier"]


class Verifier(Protocol):
    """What says whether a delivery is genuine."""

    @property
    def has_secret(self) -> bool:
        """As ``Source.has_secret``."""
        ...

    def verify(self, delivery: Delivery) -> None:
        """As ``Source.verify``."""
        ...


class OneEventSource(ABC):
    """A ``Source`` made of a check, and of a way to read the one event; the event's id is its key.

    :param check: says whether a delivery is genuine.
    """

    name: str
    accepted = 202
    largest_body = 1_000_000

    def __init__(self, check: Verifier) -> None:
        self._check = check

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    @property
    def has_secret(self) -> bool:
        return self._check.has_secret

    def handshake(self, delivery: Delivery) -> Answer | None:
        return None

    def verify(self, delivery: Delivery) -> None:
        self._check.verify(delivery)

    def parse(self, delivery: Delivery) -> list[Event]:
        return [self.read(delivery)]

    def identify(self, event: Event) -> str:
        return event.id

    @abstractmethod
    def read(self, delivery: Delivery) -> Event:
        """The event of a delivery that was verified.

        :raises InvalidEvent: it is none of the service's deliveries.
        """
