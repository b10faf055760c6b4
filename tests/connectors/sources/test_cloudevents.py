"""CloudEvents in their three modes, and their question before the first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataflows.connectors.answers import Answer
from dataflows.connectors.sources import Bearer, CloudEventsSource, Delivery, SignedBody, receive
from dataflows.errors import InvalidEvent, InvalidSignature
from dataflows.events import Event
from tests.connectors.sources.examples import (
    BY_NAME,
    CLOUD_EVENT,
    SECRET,
    clickup,
    delivery,
    event_of,
    received,
    with_header,
)

A_CLOUD_EVENT = Event(
    "42",
    "/shop/orders",
    "order.paid",
    {"order": "A-1"},
    subject="order/A-1",
    time=datetime(2026, 11, 22, 10, tzinfo=UTC),
)


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
    alone, together = (
        received(example.name, example.delivered(them)) for them in ([CLOUD_EVENT], [other, CLOUD_EVENT])
    )
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
    assert event_of("cloudevents", with_header(given, "ce-subject", "%ff")).subject is None
    with pytest.raises(InvalidEvent):
        received("cloudevents", with_header(given, "ce-id", "%ff"))


def test_a_text_that_is_not_utf_8_is_refused() -> None:
    binary = with_header(BY_NAME["cloudevents-binary"].delivered(b"caf\xe9"), "Content-Type", "text/plain")
    with pytest.raises(InvalidEvent, match="UTF-8"):
        received("cloudevents", binary)


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
    with pytest.raises(InvalidSignature):
        receive(CloudEventsSource(Bearer(), origins=["eventgrid.azure.net"]), ask("eventgrid.azure.net"))
    for other in (ask("evil.example"), ask("eventgrid.azure.net", "POST"), ask("eventgrid.azure.net\r\nX: y"), ask("")):
        with pytest.raises(InvalidSignature):
            receive(source, other)
