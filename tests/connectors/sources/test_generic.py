"""Deliveries of which nothing is known but how they are proven."""

from __future__ import annotations

from dataflows.connectors.sources import Bearer, GenericSource, Received, SignedBody, receive
from dataflows.events import Event
from tests.connectors.sources.examples import SECRET, bearer, clickup, compact, delivery


def generic(source: GenericSource, content: object, *headers: tuple[str, str]) -> Event:
    body = compact(content)
    found = receive(source, delivery(body, *bearer(body, SECRET), *clickup(body, SECRET), *headers))
    assert isinstance(found, Received)
    return found.events[0]


def test_a_generic_delivery_says_what_it_is_or_is_of_its_sources_name() -> None:
    source = GenericSource("shop", Bearer(SECRET))
    assert generic(source, {"type": "order.paid"}).type == "order.paid"
    assert generic(source, {}).type == generic(source, {"type": 7}).type == "shop"
    assert generic(GenericSource("shop", Bearer(SECRET), type="a/b"), {"a": {"b": "c"}}).type == "c"


def test_a_generic_delivery_is_known_by_its_own_id_its_key_or_its_body() -> None:
    source = GenericSource("shop", Bearer(SECRET), id="meta/id")
    key = ("Idempotency-Key", '"8e03978e"')
    assert generic(source, {"meta": {"id": 7}}, key).id == "shop:7"
    assert generic(source, {}, key).id == generic(source, {}, ("Idempotency-Key", "8e03978e")).id == "shop:8e03978e"
    assert generic(source, {}).id.startswith("shop:sha256-")


def test_a_key_that_no_signature_covers_is_not_believed() -> None:
    source = GenericSource("shop", SignedBody("X-Signature", SECRET))
    assert generic(source, {}, ("Idempotency-Key", "8e03978e")).id == generic(source, {}).id
