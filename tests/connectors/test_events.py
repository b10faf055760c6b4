"""Events and triggers as values."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from dataflows.connectors.azure_devops import work_item_created
from dataflows.events import EMITTED, Event, Trigger, on


def make_event(**changes: object) -> Event:
    given = {"id": "1", "source": "/shop", "type": "order.paid", **changes}
    return Event(**given)  # type: ignore[arg-type]  # some tests give what is wrong


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_event().id = "2"  # type: ignore[misc]


def test_events_with_equal_attributes_are_equal_and_hash_alike_although_data_is_a_dict() -> None:
    one, other = make_event(data={"a": 1}), make_event(data={"a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one != make_event(data={"a": 2})


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", ["", None, 7])
def test_an_event_without_one_of_the_required_attributes_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"Event\({name}=\)"):
        make_event(**{name: value})


def test_an_event_at_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        make_event(time=datetime(2026, 11, 22))
    assert make_event(time=datetime(2026, 11, 22, tzinfo=UTC)).time is not None


def test_a_trigger_without_a_predicate_takes_every_event_of_its_type() -> None:
    trigger = Trigger("shop", "order.paid")
    assert trigger.matches(make_event())
    assert not trigger.matches(make_event(type="order.placed"))


def test_a_trigger_asks_its_predicate_only_about_events_of_its_type() -> None:
    asked: list[str] = []

    def is_large(event: Event) -> bool:
        asked.append(event.id)
        return bool(event.data["total"] > 100)

    trigger = Trigger("shop", "order.paid", is_large)
    assert trigger.matches(make_event(id="large", data={"total": 101}))
    assert not trigger.matches(make_event(id="small", data={"total": 100}))
    assert not trigger.matches(make_event(id="other", type="order.placed"))
    assert asked == ["large", "small"]


def test_two_triggers_on_the_same_project_are_equal() -> None:
    assert work_item_created("Shop") != work_item_created("Blog")
    assert work_item_created().source == work_item_created("Shop").source == "azure-devops"


def test_events_that_programs_emit_are_waited_for_by_their_type() -> None:
    trigger = on("order.paid", where=lambda event: event.data["total"] > 100)
    assert trigger.source == EMITTED
    assert trigger.matches(make_event(data={"total": 101}))
    assert not trigger.matches(make_event(data={"total": 99}))
    assert on("order.paid").matches(make_event())
    assert not on("order.placed").matches(make_event())
    with pytest.raises(ValueError, match="takes the type"):
        on("")
