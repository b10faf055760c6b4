"""Calling a shop's Admin API in GraphQL, on a service that reports everything under status 200, as Shopify does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dataflows.connectors import shopify as connector
from dataflows.connectors.answers import Answer
from dataflows.connectors.refusals import refused
from dataflows.connectors.request import Request
from dataflows.connectors.shopify import Shopify, changes_something
from dataflows.connectors.verdicts import Verdict
from dataflows.errors import AuthenticationFailed, OutcomeUnknown, PermanentError, RateLimited, TransientError
from examples.services import LocalShopify

SHOP = "query { shop { name } }"
CREATE = "mutation ($product: ProductCreateInput!) { productCreate(product: $product) { product { id } } }"
TAG = "mutation ($id: ID!, $tags: [String!]!) { tagsAdd(id: $id, tags: $tags) { userErrors { message } } }"
TABLE = {"product": {"title": "Coffee table"}}


def throttled(requested: Any, available: Any, rate: Any) -> dict[str, Any]:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": available, "restoreRate": rate}
    cost = {"requestedQueryCost": requested, "actualQueryCost": None, "throttleStatus": status}
    return {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}], "extensions": {"cost": cost}}


def test_a_query_answers_its_data(shopify: Shopify) -> None:
    assert shopify.graphql(SHOP)["shop"]["name"] == "Acme"


def test_a_mutation_takes_variables(shopify_service: LocalShopify, shopify: Shopify) -> None:
    product = shopify.graphql(CREATE, TABLE)["productCreate"]["product"]
    assert product["id"] == "gid://shopify/Product/820982911946154508"
    assert [made["title"] for made in shopify_service.products.values()] == ["Coffee table"]


def test_user_errors_under_status_200_are_refused_for_good(shopify_service: LocalShopify, shopify: Shopify) -> None:
    with pytest.raises(PermanentError, match=r"title: Title can't be blank") as caught:
        shopify.graphql(CREATE, {"product": {"title": ""}})
    assert (caught.value.status, caught.value.code) == (200, "userErrors")
    assert shopify_service.products == {}


def test_errors_of_the_document_under_status_200_are_refused_for_good(shopify: Shopify) -> None:
    with pytest.raises(PermanentError, match="Field doesn't exist"):
        shopify.graphql("{ nonsense }")


@pytest.mark.parametrize(
    ("code", "kind"), [("ACCESS_DENIED", AuthenticationFailed), ("INTERNAL_SERVER_ERROR", TransientError)]
)
def test_a_code_under_status_200_decides_what_an_error_means(
    shopify_service: LocalShopify, shopify: Shopify, code: str, kind: type[Exception]
) -> None:
    errors = [{"message": "why", "extensions": {"code": code}}]
    shopify_service.faults.add("status", status=200, body={"errors": errors})
    with pytest.raises(kind, match=f"{code}: why"):
        shopify.graphql(SHOP)


def test_a_wrong_token_lets_nobody_in(shopify_service: LocalShopify) -> None:
    with pytest.raises(AuthenticationFailed, match="Invalid API key"):
        Shopify(shopify_service.url, "wrong").graphql(SHOP)


def test_a_throttled_mutation_was_not_carried_out_and_waits_until_the_bucket_holds_its_cost() -> None:
    with LocalShopify(points=10, rate=20) as service:
        shopify = Shopify(service.url, service.token)
        for _ in range(2):
            shopify.graphql(CREATE, TABLE)
        assert len(service.products) == 2
        assert len(service.requests) == 3


def test_a_long_throttling_is_left_to_the_engine(shopify_service: LocalShopify, shopify: Shopify) -> None:
    shopify_service.faults.add("status", status=200, body=throttled(1000, 100, 50.0))
    with pytest.raises(RateLimited, match="THROTTLED") as caught:
        shopify.graphql(CREATE, TABLE)
    assert isinstance(caught.value.when, float)
    assert 18 <= caught.value.when <= 19
    assert shopify_service.products == {}


@pytest.mark.parametrize(
    ("numbers", "seconds"),
    [
        ((1000, 100, 50), 18),
        ((10, 100, 50), 0),
        ((1000, 100, 0), None),
        ((None, 100, 50), None),
        (("many", 100, 50), None),
        ((10, 1e400, 50), 0),
        ((1e400, 0, 50), None),
    ],
)
def test_the_wait_for_the_bucket_is_what_is_missing_at_the_rate_that_the_answer_tells(
    numbers: tuple[Any, Any, Any], seconds: float | None
) -> None:
    found = Answer(200, {}, json.dumps(throttled(*numbers)).encode())
    assert connector.SERVICE.wait_in_body(found) == seconds


@pytest.mark.parametrize("body", [throttled(1000, 100, 0), {"errors": throttled(1, 1, 1)["errors"]}])
def test_a_throttling_that_tells_no_sensible_wait_is_waited_out_for_a_moment(body: dict[str, Any]) -> None:
    found = Answer(200, {}, json.dumps(body).encode())
    assert connector.SERVICE.judge(found) is Verdict.LIMITED
    refusal = refused(connector.SERVICE, Request("POST", "/"), found, Verdict.LIMITED)
    assert refusal.repeat_after == connector.SERVICE.usual_wait == 1


def test_a_429_with_a_decimal_wait_is_waited_out(shopify_service: LocalShopify, shopify: Shopify) -> None:
    shopify_service.faults.add("status", status=429, headers={"Retry-After": "0.1"})
    assert shopify.graphql(CREATE, TABLE)["productCreate"]["product"]["title"] == "Coffee table"


def test_a_mutation_whose_answer_was_lost_is_unknown_unless_it_may_be_repeated(
    shopify_service: LocalShopify, shopify: Shopify
) -> None:
    shopify_service.faults.add("drop-answer")
    with pytest.raises(OutcomeUnknown):
        shopify.graphql(CREATE, TABLE)
    (id,) = shopify_service.products
    shopify_service.faults.add("drop-answer")
    with pytest.raises(TransientError):
        shopify.graphql(TAG, {"id": id, "tags": ["new"]}, repeatable=True)
    shopify.graphql(TAG, {"id": id, "tags": ["new"]}, repeatable=True)
    assert shopify_service.products[id]["tags"] == ["new"]


def test_a_query_whose_answer_was_lost_may_be_asked_again(shopify_service: LocalShopify, shopify: Shopify) -> None:
    shopify_service.faults.add("drop-answer")
    with pytest.raises(TransientError):
        shopify.graphql(SHOP)


def test_an_answer_without_data_is_not_taken_for_one(shopify_service: LocalShopify, shopify: Shopify) -> None:
    shopify_service.faults.add("status", status=200, body={"data": None})
    with pytest.raises(TransientError, match="without any 'data'"):
        shopify.graphql(SHOP)


@pytest.mark.parametrize(
    ("document", "is_one"),
    [
        (CREATE, True),
        ("fragment F on Product { id } mutation M { a }", True),
        ("query A { a } mutation B { b }", True),
        (SHOP, False),
        ("{ shop { name } }", False),
        ("# no mutation here\n{ shop { name } }", False),
        ('{ products(query: "a \\" mutation") { id } }', False),
        ('{ products(query: """a "mutation" """) { id } }', False),
    ],
)
def test_a_mutation_is_told_from_a_query(document: str, is_one: bool) -> None:
    assert changes_something(document) is is_one


def test_the_plain_function_finds_the_shop_and_its_token_in_the_environment(
    shopify_service: LocalShopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPIFY_URL", shopify_service.url)
    monkeypatch.setenv("SHOPIFY_TOKEN", shopify_service.token)
    monkeypatch.setenv("SHOPIFY_API_VERSION", "2026-07")
    assert connector.graphql(SHOP)["shop"]["name"] == "Acme"
    assert shopify_service.requests[0].path == "/admin/api/2026-07/graphql.json"
    assert shopify_service.token not in repr(Shopify.from_environment())
