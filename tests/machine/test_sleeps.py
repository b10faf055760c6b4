"""Timers: when they are due, and that time itself is the journal's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dataflows import Flow, sleep, sleep_until, step
from dataflows.duration import Duration
from interpreter.machine import SetTimer
from tests.machine.by_hand import START, ByHand, seconds_after_start, work

Begin = Callable[..., ByHand]


def one_sleep(duration: Duration) -> Flow[Any]:
    answer = yield sleep("nap", duration)
    return "awake", answer


@pytest.mark.parametrize(
    ("duration", "due"),
    [
        (0, START),
        ("0s", START),
        ("1h30m", seconds_after_start(5400)),
        ("30d", seconds_after_start(30 * 86400)),
        (timedelta(days=3653), datetime(2034, 3, 1, 12, tzinfo=UTC)),
        ("365250d", START + timedelta(days=365_250)),
    ],
)
def test_a_sleep_is_due_that_long_after_it_was_reached(begin: Begin, duration: Duration, due: datetime) -> None:
    assert begin(one_sleep, duration).find("nap").due == due


def test_a_sleep_of_no_length_is_a_journaled_yield_like_any_other(begin: Begin) -> None:
    hand = begin(one_sleep, 0)
    assert hand.open == {"0": "nap"}
    hand.fire("nap")
    assert hand.result == ("awake", None)


def test_the_due_time_is_fixed_when_the_sleep_is_first_reached(begin: Begin) -> None:
    hand = begin(one_sleep, "1h")
    hand.pass_time(1800)
    hand.signal("unrelated")
    (action,) = hand.replayed().open.values()
    assert isinstance(action, SetTimer)
    assert action.due == seconds_after_start(3600)


def test_a_sleep_counts_from_the_last_entry_and_not_from_the_start(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)
        yield sleep("nap", 60)

    hand = begin(flow)
    hand.pass_time(1000)
    hand.succeed("a")
    assert hand.find("nap").due == seconds_after_start(1060)


def test_sleep_until_is_due_at_its_moment_whatever_zone_that_is_written_in(begin: Begin) -> None:
    def flow(when: datetime) -> Flow[Any]:
        yield sleep_until("morning", when)

    when = datetime(2024, 3, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert begin(flow, when).find("morning").due == datetime(2024, 3, 1, 0, tzinfo=UTC)


def test_sleep_until_a_moment_that_has_passed_is_due_at_once_and_journaled_all_the_same(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield sleep_until("yesterday", seconds_after_start(-86400))

    hand = begin(flow)
    assert hand.find("yesterday").due < hand.now
    hand.fire("yesterday")
    assert hand.open == {"": "completed"}


@pytest.mark.parametrize("duration", [-1, "10 parsecs", "", True, float("nan"), 1e308, timedelta.max])
def test_what_is_no_duration_raises_where_the_author_wrote_it(begin: Begin, duration: Any) -> None:
    hand = begin(one_sleep, duration)
    with pytest.raises((ValueError, TypeError), match="duration"):
        assert hand.result
