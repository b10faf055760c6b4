"""Deliveries of Azure DevOps, read as events."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.connectors.azure_devops import parse, work_item_created
from dataflows.errors import InvalidEvent
from dataflows.events import Event
from examples.services import LocalAzureDevOps

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "workitem_created.json").read_bytes())


def parsed(**changes: Any) -> Event:
    """The sample delivery, read; a change to ``...`` leaves the field out."""
    envelope = {name: value for name, value in {**SAMPLE, **changes}.items() if value is not ...}
    return parse(json.dumps(envelope).encode())


def test_a_delivery_becomes_an_event_with_the_attributes_of_cloudevents() -> None:
    event = parsed()
    assert event.id == "azure-devops:5b2f6f0e-6a0f-4a52-9d1e-3c7a8f0d1b22:d2d46fb1-dba5-403c-9373-427583f19e8c"
    assert event.source == "https://dev.azure.com/acme/be9b3917-87e6-42a4-a549-2bc06a7a878f"
    assert event.type == "com.azure.devops.workitem.created"
    assert event.subject == "workitem/42"
    assert event.data == SAMPLE


def test_a_time_with_seven_digits_of_a_second_is_read_to_the_microsecond() -> None:
    assert parsed(createdDate="2026-11-22T09:15:51.0412237Z").time == datetime(2026, 11, 22, 9, 15, 51, 41223, UTC)


@pytest.mark.parametrize("text", [..., None, "", "yesterday", 7])
def test_a_time_that_cannot_be_read_is_left_out_and_loses_no_event(text: object) -> None:
    assert parsed(createdDate=text).time is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert parsed(createdDate="2026-11-22T09:15:51").time == datetime(2026, 11, 22, 9, 15, 51, tzinfo=UTC)


@pytest.mark.parametrize("resource", [None, ..., [], "text"])
def test_a_delivery_may_come_without_its_resource(resource: object) -> None:
    event = parsed(resource=resource)
    assert event.subject is None
    assert event.id == parsed().id


def test_a_delivery_with_minimal_details_still_names_the_item() -> None:
    assert parsed(resource={"id": 42, "url": "https://dev.azure.com/acme"}).subject == "workitem/42"


def test_an_update_is_about_the_item_and_not_about_the_updates_own_number() -> None:
    assert parsed(eventType="workitem.updated", resource={"id": 3, "workItemId": 42}).subject == "workitem/42"


def test_what_is_not_about_a_work_item_has_no_subject() -> None:
    assert parsed(eventType="build.complete", resource={"id": 3}).subject is None


def test_two_subscriptions_to_one_event_make_two_events() -> None:
    assert parsed(subscriptionId="11111111-6a0f-4a52-9d1e-3c7a8f0d1b22").id != parsed().id


def test_a_redelivery_is_the_same_event_although_it_is_another_notification() -> None:
    assert parsed(notificationId=18).id == parsed().id


def test_an_old_delivery_without_a_subscription_is_still_told_apart() -> None:
    assert parsed(subscriptionId=...).id == "azure-devops:d2d46fb1-dba5-403c-9373-427583f19e8c"


@pytest.mark.parametrize("containers", [..., None, {}, {"collection": None}, {"account": {"id": "x"}}])
def test_a_delivery_without_an_address_still_has_a_source(containers: object) -> None:
    assert parsed(resourceContainers=containers).source == "/azure-devops"


def test_a_server_of_ones_own_is_a_source_too() -> None:
    containers = {"server": {"id": "s", "baseUrl": "https://host/tfs/Collection/"}, "project": {"id": "p"}}
    assert parsed(resourceContainers=containers).source == "https://host/tfs/Collection/p"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe\x00", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_no_delivery(body: bytes) -> None:
    with pytest.raises(InvalidEvent, match="an Azure DevOps delivery"):
        parse(body)


@pytest.mark.parametrize("name", ["id", "eventType", "subscriptionId"])
@pytest.mark.parametrize("value", [None, 7, "", "a b", "nul\0", "x" * 81, {}])
def test_a_delivery_whose_key_is_no_plain_word_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidEvent, match=name):
        parsed(**{name: value})


@pytest.mark.parametrize("name", ["id", "eventType"])
def test_a_delivery_without_its_key_is_refused(name: str) -> None:
    with pytest.raises(InvalidEvent, match=name):
        parsed(**{name: ...})


TEXT = st.text("a1-.: \0ü\ud800", max_size=90)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(SAMPLE)), JSON))
def test_whatever_a_delivery_holds_it_is_read_or_refused(changes: dict[str, Any]) -> None:
    body = json.dumps({**SAMPLE, **changes}).encode()
    try:
        event = parse(body)
    except InvalidEvent:
        return
    assert len(event.id) <= 200
    work_item_created("Shop").matches(event)


@pytest.mark.parametrize(
    ("project", "changes", "is_wanted"),
    [
        (None, {}, True),
        ("Shop", {}, True),
        ("shop", {}, True),
        ("Blog", {}, False),
        ("be9b3917-87e6-42a4-a549-2bc06a7a878f", {}, True),
        ("be9b3917-87e6-42a4-a549-2bc06a7a878f", {"resource": None}, True),
        ("Shop", {"resource": None}, False),
        ("None", {"resource": None, "resourceContainers": None}, False),
        (None, {"resource": None}, True),
        (None, {"eventType": "workitem.updated"}, False),
    ],
)
def test_a_trigger_wants_the_items_of_its_project(
    project: str | None, changes: dict[str, Any], is_wanted: bool
) -> None:
    assert work_item_created(project).matches(parsed(**changes)) is is_wanted


@pytest.mark.parametrize("details", ["all", "minimal", "none"])
def test_what_the_local_service_delivers_is_read_like_the_sample(azure_service: LocalAzureDevOps, details: Any) -> None:
    item = azure_service.create_item("Checkout total is wrong")
    event = parse(azure_service.delivery(item.id, details))
    assert event.type == parsed().type
    assert event.subject == (None if details == "none" else f"workitem/{item.id}")
    assert event.source.startswith(azure_service.url)
    assert set(event.data) == set(SAMPLE)
