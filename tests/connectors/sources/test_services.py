"""What each service's deliveries are read as, and what its questions are answered."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import (
    AzureDevOpsSource,
    Basic,
    Bearer,
    CloudEventsSource,
    Delivery,
    GenericSource,
    HeaderToken,
    Received,
    ShopifySource,
    SignedBody,
    StandardWebhooksSource,
    receive,
)
from dataflows.errors import InvalidEvent, InvalidSignature
from dataflows.events import Event
from tests.connectors.sources.examples import (
    BY_NAME,
    CLOUD_EVENT,
    EXAMPLES,
    ISSUE_OPENED,
    MESSAGE,
    ORDER,
    PAID,
    PAYMENT,
    SECRET,
    SHOP,
    TASK_CREATED,
    bearer,
    clickup,
    compact,
    delivery,
    slack,
    with_header,
)

FORM = "application/x-www-form-urlencoded"


def received(name: str, given: Delivery | None = None) -> Received:
    example = BY_NAME[name]
    found = receive(example.source, given or example.delivered())
    assert isinstance(found, Received)
    return found


def event_of(name: str, given: Delivery | None = None) -> Event:
    [event] = received(name, given).events
    return event


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

A_CLOUD_EVENT = Event(
    "42",
    "/shop/orders",
    "order.paid",
    {"order": "A-1"},
    subject="order/A-1",
    time=datetime(2026, 11, 22, 10, tzinfo=UTC),
)


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


# ClickUp


def test_one_creation_that_clickup_tells_twice_makes_two_deliveries_of_two_types() -> None:
    created, status = ({**TASK_CREATED, "event": event} for event in ("taskCreated", "taskStatusUpdated"))
    ids = {received("clickup", BY_NAME["clickup"].delivered(content)).id for content in (created, status)}
    assert len(ids) == 2


def test_a_clickup_delivery_without_history_is_known_by_what_it_is_about() -> None:
    deleted = {"event": "taskDeleted", "task_id": "1vj37mc", "webhook_id": "7fa3ec74"}
    assert received("clickup", BY_NAME["clickup"].delivered(deleted)).id == "clickup:7fa3ec74:taskDeleted:task/1vj37mc"


# Shopify


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


# GitHub


def test_a_genuine_ping_is_answered_and_reports_nothing() -> None:
    genuine = with_header(BY_NAME["github"].delivered(), "X-GitHub-Event", "ping")
    assert receive(BY_NAME["github"].source, genuine) == Answer(200, {}, b"")
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["github"].source, with_header(genuine, "X-Hub-Signature-256"))


def test_the_old_signature_of_github_proves_nothing() -> None:
    genuine = BY_NAME["github"].delivered()
    signature = str(genuine.headers.only("X-Hub-Signature-256"))
    moved = with_header(with_header(genuine, "X-Hub-Signature-256"), "X-Hub-Signature", signature)
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["github"].source, moved)


def test_a_github_delivery_may_be_a_form() -> None:
    body = urlencode({"payload": json.dumps(ISSUE_OPENED)}).encode()
    given = with_header(BY_NAME["github"].delivered(body), "Content-Type", FORM)
    assert event_of("github", given) == READ["github"]


def test_a_github_delivery_without_an_id_is_known_by_its_body() -> None:
    assert received("github", with_header(BY_NAME["github"].delivered(), "X-GitHub-Delivery")).id.startswith(
        "github:sha256-"
    )


def test_a_github_event_without_an_action_has_its_plain_name() -> None:
    content = {"ref": "refs/heads/main", "repository": ISSUE_OPENED["repository"]}
    given = with_header(BY_NAME["github"].delivered(content), "X-GitHub-Event", "push")
    assert event_of("github", given).type == "com.github.push"


# Stripe


def test_any_of_several_stripe_signatures_suffices_and_other_schemes_are_ignored() -> None:
    genuine = BY_NAME["stripe"].delivered()
    stamp, signature = str(genuine.headers.only("Stripe-Signature")).split(",")
    both = f"{stamp},v1={'0' * 64},{signature},v0={'0' * 64}"
    assert event_of("stripe", with_header(genuine, "Stripe-Signature", both)) == READ["stripe"]
    for value in (f"{stamp},{stamp},{signature}", signature, stamp, f"{stamp},{signature.replace('v1', 'v0')}"):
        with pytest.raises(InvalidSignature):
            received("stripe", with_header(genuine, "Stripe-Signature", value))


# Slack


def test_the_challenge_of_slack_is_answered_if_it_is_signed() -> None:
    asked = BY_NAME["slack"].delivered({"type": "url_verification", "challenge": "3eZbrw1aB"})
    answer = receive(BY_NAME["slack"].source, asked)
    assert answer == Answer(200, {"content-type": "text/plain; charset=utf-8"}, b"3eZbrw1aB")
    with pytest.raises(InvalidSignature):
        receive(BY_NAME["slack"].source, with_header(asked, "X-Slack-Signature", "v0=" + "0" * 64))


@pytest.mark.parametrize("challenge", [None, "", 7, "\ud800", "a\r\nSet-Cookie: b", "x" * 501])
def test_a_challenge_that_cannot_be_answered_is_refused(challenge: object) -> None:
    with pytest.raises(InvalidEvent, match="challenge"):
        receive(
            BY_NAME["slack"].source, BY_NAME["slack"].delivered({"type": "url_verification", "challenge": challenge})
        )


def test_a_message_that_speaks_of_a_challenge_is_a_message() -> None:
    content = {**MESSAGE, "event": {"type": "message", "text": "url_verification"}}
    assert event_of("slack", BY_NAME["slack"].delivered(content)).type == "com.slack.event.message"


def slack_form(fields: dict[str, str]) -> Delivery:
    body = urlencode(fields).encode()
    return delivery(body, *slack(body, SECRET), ("Content-Type", FORM))


def test_a_slash_command_is_read_and_known_by_its_body() -> None:
    fields = {"team_id": "T1", "command": "/deploy", "text": "", "trigger_id": "1.2.3"}
    event = event_of("slack", slack_form(fields))
    assert (event.type, event.source, event.data) == ("com.slack.command", "/slack/T1", fields)
    assert event.id.startswith("slack:sha256-")
    assert event_of("slack", slack_form({**fields, "trigger_id": "1.2.4"})).id != event.id


def test_an_interaction_is_read() -> None:
    payload = {"type": "block_actions", "team": {"id": "T1"}, "actions": []}
    event = event_of("slack", slack_form({"payload": json.dumps(payload)}))
    assert (event.type, event.source, event.data) == ("com.slack.interaction.block_actions", "/slack/T1", payload)


# Standard Webhooks


@pytest.mark.parametrize("secret", ["whsec_!!!", "whsk_AAAA", "whpk_AAAA", "whsec_", "é"])
def test_a_key_that_is_written_wrongly_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(ValueError, match="as such a secret|32 bytes") as caught:
        StandardWebhooksSource(secret)
    assert secret.removeprefix("whsec_") == "" or secret not in str(caught.value)


@pytest.mark.parametrize("id", ["msg.1", "", "two words", "x" * 151, "é"])
def test_a_message_id_that_could_be_mistaken_is_refused(id: str) -> None:
    with pytest.raises(InvalidSignature):
        received("standard", with_header(BY_NAME["standard"].delivered(), "webhook-id", id))


@pytest.mark.parametrize("name", ["", "Shop", "a/b", "../x", "-a", "events", "a" * 63])
def test_a_source_has_a_name_that_can_stand_in_an_address_and_is_not_the_programs_own(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        StandardWebhooksSource(name=name)


# CloudEvents


@pytest.mark.parametrize("name", ["cloudevents", "cloudevents-binary", "cloudevents-batch", "cloudevents-signed"])
def test_cloudevents_are_the_same_in_every_mode(name: str) -> None:
    assert event_of(name) == A_CLOUD_EVENT


def test_a_cloud_event_is_known_by_source_and_id_in_either_mode() -> None:
    assert received("cloudevents").id == received("cloudevents-binary").id == "cloudevents:/shop/orders:42"


def test_a_batch_holds_several_events_or_none() -> None:
    example = BY_NAME["cloudevents-batch"]
    several = received(example.name, example.delivered([CLOUD_EVENT, {**CLOUD_EVENT, "id": "43"}]))
    assert [event.id for event in several.events] == ["42", "43"]
    assert received(example.name, example.delivered(b"[]")).events == ()
    assert several.id.startswith("cloudevents:batch:sha256-")


def test_an_event_has_the_same_key_alone_and_in_whatever_batch() -> None:
    example = BY_NAME["cloudevents-batch"]
    other = {**CLOUD_EVENT, "source": "/blog"}
    alone, together = (received(example.name, example.delivered(them)) for them in ([CLOUD_EVENT], [other, CLOUD_EVENT]))
    assert alone.keys == (alone.id,) == received("cloudevents").keys == ("cloudevents:/shop/orders:42",)
    assert together.keys == ("cloudevents:/blog:42", alone.id)


def test_one_wrong_event_refuses_its_whole_batch() -> None:
    example = BY_NAME["cloudevents-batch"]
    for wrong in ({**CLOUD_EVENT, "id": ""}, {**CLOUD_EVENT, "specversion": "0.3"}, [], None):
        with pytest.raises(InvalidEvent):
            received(example.name, example.delivered([CLOUD_EVENT, wrong]))


def test_a_signature_of_the_body_does_not_prove_a_binary_event() -> None:
    source = CloudEventsSource(SignedBody("X-Signature", SECRET))
    binary = BY_NAME["cloudevents-binary"].delivered()
    signed = delivery(binary.body, *binary.headers, *clickup(binary.body, SECRET))
    with pytest.raises(InvalidSignature):
        receive(source, signed)


def test_attributes_in_headers_are_percent_decoded() -> None:
    given = with_header(BY_NAME["cloudevents-binary"].delivered(), "ce-subject", "caf%C3%A9")
    assert event_of("cloudevents", given).subject == "café"


@pytest.mark.parametrize(
    ("media_type", "body", "data"),
    [("text/plain", b"paid", "paid"), ("application/vnd.shop+json", b"[1]", [1]), ("application/json", b"", None)],
)
def test_the_data_of_a_binary_event_is_read_by_its_media_type(media_type: str, body: bytes, data: object) -> None:
    binary = with_header(BY_NAME["cloudevents-binary"].delivered(body), "Content-Type", media_type)
    event = event_of("cloudevents", binary)
    assert (event.data, event.datacontenttype) == (data, media_type)


@pytest.mark.parametrize("media_type", ["image/png", "application/cloudevents+avro"])
def test_data_that_is_neither_json_nor_text_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidEvent):
        received("cloudevents", with_header(BY_NAME["cloudevents-binary"].delivered(), "Content-Type", media_type))


def ask(origin: str, method: str = "OPTIONS") -> Delivery:
    return delivery(b"", ("WebHook-Request-Origin", origin), method=method)


def test_a_sender_that_is_expected_may_ask_whether_to_send() -> None:
    source = CloudEventsSource(Bearer(SECRET), origins=["eventgrid.azure.net"])
    answer = receive(source, ask("eventgrid.azure.net"))
    assert isinstance(answer, Answer)
    assert answer.status == 200
    assert answer.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
    for other in (ask("evil.example"), ask("eventgrid.azure.net", "POST"), ask("eventgrid.azure.net\r\nX: y"), ask("")):
        with pytest.raises(InvalidSignature):
            receive(source, other)


# The generic source


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
