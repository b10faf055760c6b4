"""Lengths of time as authors write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dataflows.duration import LONGEST, to_timedelta


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("500ms", 0.5),
        ("1.5h", 5400),
        ("0s", 0),
        ("0.25ms", 0.00025),
        (" 1h  30 m ", 5400),
        ("1d1d", 172_800),
        ("30m1h", 5400),
        (0, 0),
        (90, 90),
        (0.5, 0.5),
        (-0.0, 0),
        (timedelta(minutes=2), 120),
        (timedelta(0), 0),
        ("365250d", 365_250 * 86_400),
        (LONGEST, 365_250 * 86_400),
    ],
)
def test_a_duration_is_a_text_with_units_seconds_or_a_timedelta(written: Any, seconds: float) -> None:
    assert to_timedelta(written).total_seconds() == seconds


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "10",
        "10 parsecs",
        "h",
        "1h30",
        "-1s",
        "+1s",
        "1e3s",
        "1,5h",
        "1.h",
        ".5h",
        "1H",
        "1 hour",
        "s1",
        "1s;",
        "\0",
    ],
)
def test_a_text_that_is_no_duration_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match='not a duration: .*; write it like "90s"'):
        to_timedelta(written)


@pytest.mark.parametrize("written", [-1, -0.001, -1e-45, timedelta(microseconds=-1), timedelta.min])
def test_a_negative_duration_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        to_timedelta(written)


@pytest.mark.parametrize(
    "written",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        1e308,
        -1e308,
        10**400,
        -(10**400),
        timedelta.max,
        LONGEST + timedelta(microseconds=1),
        "365251d",
        "9" * 400 + "w",
        "99999999999999h",
    ],
    ids=lambda written: repr(written)[:30],
)
def test_a_duration_of_more_than_a_thousand_years_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="a duration must"):
        to_timedelta(written)


@pytest.mark.parametrize("written", [None, True, False, b"1h", Decimal(1), [1], {}, 1j])
def test_anything_else_is_no_duration(written: Any) -> None:
    with pytest.raises(TypeError, match='a duration is "1h30m", seconds or a timedelta, not'):
        to_timedelta(written)
