"""A scheduler that is told how long to keep what has ended."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataflows import Flow, sleep, wait, workflow
from interpreter import Scheduler
from interpreter.scheduler.purger import Purger
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.waiting import eventually

SET_BACK = "UPDATE dataflows.executions SET ended_at = ended_at - interval '2 days' WHERE ended_at IS NOT NULL"
LEFT = "SELECT count(*) FROM dataflows.executions"


@workflow("retention/short")
def short() -> Flow[str]:
    yield from sleep("nothing", 0)
    return "done"


@workflow("retention/waits")
def waits() -> Flow[str]:
    return (yield from wait("go", str))


def left(scheduler: Scheduler) -> list[str]:
    return [execution.id for execution in scheduler.list()]


def age(url: str) -> None:
    with opened(url) as connection:
        connection.execute(SET_BACK)


def url_of(scheduler: Scheduler) -> str:
    named = scheduler._named
    assert named is not None
    return named


def test_what_ended_longer_ago_than_the_retention_goes_while_the_scheduler_works(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    with new_scheduler(retention=90, on_event=told) as scheduler:
        scheduler.start(waits, id="open")
        for number in range(3):
            scheduler.run(short, id=f"old-{number}")
        age(url_of(scheduler))
        scheduler.run(short, id="young")
        assert eventually(lambda: sorted(left(scheduler)) == ["open", "young"])
        scheduler.signal("open", "go", "on")
        assert scheduler.result("open") == "on"
    assert ("purged", {"executions": 3}) in told


def test_without_a_retention_everything_is_kept(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as scheduler:
        scheduler.run(short, id="old")
        assert scheduler._engine is not None and scheduler._engine._purger is None


def test_while_another_purges_it_is_left_to_that_one(new_scheduler: Callable[..., Scheduler], told: Told) -> None:
    with new_scheduler(retention="1s", on_event=told) as scheduler, opened(url_of(scheduler)) as other:
        with other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(hashtext('dataflows purge'))")
            scheduler.run(short, id="old")
            age(url_of(scheduler))
            told.clear()
            eventually(lambda: "purge-left-to-another" in told.events)
            assert left(scheduler) == ["old"]
        assert eventually(lambda: left(scheduler) == [])


def test_a_purge_that_fails_is_told_and_tried_again(new_scheduler: Callable[..., Scheduler], told: Told) -> None:
    with new_scheduler(retention="1s", on_event=told) as scheduler, opened(url_of(scheduler)) as other:
        other.execute("ALTER TABLE dataflows.journal RENAME TO mislaid")
        eventually(lambda: "purge-failed" in told.events)
        other.execute("ALTER TABLE dataflows.mislaid RENAME TO journal")
        scheduler.run(short, id="old")
        age(url_of(scheduler))
        assert eventually(lambda: left(scheduler) == [])
        assert "purge-failed" in told.events


def test_a_scheduler_with_a_retention_closes_at_once(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(retention="30d") as scheduler:
        engine = scheduler._engine
        assert engine is not None
    assert isinstance(engine._purger, Purger) and not engine._purger._thread.is_alive()


def test_a_retention_that_is_no_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="not a duration: 'a month'"):
        Scheduler(retention="a month")
