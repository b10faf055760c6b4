"""Shopify's shops, headers and keys."""

from __future__ import annotations

import pytest

from dataflows.connectors.sources import ShopifySource, receive
from dataflows.errors import InvalidSignature
from tests.connectors.sources.examples import BY_NAME, SECRET, SHOP, delivery, received, with_header


def test_a_shop_that_is_not_expected_is_refused_though_the_body_is_signed() -> None:
    genuine = BY_NAME["shopify"].delivered()
    for shops in (["evil.myshopify.com"], [f"{SHOP}.evil.com"], [SHOP, "x"], []):
        with pytest.raises(InvalidSignature, match="none of those"):
            receive(BY_NAME["shopify"].source, with_header(genuine, "X-Shopify-Shop-Domain", *shops))


def test_shops_are_a_list_and_not_one_text_whose_letters_are_taken_for_shops() -> None:
    with pytest.raises(TypeError, match=r"shops=\['acme"):
        ShopifySource(SECRET, shops=SHOP)


def test_shopify_is_read_under_either_spelling_of_its_headers() -> None:
    genuine = BY_NAME["shopify"].delivered()
    short = [(name.removeprefix("x-"), value) for name, value in genuine.headers]
    assert received("shopify", delivery(genuine.body, *short)) == received("shopify", genuine)


def test_one_event_of_shopify_under_two_topics_or_to_two_subscriptions_is_several_deliveries() -> None:
    genuine = BY_NAME["shopify"].delivered()
    others = [with_header(genuine, "X-Shopify-Topic", "orders/paid"), with_header(genuine, "X-Shopify-Name", "mine")]
    assert len({received("shopify", given).id for given in (genuine, *others)}) == 3


def test_without_an_event_id_shopifys_webhook_id_is_taken_and_then_the_body() -> None:
    genuine = with_header(BY_NAME["shopify"].delivered(), "X-Shopify-Event-Id")
    known = with_header(genuine, "X-Shopify-Webhook-Id", "b54557e4")
    assert received("shopify", known).id == f"shopify:{SHOP}:orders/create:b54557e4"
    assert received("shopify", genuine).id.startswith(f"shopify:{SHOP}:orders/create:sha256-")
