"""What people do with schedules: pause and resume them, start one now, make up for what was not started, forget one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dataflows import Event, cron
from dataflows.errors import IdInUse, NotFound, WrongStatus
from dataflows.schedules import Cron
from interpreter import Client, Scheduler
from tests.databases import opened
from tests.scheduler.scheduled import (
    away_from_now,
    executions,
    missed,
    moments_of,
    only,
    put_back,
    scheduled,
    settled,
)
from tests.scheduler.work import of_the_desk
from tests.waiting import eventually

NewScheduler = Callable[..., Scheduler]
HOUR = timedelta(hours=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def serving(new_scheduler: NewScheduler, *schedules: Cron) -> Iterator[Scheduler]:
    with new_scheduler(workflows=[scheduled(*schedules)]) as scheduler:
        eventually(scheduler.list_schedules)
        yield scheduler


# Pause and resume -------------------------------------------------------------------------------


def test_a_paused_schedule_starts_nothing_and_when_it_is_resumed_catches_up(new_scheduler: NewScheduler) -> None:
    first = away_from_now("all")
    second = replace(first, expression=f"{first.expression.split()[0]} */1 * * *", catch_up="none")
    waiting = missed(new_scheduler, scheduled(first, second), 3 * HOUR)
    with Client(waiting._named) as client:
        assert client.pause_schedule("report", first)
        assert not client.pause_schedule("report", first), "it was before"
    with waiting as scheduler:
        paused, running = settled(scheduler)
        assert (paused.paused, running.paused) == (True, False)
        assert paused.next_at is not None and running.next_at == paused.next_at + 3 * HOUR
        assert executions(scheduler) == []
        assert scheduler.resume_schedule("report")
        assert not scheduler.resume_schedule("report"), "none was paused"
        assert settled(scheduler)[0].next_at == running.next_at
        assert executions(scheduler) == moments_of(first, paused.next_at, running.next_at)


def test_paused_in_one_it_is_paused_for_all_schedulers_and_stays_so_over_restarts(new_scheduler: NewScheduler) -> None:
    waiting = missed(new_scheduler, scheduled(away_from_now("all")), 3 * HOUR)
    with Client(waiting._named) as client:
        client.pause_schedule("report")
        for _ in range(2):
            with waiting as scheduler:
                eventually(lambda: only(client.list_schedules()).served)
                assert scheduler.trigger_schedule("report", id="by-hand") == "by-hand"
                assert scheduler.result("by-hand", timeout="20s")
                assert executions(scheduler) == ["by-hand"]
        assert only(client.list_schedules()).paused


@pytest.mark.parametrize("verb", ["pause_schedule", "resume_schedule", "trigger_schedule"])
def test_a_schedule_that_there_is_not_is_not_found(client: Client, verb: str) -> None:
    with pytest.raises(NotFound, match="nobody"):
        getattr(client, verb)("nobody")


def test_one_of_another_text_is_not_found_and_one_that_no_text_can_be_is_refused(new_scheduler: NewScheduler) -> None:
    with serving(new_scheduler, away_from_now()) as scheduler:
        with pytest.raises(NotFound, match="'every 7s' of 'report'"):
            scheduler.pause_schedule("report", "every 7s")
        for schedule in ("", "\0"):
            with pytest.raises(ValueError, match="a schedule"):
                scheduler.pause_schedule("report", schedule)


# Start now --------------------------------------------------------------------------------------


def test_started_by_hand_it_runs_now_and_its_moments_stay_as_they_are(new_scheduler: NewScheduler) -> None:
    with serving(new_scheduler, away_from_now()) as scheduler:
        before = only(scheduler.list_schedules())
        id = scheduler.trigger_schedule("report")
        asked = datetime.fromisoformat(scheduler.result(id, timeout="20s"))
        assert before.created_at <= asked <= scheduler.describe(id).created_at
        assert scheduler.list_schedules() == [before]


def test_started_by_hand_twice_under_one_id_it_runs_once_and_another_s_id_is_refused(
    new_scheduler: NewScheduler,
) -> None:
    with serving(new_scheduler, away_from_now()) as scheduler:
        assert scheduler.trigger_schedule("report", id="once") == scheduler.trigger_schedule("report", id="once")
        assert executions(scheduler) == ["once"]
        scheduler.start(of_the_desk, id="of-another")
        with pytest.raises(IdInUse, match="'w'"):
            scheduler.trigger_schedule("report", id="of-another")


# Make up for it ---------------------------------------------------------------------------------


def test_a_backfill_starts_the_moments_of_a_span_each_once_and_a_dry_run_none(new_scheduler: NewScheduler) -> None:
    nightly = cron("0 3 * * *", tz="Europe/Berlin")
    first = datetime(2026, 3, 27, 2, tzinfo=UTC)  # 3:00 in Berlin; at the weekend its clocks change
    with serving(new_scheduler, nightly) as scheduler:
        told: list[Event] = []
        span = (first, first + timedelta(days=4, hours=-1))
        expected = moments_of(nightly, *span)
        assert len(expected) == 4
        assert scheduler.backfill("report", *span, dry_run=True, tell=told.append) == 4
        assert [event.id for event in told] == expected
        assert executions(scheduler) == []
        assert scheduler.backfill("report", first, first + timedelta(hours=24)) == 1
        assert scheduler.backfill("report", *span, dry_run=True) == 3
        assert scheduler.backfill("report", *span) == 3
        assert scheduler.backfill("report", *span) == 0
        assert executions(scheduler) == expected


def test_a_backfill_of_several_schedules_takes_those_that_are_served_or_the_one_that_is_named(
    new_scheduler: NewScheduler,
) -> None:
    daily, weekly = cron("0 0 * * *"), cron("0 12 * * 1")
    span = (NEW_YEAR, NEW_YEAR + timedelta(days=14))
    with serving(new_scheduler, daily, weekly) as scheduler:
        eventually(lambda: len(scheduler.list_schedules()) == 2)
        assert scheduler.backfill("report", *span, schedule=weekly, dry_run=True) == 2
        assert scheduler.backfill("report", *span, schedule="0 12 * * 1 UTC", dry_run=True) == 2
        assert scheduler.backfill("report", *span, dry_run=True) == 16
    with Client(scheduler._named) as client:
        with pytest.raises(ValueError, match=r"name one of '0 0 \* \* \* UTC', '0 12 \* \* 1 UTC'"):
            client.backfill("report", *span)
        assert client.backfill("report", *span, schedule=daily) == 14


def test_a_backfill_of_more_than_one_statement_starts_is_whole(new_scheduler: NewScheduler) -> None:
    with serving(new_scheduler, cron("*/5 * * * *")) as scheduler:
        scheduler.pause_schedule("report")
        assert scheduler.backfill("report", NEW_YEAR, NEW_YEAR + 50 * HOUR) == 600
        assert len(set(executions(scheduler))) == 600


def test_a_backfill_of_what_has_not_come_or_has_no_zone_is_refused(new_scheduler: NewScheduler) -> None:
    with serving(new_scheduler, away_from_now()) as scheduler:
        with pytest.raises(ValueError, match="has not come yet"):
            scheduler.backfill("report", NEW_YEAR, datetime(9000, 1, 1, tzinfo=UTC))
        for span in ((NEW_YEAR.replace(tzinfo=None), NEW_YEAR), (NEW_YEAR, NEW_YEAR.replace(tzinfo=None))):
            with pytest.raises(ValueError, match="no time zone"):
                scheduler.backfill("report", *span)
        with pytest.raises(NotFound):
            scheduler.backfill("nobody", NEW_YEAR)


# Not served any more ----------------------------------------------------------------------------


def test_a_schedule_that_nobody_serves_is_kept_and_listed_and_can_be_deleted(new_scheduler: NewScheduler) -> None:
    with serving(new_scheduler, away_from_now("all")) as scheduler:
        assert only(scheduler.list_schedules()).served
        with pytest.raises(WrongStatus, match="is served"):
            scheduler.delete_schedule("report")
    put_back(str(scheduler._named), 3 * HOUR)
    with Scheduler(scheduler._named, workflows=[scheduled(name="without")]) as other:
        kept = only(other.list_schedules("report"))
        assert not kept.served
        other.trigger_schedule("report", id="by-hand")
        assert executions(other) == ["by-hand"], "it waits for whoever knows the workflow"
        assert other.delete_schedule("report")
        assert not other.delete_schedule("report")
        assert other.list_schedules() == []


def test_a_schedule_of_a_scheduler_that_was_killed_is_not_served_when_its_lease_is_over(
    new_scheduler: NewScheduler,
) -> None:
    with serving(new_scheduler, away_from_now()) as scheduler:
        with opened(str(scheduler._named)) as connection:
            connection.execute("INSERT INTO dataflows.schedulers (name, expires_at) VALUES ('dead', '2000-01-01')")
            connection.execute(
                "INSERT INTO dataflows.served_schedules SELECT max(id), 'old', 'every 1h', 1 FROM dataflows.schedulers"
            )
            connection.execute(
                "INSERT INTO dataflows.schedules VALUES ('old', 'every 1h', 'all', 1, now(), NULL, false, now(), now())"
            )
        assert not only(scheduler.list_schedules("old")).served
        assert scheduler.delete_schedule("old")


# From asyncio, and from afar --------------------------------------------------------------------


async def look_after(client: Client) -> list[str]:
    async with client as awaited:
        assert await awaited.pause_schedule("report")
        id = await awaited.trigger_schedule("report")
        assert await awaited.backfill("report", NEW_YEAR, NEW_YEAR + HOUR)
        [schedule] = await awaited.list_schedules("report")
        assert schedule.paused and await awaited.resume_schedule("report")
        return [id, *[execution.id for execution in await awaited.list()]]


def test_all_this_can_be_awaited(new_scheduler: NewScheduler) -> None:

    with serving(new_scheduler, away_from_now()) as scheduler:
        id, *listed = asyncio.run(look_after(Client(scheduler._named)))
        assert id in listed and len(listed) == 2
