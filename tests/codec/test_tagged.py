"""Our own values travel as tagged JSON, and a user's dict that looks like a tag comes back unchanged."""

from __future__ import annotations

import json
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dataflows.commands import Task, Winner
from dataflows.errors import CannotStore
from dataflows.events import Event
from interpreter.codec import decode, encode, register_json_type
from interpreter.codec.own_types import register_own_types
from tests.codec.samples import same

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
MINIMAL = Event("1", "/projects/a", "com.example.created")
FULL = Event(
    "2", "/projects/a", "com.example.created", {"resource": {"id": 7}}, "item/7", NOON, "application/json", "urn:schema"
)


@pytest.mark.parametrize(
    "value",
    [
        MINIMAL,
        FULL,
        Event("3", "/a", "b", time=datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))),
        Task((3, 0, 2)),
        Winner("approval", {"by": "anna"}),
        Winner("event", FULL),
        [FULL, {"task": Task((1,)), "deep": [Winner("a", [MINIMAL])]}],
        Event("4", "/a", "b", {"$dataflows": "event", "value": {"id": "forged"}}),
    ],
    ids=repr,
)
def test_our_own_values_are_json(value: Any) -> None:
    encoded = encode(value, "it", codec="json")
    assert encoded.encoding == "json"
    assert same(decode(encoded), value)


def test_an_event_looks_like_cloudevents_json() -> None:
    stored = json.loads(encode(FULL, "it").data)
    assert stored == {
        "$dataflows": "event",
        "value": {
            "specversion": "1.0",
            "id": "2",
            "source": "/projects/a",
            "type": "com.example.created",
            "data": {"resource": {"id": 7}},
            "subject": "item/7",
            "time": "2024-05-01T12:00:00+00:00",
            "datacontenttype": "application/json",
            "dataschema": "urn:schema",
        },
    }


@pytest.mark.parametrize(
    "value",
    [
        Event("1", "/a", "b", data=(1, 2)),
        Event("1", "/a", "b", time=datetime(2024, 10, 27, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))),
        Event("1", "/a", "b", time=datetime(2024, 10, 27, tzinfo=UTC, fold=1)),
        Winner("a", {1: 2}),
        (FULL,),
    ],
    ids=["data", "zone", "fold", "winner", "tuple"],
)
def test_our_own_values_holding_what_json_would_change_go_by_dill(value: Any) -> None:
    encoded = encode(value, "it")
    assert encoded.encoding == "dill"
    again = decode(encoded)
    assert same(again, value)
    assert repr(again) == repr(value)
    with pytest.raises(CannotStore, match="only JSON is allowed here"):
        encode(value, "it", codec="json")


@pytest.mark.parametrize(
    "value",
    [
        {"$dataflows": "event", "value": {"id": "1"}},
        {"$dataflows": "dict", "value": [["a", 1]]},
        {"$dataflows": None},
        {"a": 1, "$dataflows": {"$dataflows": {"$dataflows": "task"}}, "b": 2},
        [{"$dataflows": "task", "value": {"position": [1]}}, Task((1,))],
        "$dataflows",
        {"text": '"$dataflows"'},
    ],
    ids=repr,
)
def test_a_dict_that_looks_like_a_tag_comes_back_unchanged(value: Any) -> None:
    encoded = encode(value, "it", codec="json")
    again = decode(encoded)
    assert same(again, value)
    assert not isinstance(value, dict) or list(again) == list(value)


@dataclass(frozen=True)
class Parcel:
    weight: float


def test_a_registered_class_is_stored_as_json_and_its_subclasses_are_not() -> None:
    class Crate(Parcel):
        pass

    register_json_type(Parcel, "test-parcel", lambda it: {"weight": it.weight}, lambda stored: Parcel(**stored))
    assert decode(encode([Parcel(1.5)], "it", codec="json")) == [Parcel(1.5)]
    with pytest.raises(CannotStore, match="Crate"):
        encode([Crate(1.5)], "it", codec="json")


def test_a_tag_belongs_to_one_class() -> None:
    register_own_types()  # the same ones once more are no conflict
    for taken in ("event", "dict"):
        with pytest.raises(ValueError, match=f"the JSON tag '{taken}' is taken; choose another for Parcel"):
            register_json_type(Parcel, taken, lambda it: {}, lambda stored: Parcel(1))


class Restless:
    """Changes what it stands in while that is being stored."""

    def __init__(self, home: dict[str, Any]) -> None:
        self.home = home


def test_a_value_that_changes_while_it_is_stored_is_refused() -> None:
    def to_dict(restless: Restless) -> dict[str, Any]:
        restless.home[f"new {len(restless.home)}"] = 1
        return {}

    register_json_type(Restless, "test-restless", to_dict, lambda stored: Restless({}))
    home: dict[str, Any] = {}
    home |= {"a": Restless(home), "b": 1}
    with pytest.raises(CannotStore, match="cannot store it: it changed meanwhile .*; return a copy"):
        encode(home, "it")
