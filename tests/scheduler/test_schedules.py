"""Workflows are started at the moments of their schedules: each once, whoever is there and whatever was missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import psycopg
import pytest

from dataflows import Cron, Workflow, every
from dataflows.schedules import CatchUp
from dataflows.slots import SLOT, slot_event
from interpreter import Scheduler
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.schedules import Schedules
from interpreter.store import leases, schedules
from interpreter.store.records import ServedSchedule
from interpreter.store.schedules import Advance
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.scheduled import (
    away_from_now,
    executions,
    missed,
    moment_of,
    moments_of,
    only,
    put_back,
    scheduled,
    settled,
)
from tests.waiting import eventually

NewScheduler = Callable[..., Scheduler]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_every_moment_is_started_when_it_comes_and_no_sooner(new_scheduler: NewScheduler) -> None:
    often = every("1s", catch_up="all")
    with new_scheduler(workflows=[scheduled(often)]) as scheduler:
        eventually(lambda: len(executions(scheduler)) >= 3)
        found = sorted(scheduler.list(), key=lambda execution: execution.id)
        moments = [moment_of(execution.id) for execution in found]
        assert [execution.id for execution in found] == moments_of(
            often, moments[0], moments[-1] + timedelta(seconds=1)
        )
        assert all(execution.created_at >= moment for execution, moment in zip(found, moments, strict=True))
        assert scheduler.result(found[0].id, timeout="20s") == str(moments[0])


def test_what_it_is_started_with_says_that_it_is_a_slot_and_of_when(new_scheduler: NewScheduler) -> None:
    def describe(event):  # type: ignore[no-untyped-def]
        return [event.type, event.subject, event.time.isoformat()]
        yield

    workflow: Workflow[..., list[str]] = Workflow(describe, "report", triggers=[away_from_now("all")])
    with missed(new_scheduler, workflow, HOUR) as scheduler:
        settled(scheduler)
        [id] = executions(scheduler)
        assert scheduler.result(id, timeout="20s") == [SLOT, "report", id.partition("@")[2]]


# What was missed --------------------------------------------------------------------------------


@pytest.mark.parametrize(("catch_up", "which"), [("latest", slice(-1, None)), ("all", slice(None)), ("none", slice(0))])
def test_what_came_while_no_scheduler_was_there_is_caught_up_with_as_the_schedule_says(
    new_scheduler: NewScheduler, catch_up: CatchUp, which: slice
) -> None:
    hourly = away_from_now(catch_up)
    with missed(new_scheduler, scheduled(hourly), 5 * HOUR) as scheduler:
        next_at = only(settled(scheduler)).next_at
        assert next_at is not None
        assert executions(scheduler) == moments_of(hourly, next_at - 5 * HOUR, next_at)[which]


def test_what_is_more_than_one_statement_starts_is_started_in_several(new_scheduler: NewScheduler, told: Told) -> None:
    often = every("1m", catch_up="all")
    with missed(new_scheduler, scheduled(often), 250 * MINUTE, on_event=told) as scheduler:
        settled(scheduler)
        started = executions(scheduler)
    assert len(started) >= 250
    assert started == moments_of(often, moment_of(started[0]), moment_of(started[-1]) + MINUTE)
    assert told.events.count("schedule-started") >= 3


def test_what_was_before_a_schedule_was_known_is_never_caught_up_with(new_scheduler: NewScheduler) -> None:
    hourly = away_from_now("all")
    with missed(new_scheduler, scheduled(hourly), 2 * HOUR) as scheduler:
        settled(scheduler)
        known = executions(scheduler)
    with opened(str(scheduler._named)) as connection:
        connection.execute("UPDATE dataflows.schedules SET next_at = '1970-01-05'")
    with scheduler:
        settled(scheduler)
        assert executions(scheduler)[-2:] == known
        assert len(executions(scheduler)) == 3, "the row says that it was made an hour before"


# Several schedulers -----------------------------------------------------------------------------


def test_each_moment_is_started_once_however_many_schedulers_find_it(new_scheduler: NewScheduler) -> None:
    often = every("1m", catch_up="all")
    workflow = scheduled(often, every("2m", catch_up="all"))
    told = [Told() for _ in range(4)]
    first = missed(new_scheduler, workflow, 400 * MINUTE)
    with ExitStack() as stack:
        for each in told:
            scheduler = stack.enter_context(Scheduler(first._named, workflows=[workflow], on_event=each))
        settled(scheduler)
        scheduler.pause_schedule("report")
        started = executions(scheduler)
    assert len(started) >= 400
    assert started == moments_of(often, moment_of(started[0]), moment_of(started[-1]) + MINUTE)
    assert Counter(id for each in told for id in ids_started(each)) == Counter(started)
    assert not any("schedule-failed" in each.events for each in told)


def ids_started(told: Told) -> list[str]:
    return [id for event, details in told if event == "schedule-started" for id in details["executions"]]


def test_of_several_that_start_what_is_due_at_the_same_time_each_moment_has_one(database: str) -> None:
    often, number = every("1m", catch_up="all"), 3_000
    workflow = scheduled(often, name="contended")
    ready = Barrier(4)

    def start_all(name: str) -> list[str]:
        told = Told()
        with opened(database) as connection:
            scheduler, now = leases.register(connection, name, HOUR)
            part = Schedules(lambda: {("contended", 1): workflow}, DatabaseClock(now), Monitor(told))
            part.register(connection, scheduler)
            if not ready.wait():  # one of them
                put_back(database, number * MINUTE, "contended")
            ready.wait()
            while part.is_due or schedules.read(connection, scheduler)[0].next_at <= now:
                part.start_due(connection, scheduler)
        assert "schedule-failed" not in told.events
        return ids_started(told)

    with ThreadPoolExecutor(4) as threads:
        started = list(threads.map(start_all, "abcd"))
    print("moments started by each:", *map(len, started))
    ids = sorted(id for ids in started for id in ids)
    assert len(ids) >= number
    assert ids == moments_of(often, moment_of(ids[0]), moment_of(ids[-1]) + MINUTE, "contended")


def test_of_two_that_saw_the_same_moment_one_starts_it_also_if_its_execution_is_gone_since(database: str) -> None:
    with opened(database) as connection:
        scheduler, now = leases.register(connection, "one", MINUTE)
        schedules.register(connection, scheduler, [ServedSchedule("twice", "every 1h", "latest", 1, now - MINUTE)])
        [seen] = schedules.read(connection, scheduler)
        assert seen.next_at == now - MINUTE
        advance = Advance("every 1h", seen.next_at, now + HOUR, seen.next_at)
        event = slot_event("twice", seen.next_at)
        assert schedules.start_slots(connection, "twice", 1, [event], advance) == (True, [event.id])
        connection.execute("DELETE FROM dataflows.executions WHERE id = %s", [event.id])
        assert schedules.start_slots(connection, "twice", 1, [event], advance) == (False, [])


def test_while_a_newer_version_is_served_by_anybody_alive_an_older_one_starts_nothing(database: str) -> None:
    with opened(database) as connection:
        (old, now), (new, _) = leases.register(connection, "old", MINUTE), leases.register(connection, "new", MINUTE)
        schedules.register(connection, old, [ServedSchedule("versions", "every 1h", "latest", 1, now)])
        assert len(schedules.read(connection, old)) == 1
        schedules.register(connection, new, [ServedSchedule("versions", "every 2h", "latest", 2, now)])
        assert not schedules.read(connection, old)
        assert [one.schedule for one in schedules.read(connection, new)] == ["every 2h"]
        leases.renew(connection, new, timedelta(0))
        assert [one.schedule for one in schedules.read(connection, old)] == ["every 1h"], "the new one has died"
        leases.unregister(connection, new)
        assert [one.schedule for one in schedules.read(connection, old)] == ["every 1h"]


def test_what_was_taken_over_registers_nothing(database: str) -> None:
    with opened(database) as connection:
        scheduler, now = leases.register(connection, "gone", MINUTE)
        leases.unregister(connection, scheduler)
        schedules.register(connection, scheduler, [ServedSchedule("gone", "every 1h", "latest", 1, now)])
        rows = connection.execute("SELECT FROM dataflows.schedules WHERE workflow = 'gone'").fetchall()
        assert not rows


def test_a_scheduler_that_was_taken_over_serves_its_schedules_under_its_new_number(new_scheduler: NewScheduler) -> None:
    with new_scheduler(workflows=[scheduled(away_from_now("all"))], lease="600ms") as scheduler:
        eventually(lambda: served(scheduler))
        with opened(str(scheduler._named)) as connection:
            connection.execute("DELETE FROM dataflows.schedulers")
        assert not served(scheduler)
        eventually(lambda: served(scheduler))
        put_back(str(scheduler._named), 2 * HOUR)
        eventually(lambda: len(executions(scheduler)) == 2)


# Code that changes ------------------------------------------------------------------------------


def test_the_newest_version_is_started(new_scheduler: NewScheduler) -> None:
    hourly = away_from_now()
    versions = [scheduled(hourly, version=2), scheduled(hourly, version=1)]
    with missed(new_scheduler, versions[1], HOUR) as scheduler:
        settled(scheduler)
        [one] = scheduler.list()
        assert one.version == 1
    put_back(str(scheduler._named), HOUR)
    with opened(str(scheduler._named)) as connection:
        connection.execute("TRUNCATE dataflows.executions, dataflows.journal, dataflows.inbox")
    with Scheduler(scheduler._named, workflows=versions) as newer:
        assert {one.version for one in settled(newer)} == {2}
        assert [one.version for one in newer.list()] == [2]


def test_a_changed_schedule_begins_when_it_is_first_served_and_so_does_one_that_comes_back(
    new_scheduler: NewScheduler,
) -> None:
    before, after = away_from_now("all"), every("30000d", catch_up="all")
    first = missed(new_scheduler, scheduled(before), 3 * HOUR)
    with Scheduler(first._named, workflows=[scheduled(after)]) as scheduler:
        eventually(lambda: served(scheduler) == ["every 30000d"])
        assert len(scheduler.list_schedules()) == 2, "the former one is kept"
    with first as scheduler:
        eventually(lambda: served(scheduler) == [f"{before.expression} UTC"])
        settled(scheduler)
        assert executions(scheduler) == [], "what came while the workflow had another schedule was not missed"


def served(scheduler: Scheduler) -> list[str]:
    return [one.schedule for one in scheduler.list_schedules() if one.served]


def test_a_workflow_that_is_served_only_later_has_its_schedule_from_then_on(new_scheduler: NewScheduler) -> None:
    first, later = scheduled(away_from_now()), scheduled(away_from_now("none"), name="later")
    with new_scheduler(workflows=[first]) as scheduler:
        eventually(lambda: served(scheduler))
        scheduler._served["later", 1] = later  # type: ignore[index]
        eventually(lambda: len(served(scheduler)) == 2)
        del scheduler._served["report", 1]  # type: ignore[union-attr]
        eventually(lambda: [one.workflow for one in scheduler.list_schedules() if one.served] == ["later"])


def test_a_schedule_of_which_only_the_catching_up_has_changed_goes_on(new_scheduler: NewScheduler) -> None:
    schedule = away_from_now("none")
    first = missed(new_scheduler, scheduled(schedule), 3 * HOUR)
    with Scheduler(first._named, workflows=[scheduled(replace(schedule, catch_up="all"))]) as scheduler:
        assert only(settled(scheduler)).catch_up == "all"
        assert len(executions(scheduler)) == 3


def test_of_several_schedules_each_has_its_moments_and_those_in_common_are_started_once(
    new_scheduler: NewScheduler,
) -> None:
    one = away_from_now("all")
    half = replace(one, expression=f"{one.expression.split()[0]} */2 * * *")
    with missed(new_scheduler, scheduled(one, half), 6 * HOUR) as scheduler:
        found = settled(scheduler)
        assert [each.schedule for each in found] == sorted([f"{one.expression} UTC", f"{half.expression} UTC"])
        last = max(each.next_at for each in found if each.next_at is not None and "*/2" not in each.schedule)
        started = executions(scheduler)
        assert len(started) == len(set(started)) >= 6
        assert set(moments_of(one, last - 6 * HOUR, last)) <= set(started)


# Harm -------------------------------------------------------------------------------------------


def test_a_row_that_somebody_has_deleted_or_spoilt_is_made_anew_and_harms_no_other(new_scheduler: NewScheduler) -> None:
    workflows = [scheduled(away_from_now("all"), name=name) for name in ("deleted", "healthy", "spoilt")]
    first = new_scheduler(workflows=workflows)
    with first as scheduler:
        eventually(lambda: len(scheduler.list_schedules()) == 3)
        with opened(str(scheduler._named)) as connection:
            connection.execute("DELETE FROM dataflows.schedules WHERE workflow = 'deleted'")
            connection.execute("UPDATE dataflows.schedules SET schedule = 'whenever' WHERE workflow = 'spoilt'")
        put_back(str(scheduler._named), 2 * HOUR, "healthy")
        put_back(str(scheduler._named), 2 * HOUR, "spoilt")
        eventually(lambda: len(executions(scheduler)) == 2)
        eventually(lambda: len(scheduler.list_schedules()) == 4)
        assert {id.partition("@")[0] for id in executions(scheduler)} == {"healthy"}
        assert [one.schedule for one in scheduler.list_schedules() if not one.served] == ["whenever"]


def test_a_row_that_somebody_keeps_locked_is_left_until_later_and_holds_up_nothing_else(
    new_scheduler: NewScheduler,
) -> None:
    workflows = [scheduled(away_from_now("all"), name=name) for name in ("locked", "report")]
    first = new_scheduler(workflows=workflows)
    with first as scheduler:
        eventually(lambda: len(served(scheduler)) == 2)
    for workflow in workflows:
        put_back(str(first._named), 2 * HOUR, workflow.name)
    with ExitStack() as stack, opened(str(first._named)) as connection:
        with connection.transaction():
            connection.execute("UPDATE dataflows.schedules SET paused = paused WHERE workflow = 'locked'")
            scheduler = stack.enter_context(first)
            eventually(lambda: len(executions(scheduler)) == 2)
            assert all(id.startswith("report@") for id in executions(scheduler))
            assert all(scheduler.result(id, timeout="20s") for id in executions(scheduler))
        eventually(lambda: len(executions(scheduler)) == 4)


def test_a_moment_that_no_clock_shows_is_refused_by_the_database(new_scheduler: NewScheduler) -> None:
    with new_scheduler(workflows=[scheduled(away_from_now())]) as scheduler:
        eventually(scheduler.list_schedules)
        with opened(str(scheduler._named)) as connection:
            for moment in ("infinity", "-infinity", "0044-03-15 BC", "20000-01-01"):
                with pytest.raises(psycopg.errors.CheckViolation):
                    connection.execute("UPDATE dataflows.schedules SET next_at = %s", [moment])


def test_a_schedule_whose_moments_cannot_be_told_is_reported_and_harms_no_other(
    new_scheduler: NewScheduler, told: Told
) -> None:
    broken = scheduled(Cron("not a * cron expression", "UTC"), name="broken")
    healthy = scheduled(away_from_now("all"))
    first = missed(new_scheduler, healthy, 2 * HOUR)
    with Scheduler(first._named, workflows=[broken, healthy], on_event=told) as scheduler:
        settled(scheduler)
        assert len(executions(scheduler)) == 2
        assert [one.workflow for one in scheduler.list_schedules()] == ["report"]
    [details] = [details for event, details in told if event == "schedule-failed"]
    assert details["workflow"] == "broken"


def test_a_workflow_whose_name_leaves_no_room_for_a_moment_is_started_under_a_hash(new_scheduler: NewScheduler) -> None:
    with missed(new_scheduler, scheduled(away_from_now("all"), name="n" * 200), 2 * HOUR) as scheduler:
        settled(scheduler)
        assert [len(id) for id in executions(scheduler)] == [64, 64]


# Clocks and outages -----------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_jumps_where_a_scheduler_runs_starts_nothing_early_and_nothing_twice(
    new_scheduler: NewScheduler, jump: timedelta
) -> None:
    hourly = away_from_now("all")
    with missed(new_scheduler, scheduled(hourly), 3 * HOUR) as scheduler:
        next_at = only(settled(scheduler)).next_at
        clock = scheduler._engine._lease.clock  # type: ignore[union-attr]
        clock.set(clock.now() + jump)
        put_back(str(scheduler._named), HOUR)
        assert only(settled(scheduler)).next_at == next_at
        assert next_at is not None
        assert executions(scheduler) == moments_of(hourly, next_at - 3 * HOUR, next_at)


def test_a_schedule_that_stands_later_than_the_database_clock_waits_for_it(new_scheduler: NewScheduler) -> None:
    with missed(new_scheduler, scheduled(away_from_now("all")), -HOUR) as scheduler:
        before = only(settled(scheduler)).next_at
        put_back(str(scheduler._named), timedelta(0), "nothing")
        scheduler.trigger_schedule("report", id="by-hand")
        assert scheduler.result("by-hand", timeout="20s")
        assert executions(scheduler) == ["by-hand"]
        assert only(scheduler.list_schedules()).next_at == before
