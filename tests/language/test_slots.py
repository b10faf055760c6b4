"""Which moments of a schedule are to be started, also where some were missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Cron, Every, cron, every
from dataflows.schedules import CatchUp, Schedule
from dataflows.slots import ON_TIME, due, slot_event, slots

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def test_slots_are_later_than_the_first_bound_and_not_than_the_second() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert list(slots(every("1h"), noon, noon + timedelta(hours=2))) == [noon + timedelta(hours=n) for n in (1, 2)]
    assert list(slots(every("1h"), noon, noon)) == []
    end = datetime.max.replace(tzinfo=UTC)
    assert len(list(slots(every("1h"), end - timedelta(hours=2), end))) == 2


def quarters(catch_up: CatchUp, after: datetime, now: datetime) -> list[str]:
    return [f"{slot:%H:%M}" for slot in due(every("15m", catch_up=catch_up), after, now)]


def test_what_was_missed_is_started_once_or_all_of_it_or_not_at_all() -> None:
    now = NOON + timedelta(minutes=7)
    assert quarters("latest", NOON - HOUR, now) == ["12:00"]
    assert quarters("all", NOON - HOUR, now) == ["11:15", "11:30", "11:45", "12:00"]
    assert quarters("none", NOON - HOUR, now) == []


def test_a_moment_that_is_on_time_is_started_whatever_was_missed() -> None:
    for late in (timedelta(), SECOND, ON_TIME - SECOND):
        assert quarters("latest", NOON - HOUR, NOON + late) == ["12:00"]
        assert quarters("none", NOON - HOUR, NOON + late) == ["12:00"]
        assert quarters("all", NOON - HOUR, NOON + late) == ["11:15", "11:30", "11:45", "12:00"]
    assert quarters("none", NOON - HOUR, NOON + ON_TIME) == []


@pytest.mark.parametrize("catch_up", get_args(CatchUp))
def test_nothing_is_due_twice_or_before_its_time(catch_up: CatchUp) -> None:
    assert quarters(catch_up, NOON, NOON + SECOND) == []
    assert quarters(catch_up, NOON, NOON) == quarters(catch_up, NOON + HOUR, NOON) == []
    assert quarters(catch_up, NOON - SECOND, NOON) == ["12:00"]


@pytest.mark.parametrize("catch_up", get_args(CatchUp))
def test_who_asks_every_few_seconds_misses_none_of_every_second(catch_up: CatchUp) -> None:
    often = every("1s", catch_up=catch_up)
    asked = [NOON + timedelta(seconds=seconds) for seconds in range(0, 60, 7)]
    found = [slot for after, now in pairwise(asked) for slot in due(often, after, now)]
    assert found == list(slots(often, asked[0], asked[-1]))


class Counted:
    """A schedule that counts how often it was asked."""

    def __init__(self, schedule: Schedule) -> None:
        self.catch_up = schedule.catch_up
        self.asked = 0
        self._schedule = schedule

    def next_after(self, moment: datetime) -> datetime:
        self.asked += 1
        return self._schedule.next_after(moment)


SCHEDULES = [every("61s"), every("15m"), every("1w"), cron("30 2 * * *", tz="Europe/Berlin"), cron("* 3 * * 1")]


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(hours=st.integers(0, 24 * 400))
def test_the_last_that_was_missed_in_a_year_is_found_without_counting_them_all(
    schedule: Cron | Every, hours: int
) -> None:
    counted = Counted(schedule)
    now = NOON + timedelta(hours=hours, minutes=13, seconds=30)
    [found] = due(counted, now - timedelta(days=365), now)  # type: ignore[arg-type]  # it is asked the same
    assert list(slots(schedule, found, now)) == []
    assert found <= now < schedule.next_after(found)
    assert counted.asked < 10_000


def test_nothing_was_missed_at_the_beginning_of_the_calendar() -> None:
    begin = datetime.min.replace(tzinfo=UTC)
    assert list(due(every("9000w"), begin, begin + timedelta(days=1000))) == []


def test_a_schedule_whose_zone_is_not_there_is_no_schedule_without_moments() -> None:
    with pytest.raises(ValueError, match="no time zone 'Nowhere'"):
        list(due(Cron("* * * * *", "Nowhere"), NOON - HOUR, NOON))


@pytest.mark.parametrize("catch_up", get_args(CatchUp))
def test_what_is_due_is_asked_with_time_zones(catch_up: CatchUp) -> None:
    schedule, naive = every("1h", catch_up=catch_up), datetime(2026, 11, 22)
    for after, now in ((naive, NOON), (NOON, naive)):
        with pytest.raises(ValueError, match="no time zone"):
            due(schedule, after, now)


def test_the_event_of_a_slot_is_the_same_in_whatever_zone_it_is_given() -> None:
    slot = datetime(2026, 11, 23, 8, tzinfo=UTC)
    event = slot_event("nightly-report", slot)
    assert event == slot_event("nightly-report", slot.astimezone(BERLIN))
    assert (event.id, event.time) == ("nightly-report@2026-11-23T08:00:00+00:00", slot)
    assert event.id != slot_event("nightly-report", slot + timedelta(hours=1)).id
