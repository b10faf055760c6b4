"""A service that delivers: signed, again after an error or no answer, and at times though it was answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from tests.acceptance.storm_workflows import HEADER, SECRET

__all__ = ["Sent", "deliver"]

_GIVES_UP = 0.1
"""The share of deliveries that are not tried again when they are not answered."""

_AGAIN = 0.1
"""The share of those that were answered and are delivered again."""

_PATIENCE = 10.0


@dataclass
class Sent:
    """What became of a delivery, as its sender sees it."""

    id: str
    tries: int = 0
    unanswered: int = 0
    refused: int = 0
    is_answered: bool = False
    was_stored_unanswered: bool = False
    redelivered: int = 0


def deliver(numbers: Iterator[int], addresses: list[str], chance: random.Random) -> list[Sent]:
    """Deliver whatever numbers the other senders leave."""
    with httpx2.Client(timeout=_PATIENCE) as http:
        return [_deliver_one(number, addresses, chance, http) for number in numbers]


def _deliver_one(number: int, addresses: list[str], chance: random.Random, http: httpx2.Client) -> Sent:
    sent = Sent(f"storm:{number}")
    gives_up = chance.random() < _GIVES_UP
    while not _try(sent, number, chance.choice(addresses), http) and not gives_up:
        time.sleep(chance.uniform(0.01, 0.1))
    if sent.is_answered and chance.random() < _AGAIN:
        sent.redelivered = 1
        while not _try(sent, number, chance.choice(addresses), http):
            time.sleep(chance.uniform(0.01, 0.1))
    return sent


def _try(sent: Sent, number: int, address: str, http: httpx2.Client) -> bool:
    """Whether it was accepted."""
    body = json.dumps({"id": number, "type": "filed", "number": number}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    sent.tries += 1
    try:
        answer = http.post(f"{address}/hooks/storm", content=body, headers={HEADER: signature})
    except httpx2.TransportError:
        sent.unanswered += 1
        return False
    if answer.status_code == 503:
        sent.refused += 1
        return False
    assert answer.status_code == 202, (answer.status_code, answer.text)
    told = answer.json()
    assert told["delivery"] == sent.id and told["status"] in ("accepted", "duplicate"), told
    sent.was_stored_unanswered |= told["status"] == "duplicate" and not sent.is_answered
    sent.is_answered = True
    return True
