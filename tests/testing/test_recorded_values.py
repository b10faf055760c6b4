"""Values as the source of expressions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from dataflows import Event
from dataflows.errors import StepFailed
from interpreter.machine import Status
from interpreter.testing import restored
from interpreter.testing.recording.imports import Imports
from interpreter.testing.recording.layout import lay_out
from interpreter.testing.recording.values import ValueWriter
from tests.testing.journaled import Charge


class Point(NamedTuple):
    x: int
    y: str


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 0, -3, 1.5, 1e22, "", "it's", 'say "hi"', "a\n\t\0\u2028é", b"\x00'", [], (), {}, set(), (1,)),
        [1, [2, (3, {"a": {"b": None}})]],
        {1: "one", (2, 3): {4}, "x": frozenset({5})},
        datetime(2026, 11, 2, 6, 56, 44, 145000, tzinfo=UTC),
        datetime(2026, 11, 2),
        date(2026, 11, 2),
        timedelta(days=1, microseconds=5),
        Decimal("1.50"),
        UUID(int=7),
        Status.FAILED,
        Charge("c-1", 3.5),
        Point(1, "b"),
        Event("1", "shop", "order.paid", {"a": [1]}),
        2 + 3j,
        Path("/tmp"),
    ],
)
def test_the_source_of_a_value_makes_an_equal_value_of_the_same_type(value: object) -> None:
    imports = Imports()
    source = lay_out(ValueWriter(imports).write(value))
    names: dict[str, Any] = {"restored": restored}
    exec("\n".join(imports.lines()), names)
    again = eval(source, names)
    assert again == value and type(again) is type(value)


def test_a_stand_in_for_an_exception_is_told_without_its_traceback() -> None:
    error = StepFailed("gone.Error", "no", "Traceback (most recent call last): ...")
    assert lay_out(ValueWriter(Imports()).write(error)) == 'StepFailed("gone.Error", "no")'


def test_two_things_of_one_name_are_imported_under_two() -> None:
    imports = Imports()
    named = [imports.name(module, "Item") for module in "bab"]
    assert named == ["Item", "Item_", "Item"]
    assert imports.lines() == ["from a import Item as Item_", "from b import Item"]
