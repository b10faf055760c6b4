"""What a wait makes of a payload."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Optional, TypedDict, Union

import pytest

from dataflows.payload import read_as


@dataclass
class Item:
    name: str
    price: float = 0.0


@dataclass
class Order:
    id: int
    items: list[Item]
    notes: dict[str, str | None] = field(default_factory=dict)
    first: Item | None = None
    kind: Literal["sale", "gift"] = "sale"
    anything: Any = None
    total: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not self.items:
            raise ValueError("an order has at least one item")


class Plain(TypedDict):
    by: str


class Model:
    """Has pydantic's interface."""

    def __init__(self, by: str) -> None:
        self.by = by

    @classmethod
    def model_validate(cls, payload: Any) -> Model:
        if "by" not in payload:
            raise ValueError("'by' is wanted")
        return cls(**payload)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (None, object),
        (Any, object),
        (int, 1),
        (float, 1.5),
        (float, 2),
        (str, ""),
        (bool, False),
        (dict, {"a": 1}),
        (list, [1, "a"]),
        (Plain, {"by": "ada"}),
        (type(None), None),
        (object, 1),
        (Order, Order(1, [Item("pen")])),
    ],
)
def test_a_payload_of_the_type_is_taken_as_it_is(kind: Any, payload: object) -> None:
    assert read_as(kind, payload) is payload


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (int, "1"),
        (int, 1.0),
        (int, True),
        (float, True),
        (float, "1.5"),
        (str, 1),
        (bool, 1),
        (dict, []),
        (list, {}),
        (list, "text"),
        (Plain, ["by"]),
        (datetime, "2024-02-29"),
        (Item, "pen"),
        (Item, None),
        (type(None), 0),
    ],
)
def test_a_payload_of_another_type_is_refused_with_what_was_expected(kind: Any, payload: object) -> None:
    with pytest.raises(ValueError, match=f"expected {kind.__name__}, got {type(payload).__name__}"):
        read_as(kind, payload)


# Dataclasses ------------------------------------------------------------------------------------


def test_a_dataclass_is_built_from_a_mapping_and_so_are_those_inside_it() -> None:
    payload = {
        "id": 1,
        "items": [{"name": "pen", "price": 2}, {"name": "ink"}],
        "notes": {"door": None, "time": "noon"},
        "first": {"name": "pen"},
        "anything": [1],
    }
    expected = Order(1, [Item("pen", 2), Item("ink")], {"door": None, "time": "noon"}, Item("pen"), anything=[1])
    assert read_as(Order, payload) == expected


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"id": 1, "items": [{"nome": "pen"}]}, "Item has no field 'nome'; it has name, price"),
        ({"id": 1, "items": [{}]}, "Item has a field 'name', which is missing; got {}"),
        ({"id": 1}, "Order has a field 'items', which is missing"),
        ({"id": "1", "items": []}, "expected int, got str"),
        ({"id": 1, "items": ["pen"]}, "expected Item, got str"),
        ({"id": 1, "items": {"name": "pen"}}, "expected list"),
        ({"id": 1, "items": [], "notes": {"a": 1}}, "expected one of .*got int: 1"),
        ({"id": 1, "items": [], "notes": {1: "a"}}, "expected str, got int"),
        ({"id": 1, "items": [], "first": 5}, "expected one of"),
        ({"id": 1, "items": [], "total": 5}, "Order has no field 'total'"),
        ({"id": 1, "items": []}, "an order has at least one item"),
        ({1: 2}, "Order has no field 1"),
        ({}, "Order has a field 'id', which is missing"),
    ],
    ids=str,
)
def test_a_mapping_that_does_not_fit_is_refused_with_what_does_not(payload: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_as(Order, payload)


def test_a_refusal_does_not_print_a_whole_payload() -> None:
    with pytest.raises(ValueError, match="expected int") as raised:
        read_as(int, "x" * 1_000_000)
    assert len(str(raised.value)) < 300


# Models and unions ------------------------------------------------------------------------------


def test_a_model_validates_its_payload_itself() -> None:
    assert read_as(Model, {"by": "ada"}).by == "ada"
    with pytest.raises(ValueError, match="'by' is wanted"):
        read_as(Model, [])


@pytest.mark.parametrize("kind", [int | None, Optional[int], Union[None, int]])  # noqa: UP007, UP045
@pytest.mark.parametrize("payload", [None, 0, 1])
def test_a_union_takes_what_any_of_its_types_takes(kind: Any, payload: object) -> None:
    assert read_as(kind, payload) is payload
    with pytest.raises(ValueError, match="expected one of"):
        read_as(kind, "text")
