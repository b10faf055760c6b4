"""The moments of schedules, also where clocks change."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Cron, Event, Every, Flow, cron, every, sleep, workflow
from dataflows.schedules import Schedule
from dataflows.slots import slots

BERLIN = ZoneInfo("Europe/Berlin")

SPRING = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""When the clocks of Berlin go from 2:00 to 3:00."""

AUTUMN = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When they go from 3:00 back to 2:00."""


def local(schedule: Schedule, after: datetime, hours: float) -> list[str]:
    """The moments within so many hours, by the clock on a wall in Berlin, with its offset."""
    return [
        slot.astimezone(BERLIN).strftime("%d %H:%M %z")
        for slot in slots(schedule, after, after + timedelta(hours=hours))
    ]


def test_a_cron_expression_goes_by_the_clock_on_the_wall() -> None:
    schedule = cron("0 9 * * 1-5", tz="Europe/Berlin")
    friday = datetime(2026, 11, 20, 8, tzinfo=UTC)  # 9:00 in Berlin
    assert schedule.next_after(friday) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert schedule.next_after(friday - timedelta(microseconds=1)) == friday
    assert schedule.next_after(datetime(2026, 7, 1, 7, tzinfo=UTC)) == datetime(2026, 7, 2, 7, tzinfo=UTC)


def test_a_moment_that_the_clock_skips_comes_right_after_and_once() -> None:
    day_before = SPRING - timedelta(hours=24)
    assert local(cron("30 2 * * *", tz="Europe/Berlin"), day_before, 50) == [
        "28 02:30 +0100",
        "29 03:00 +0200",
        "30 02:30 +0200",
    ]


def test_a_moment_that_comes_twice_counts_the_first_time() -> None:
    day_before = AUTUMN - timedelta(hours=26)
    assert local(cron("30 2 * * *", tz="Europe/Berlin"), day_before, 52) == [
        "24 02:30 +0200",
        "25 02:30 +0200",
        "26 02:30 +0100",
    ]


@pytest.mark.parametrize("minutes", [0, 10, 29, 30, 31, 59])
def test_asked_within_the_hours_second_round_its_moments_are_over(minutes: int) -> None:
    second_round = AUTUMN + timedelta(minutes=minutes)
    following = cron("30 2 * * *", tz="Europe/Berlin").next_after(second_round)
    assert following == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_a_star_goes_on_evenly_through_an_hour_that_is_skipped_and_one_that_comes_twice() -> None:
    half_hourly = cron("*/30 * * * *", tz="Europe/Berlin")
    assert local(half_hourly, SPRING - timedelta(minutes=31), 1.1) == [
        "29 01:30 +0100",
        "29 03:00 +0200",
        "29 03:30 +0200",
    ]
    assert local(half_hourly, AUTUMN - timedelta(minutes=61), 2) == [
        "25 02:00 +0200",
        "25 02:30 +0200",
        "25 02:00 +0100",
        "25 02:30 +0100",
    ]


FIRES = [
    ("30 0 * * *", "America/Santiago", "2026-09-05", ["05 00:30 -0400", "06 01:00 -0300", "07 00:30 -0300"]),
    ("30 23 * * *", "America/Santiago", "2026-04-04", ["04 23:30 -0300", "05 23:30 -0400", "06 23:30 -0400"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", ["03 02:15 +1030", "04 02:30 +1100", "05 02:15 +1100"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", ["04 01:45 +1100", "05 01:45 +1100", "06 01:45 +1030"]),
]


@pytest.mark.parametrize(("expression", "zone", "day", "expected"), FIRES)
def test_so_it_is_where_midnight_is_skipped_or_the_clocks_change_by_half_an_hour(
    expression: str, zone: str, day: str, expected: list[str]
) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    found = slots(cron(expression, tz=zone), begin, begin + timedelta(days=9))
    assert [slot.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z") for slot in islice(found, 3)] == expected


EXPRESSIONS = [
    "30 2 * * *",
    "0,30 1-3 * * *",
    "*/20 * * * *",
    "15 */2 * * *",
    "0 0 * * 0",
    "59 23 31 12 *",
    "7 3 1 * *",
]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"]
NEAR_A_CHANGE = st.one_of(
    [
        st.timedeltas(timedelta(hours=-30), timedelta(hours=30)).map(change.__add__)
        for change in (SPRING, AUTUMN, datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC))
    ]
)
SCHEDULES = st.builds(cron, st.sampled_from(EXPRESSIONS), tz=st.sampled_from(ZONES)) | st.builds(
    every, st.integers(1, 10**6)
)


@given(SCHEDULES, NEAR_A_CHANGE, st.integers(0, 999))
def test_the_next_moment_is_later_and_the_same_from_wherever_before_it_is_asked(
    schedule: Schedule, moment: datetime, thousandths: int
) -> None:
    following = schedule.next_after(moment)
    assert following > moment
    assert following.tzinfo is UTC
    assert schedule.next_after(moment + (following - moment) * thousandths // 1000) == following
    assert schedule.next_after(following - timedelta(microseconds=1)) == following


@given(st.integers(1, 10**6), NEAR_A_CHANGE)
def test_an_interval_is_kept_from_moment_to_moment(seconds: int, moment: datetime) -> None:
    schedule = every(seconds)
    first = schedule.next_after(moment)
    assert first - moment <= timedelta(seconds=seconds)
    assert schedule.next_after(first) - first == timedelta(seconds=seconds)


def test_an_interval_is_counted_so_that_hours_days_and_weeks_begin_where_they_do() -> None:
    moment = datetime(2026, 11, 22, 10, 7, 3, tzinfo=UTC)  # a Sunday
    assert every("15m").next_after(moment) == datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
    assert every("1d").next_after(moment) == datetime(2026, 11, 23, tzinfo=UTC)
    assert every("1w").next_after(moment).weekday() == 0


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "@daily", "61 * * * *", "0 9 * * mon-", "0 0 30 2 *", "* * */20 * 1L", 7],
)
def test_what_is_no_expression_or_never_comes_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        cron(expression)


@pytest.mark.parametrize("zone", ["", "Berlin", "../../etc/passwd", "Europe/Berlin\0", None])
def test_a_zone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        cron("0 9 * * *", tz=zone)


@pytest.mark.parametrize("interval", [0, "0s", "500ms", -1, "soon"])
def test_an_interval_under_a_second_or_of_no_length_is_refused(interval: str) -> None:
    with pytest.raises(ValueError, match="duration|at least a second"):
        every(interval)


def test_a_policy_for_missed_moments_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="latest, all, none"):
        every("1h", catch_up="some")  # type: ignore[arg-type]  # that is the point
    assert every("1h", catch_up="all").catch_up == "all"
    assert cron("0 9 * * *").catch_up == every("1h").catch_up == "latest"


@pytest.mark.parametrize("schedule", [cron("0 9 * * *"), every("1h")])
def test_a_schedule_is_asked_with_a_time_zone_and_within_the_calendar(schedule: Schedule) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        schedule.next_after(datetime(2026, 11, 22))
    with pytest.raises(ValueError, match="moment"):
        schedule.next_after(datetime.max.replace(tzinfo=UTC))


def test_schedules_are_values() -> None:
    assert cron("0 9 * * *", tz="Europe/Berlin") == Cron("0 9 * * *", "Europe/Berlin")
    assert every("90s") == Every(timedelta(seconds=90))
    assert len({every("60s"), every("1m"), cron("* * * * *")}) == 2


def test_a_workflow_may_have_a_schedule() -> None:
    @workflow("leap-day-report", trigger=cron("0 3 29 2 *", tz="Europe/Berlin"))
    def leap_day_report(event: Event) -> Flow[None]:
        yield from sleep("a while", "1s")

    assert leap_day_report.triggers == (Cron("0 3 29 2 *", "Europe/Berlin"),)


def test_cron_without_its_package_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(ImportError, match=r"pip install 'dataflows-engine\[cron\]'"):
        cron("0 9 * * *")
