"""Offers: which deliveries are still to be laid before which workflows.

Owns what a router reads and writes of them. Each function takes the connection to use and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from dataflows.events import EMITTED
from interpreter.store.arrays import TextArray, named_columns
from interpreter.store.queries import QUERIES

__all__ = ["WAITERS", "Known", "Offer", "offer", "register", "settle", "take"]

WAITERS = ""
"""Stands where a workflow's name does: an event that is offered to whoever waits for it by key."""

Known = tuple[str, str, str]
"""A trigger: its workflow's name, its source, its type of event."""

_KNOWN: dict[str, type[Any]] = {"workflows": TextArray, "sources": TextArray, "types": TextArray}
_SETTLED: dict[str, type[Any]] = {"workflows": TextArray, "sources": TextArray, "ids": TextArray}
_STARTED: dict[str, type[Any]] = {"started_sources": TextArray, "started_ids": TextArray}


class Offer(NamedTuple):
    """A delivery that is offered to a workflow; the delivery's columns as in ``schema.sql``."""

    workflow: str
    source: str
    id: str
    type: str
    subject: str | None
    round: int
    received_at: datetime
    encoding: str
    data: bytes


def register(connection: Connection[Any], triggers: Iterable[Known]) -> None:
    """What has these triggers is offered what comes from now on, whoever routes it."""
    connection.execute(QUERIES["register_triggers"], named_columns(_KNOWN, triggers))


def offer(connection: Connection[Any], most: int) -> int:
    """Offer the oldest deliveries that have not been; answers how many these are."""
    parameters = {"most": most, "emitted": EMITTED}
    row = connection.execute(QUERIES["offer_deliveries"], parameters, prepare=True).fetchone()
    assert row is not None
    return int(row[0])


def take(connection: Connection[Any], workflows: Iterable[str], most: int, bytes: int) -> list[Offer]:
    """The oldest offers to these workflows; nobody else has them until the transaction ends.

    :param most: for each workflow.
    :param bytes: that they have together; the first may have more.
    """
    parameters = {"workflows": TextArray(workflows), "most": most, "bytes": bytes}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(QUERIES["take_offers"], parameters, prepare=True)
        return [Offer(*row) for row in cursor.fetchall()]


def settle(connection: Connection[Any], offers: Sequence[Offer], started: Iterable[Offer] = ()) -> None:
    """They are dealt with.

    :param started: for each execution that was started, the offer that it came of.
    """
    parameters = {
        **named_columns(_SETTLED, [each[:3] for each in offers]),
        **named_columns(_STARTED, [each[1:3] for each in started]),
    }
    connection.execute(QUERIES["settle_offers"], parameters, prepare=True)
