"""Sleeping: until the time that the database's clock says, over restarts, by the thousand."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from dataflows import Flow, now, sleep, sleep_until, step, wait, workflow
from interpreter import Scheduler, Status
from tests.databases import opened
from tests.scheduler.conftest import PROJECT
from tests.store.desk import one
from tests.waiting import eventually

LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=timezone(timedelta(hours=-12)))


@workflow("sleeping/for")
def sleep_for(duration: Any) -> Flow[timedelta]:
    begun = yield from now()
    yield from sleep("nap", duration)
    return (yield from now()) - begun


@workflow("sleeping/until")
def until(when: datetime) -> Flow[str]:
    yield from sleep_until("nap", when)
    return "awake"


@workflow("sleeping/and step")
def sleep_and_step(when: datetime, number: int) -> Flow[int]:
    yield from sleep_until("nap", when)
    return (yield from step("work", WORKED.append, number)) or number


@workflow("sleeping/tell time")
def tell_time() -> Flow[Any]:
    begun = yield from now()
    yield from wait("go")
    woken = yield from now()
    return [(moment, str(moment.tzinfo)) for moment in (begun, woken)]


WORKED: list[int] = []


@pytest.mark.parametrize("duration", [0, "0s", 0.03, timedelta(milliseconds=30), "30ms", 1.05])
def test_it_sleeps_no_less_than_it_was_told(scheduler: Scheduler, duration: Any) -> None:
    handle = scheduler.start(sleep_for, duration)
    slept = handle.result()
    shortest = timedelta(seconds=duration) if isinstance(duration, float) else timedelta(0)
    assert slept >= shortest
    assert [entry.kind for entry in handle.history()] == ["started", "begun", "sleep", "completed"]


def test_a_moment_that_has_passed_is_no_wait(scheduler: Scheduler) -> None:
    handle = scheduler.start(until, LONG_AGO)
    assert handle.result() == "awake"
    assert [entry.at for entry in handle.history()] == sorted(entry.at for entry in handle.history())


@pytest.mark.parametrize("duration", ["30d", "3650d", "365250d"])
def test_years_are_slept_as_well_as_seconds(scheduler: Scheduler, duration: str) -> None:
    handle = scheduler.start(sleep_for, duration)
    eventually(lambda: handle.status() == Status.SUSPENDED)
    due = handle.describe().due_at
    assert due is not None
    expected = datetime.now(UTC) + timedelta(days=int(duration.removesuffix("d")))
    assert due.startswith((f"{expected:%Y-%m}", f"{expected - timedelta(minutes=5):%Y-%m}"))


def test_a_moment_that_no_clock_will_ever_show_is_waited_for_too(scheduler: Scheduler) -> None:
    handle = scheduler.start(until, LAST)
    eventually(lambda: handle.status() == Status.SUSPENDED)
    assert str(handle.describe().due_at).startswith("10000-01-01")
    assert handle.id in [found.id for found in scheduler.list()]
    handle.cancel()
    eventually(lambda: handle.status() == Status.CANCELLED)


def test_a_server_in_a_far_time_zone_tells_the_same_moments(scheduler_of_its_own: Callable[..., Scheduler]) -> None:
    scheduler = scheduler_of_its_own()
    with opened(str(scheduler._named)) as connection:
        change = f"ALTER DATABASE {connection.info.dbname} SET timezone = 'Pacific/Kiritimati'"
        connection.execute(change.encode())
    with scheduler:
        handle = scheduler.start(tell_time, id="far")
        eventually(lambda: handle.status() == Status.SUSPENDED)
        handle.signal("go")
        (live, live_zone), (later, _) = handle.result()
        begun, *_, ended = (entry.at for entry in handle.history()[1:])
        assert live == begun and live_zone == "UTC"
        assert begun <= later <= ended
        assert scheduler.run(until, LONG_AGO) == "awake"


# Over restarts ----------------------------------------------------------------------------------


def test_a_restart_does_not_start_a_sleep_again(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as first:
        handle = first.start(sleep_for, 1.3)
        eventually(lambda: handle.status() == Status.SUSPENDED)
        due = handle.describe().due_at
    with new_scheduler() as second:
        assert second.describe(handle.id).due_at == due
        slept = second.result(handle.id)
        ended = second.describe(handle.id).ended_at
    assert ended is not None and due is not None
    assert timedelta(seconds=1.3) <= slept
    assert ended >= datetime.fromisoformat(due)


def test_what_became_due_while_nobody_ran_goes_on_at_once(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as first:
        handle = first.start(sleep_for, 1.1)
        eventually(lambda: handle.status() == Status.SUSPENDED)
    with opened(str(first._named)) as connection:
        connection.execute("SELECT pg_sleep(1.15)")
    with new_scheduler() as second:
        assert second.result(handle.id, timeout=20) >= timedelta(seconds=1.1)


# Many -------------------------------------------------------------------------------------------


def test_300_that_sleep_until_the_same_instant_all_wake_and_none_twice(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    WORKED.clear()
    with new_scheduler() as first, new_scheduler() as second:
        with opened(str(first._named)) as connection:
            instant = one(connection, "SELECT clock_timestamp() + interval '1.5 s'")
        handles = [(first if n % 2 else second).start(sleep_and_step, instant, n) for n in range(300)]
        assert {handle.result() for handle in handles} == set(range(300))
        assert Counter(WORKED) == Counter(range(300))


def test_5000_asleep_cost_less_than_20_mb_and_neither_threads_nor_connections(
    new_database: Callable[[], str],
) -> None:
    command = [sys.executable, "-m", "tests.scheduler.sleepers", new_database(), "5000"]
    ran = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    print(ran.stdout)
    grown = dict(line.split(": ") for line in ran.stdout.splitlines())
    assert int(grown["asleep"]) == 5_000
    assert float(grown["memory (MB)"]) < 20
    assert int(grown["threads"]) <= 0
    assert int(grown["connections"]) <= 0
