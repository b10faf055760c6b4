"""What each service's deliveries are read as."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from dataflows.connectors.sources import AzureDevOpsSource, Basic, HeaderToken, SignedBody, receive
from dataflows.errors import InvalidSignature
from dataflows.events import Event
from tests.connectors.sources.examples import (
    BY_NAME,
    EXAMPLES,
    ISSUE_OPENED,
    MESSAGE,
    ORDER,
    PAID,
    PAYMENT,
    SECRET,
    TASK_CREATED,
    compact,
    delivery,
    event_of,
    received,
)

READ = {
    "clickup": Event(
        "clickup:7fa3ec74-69a8-4530-a251-8a13730bd204:taskCreated:2800763136717140857",
        "/clickup/webhook/7fa3ec74-69a8-4530-a251-8a13730bd204",
        "com.clickup.taskCreated",
        TASK_CREATED,
        subject="task/1vj37mc",
        time=datetime(2022, 1, 21, 3, 10, 31, 523000, UTC),
    ),
    "shopify": Event(
        "shopify:acme.myshopify.com:orders/create:98880550-7158-44d4-b7cd-2c97c8a091b5",
        "https://acme.myshopify.com",
        "com.shopify.orders.create",
        ORDER,
        subject="order/820982911946154508",
        time=datetime(2025, 7, 10, 16, 15, 47, 123456, UTC),
    ),
    "github": Event(
        "github:72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "https://github.com/acme/web",
        "com.github.issues.opened",
        ISSUE_OPENED,
        subject="issues/7",
    ),
    "stripe": Event(
        "stripe:evt_1",
        "/stripe",
        "com.stripe.payment_intent.succeeded",
        PAYMENT,
        subject="payment_intent/pi_1",
        time=datetime.fromtimestamp(1795340000, UTC),
    ),
    "slack": Event(
        "slack:Ev1",
        "/slack/T1",
        "com.slack.event.message",
        MESSAGE,
        time=datetime.fromtimestamp(1795340000, UTC),
    ),
    "standard": Event(
        "standard-webhooks:msg_1", "/standard-webhooks", "order.paid", PAID, time=datetime(2026, 11, 22, 10, tzinfo=UTC)
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_delivery_is_read_as_an_event(name: str) -> None:
    assert event_of(name) == READ[name]


@pytest.mark.parametrize("name", [one.name for one in EXAMPLES if not one.name.startswith("cloudevents")])
def test_where_a_delivery_reports_one_event_both_have_the_same_id(name: str) -> None:
    assert received(name).keys == (received(name).id,) == (event_of(name).id,)


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_what_a_source_is_called_is_what_its_triggers_know_it_by(name: str) -> None:
    source = BY_NAME[name].source
    assert source.name in {"shop", "azure-devops", "standard-webhooks", name.partition("-")[0]}
    assert source.accepted == (200 if name == "slack" else 202)
    assert source.largest_body >= 1_000_000


def test_basic_credentials_prove_a_delivery_only_with_their_own_user() -> None:
    body = compact(BY_NAME["azure-basic"].content)
    other = base64.b64encode(f"other:{SECRET}".encode()).decode()
    with pytest.raises(InvalidSignature):
        receive(AzureDevOpsSource(Basic("hook", SECRET)), delivery(body, ("Authorization", f"Basic {other}")))


@pytest.mark.parametrize("make", [lambda: Basic("a:b", "secret"), lambda: HeaderToken("two words", "secret")])
def test_a_check_that_could_never_pass_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match="colon|name of a header"):
        make()


@pytest.mark.parametrize("name", ["X-GitHub-Event", "user-agent", "Webhook-Id"])
def test_no_credential_is_kept_in_a_header_that_logs_may_show(name: str) -> None:
    for make in (HeaderToken, SignedBody):
        with pytest.raises(ValueError, match="logs may show"):
            make(name, "secret")
