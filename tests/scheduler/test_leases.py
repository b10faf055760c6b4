"""Leases: what a dead scheduler held goes on elsewhere, a living one is left alone, and a ghost writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from dataflows import ExecutionBlocked
from interpreter import Scheduler
from interpreter.store import claims
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.work import RAN, RELEASED, RUNNING, forget, held, of_the_desk
from tests.store.desk import Desk, one, started
from tests.waiting import eventually

EXPIRE_ALL_BUT = "UPDATE dataflows.schedulers SET expires_at = clock_timestamp() - interval '1 s' WHERE id <> %s"
EARLIEST = "SELECT min(expires_at) FROM dataflows.schedulers"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    forget()


def test_what_a_dead_scheduler_held_is_taken_over_within_its_lease(new_scheduler: Callable[..., Scheduler]) -> None:
    scheduler = new_scheduler(lease=0.5)
    with Desk(str(scheduler._named), lease=0.5) as dead:
        dead.start_held("orphan")
    with scheduler:
        assert scheduler.result("orphan", timeout=20) == "done by another"


def test_what_is_held_by_a_living_scheduler_is_left_to_it(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(lease=0.5) as first, new_scheduler(lease=0.5):
        handle = first.start(held, "long")
        assert RUNNING.acquire(timeout=20)
        with opened(str(first._named)) as connection:
            begun = one(connection, EARLIEST)
            three_leases = timedelta(seconds=1.5)
            eventually(lambda: one(connection, EARLIEST) > begun + three_leases)
        assert RAN["long", 0] == 1
        RELEASED.set()
        assert handle.result() == "held"
        assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "completed"]


def test_a_scheduler_that_was_taken_over_writes_nothing_and_goes_on_under_a_new_number(
    new_scheduler: Callable[..., Scheduler], told: Told
) -> None:
    with new_scheduler(on_event=told, lease=1.5) as scheduler:
        handle = scheduler.start(held, "ghost")
        assert RUNNING.acquire(timeout=20)
        with Desk(str(scheduler._named)) as heir:
            with heir.connection.transaction():  # or it might renew in between, or take up what it has lost
                heir.connection.execute(EXPIRE_ALL_BUT, [heir.scheduler])
                assert eventually(heir.bury) == [(handle.id, "suspended")]  # later, if a claim is in flight
                heir.connection.execute("UPDATE dataflows.executions SET due_at = now() + interval '1 h'")
            RELEASED.set()  # the step of the ghost comes to its end
            eventually(lambda: "lease-lost" in told.events)
            assert [entry.kind for entry in handle.history()] == ["started", "begun"], "nothing of it is journaled"
            heir.connection.execute("UPDATE dataflows.executions SET due_at = now()")
        assert handle.result(timeout=20) == "held"
        assert RAN["ghost", 0] == 2
        assert [entry.kind for entry in handle.history()] == ["started", "begun", "step", "completed"]
        assert scheduler.run(of_the_desk) == "done by another"


def test_a_start_that_finds_the_lease_lost_is_made_under_the_next_number(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    with new_scheduler(lease=1.5) as scheduler, opened(str(scheduler._named)) as connection:
        connection.execute("DELETE FROM dataflows.schedulers")
        assert scheduler.run(of_the_desk) == "done by another"


def test_an_execution_that_kills_its_schedulers_is_blocked_in_the_end_and_harms_no_other(
    new_scheduler: Callable[..., Scheduler],
) -> None:
    scheduler = new_scheduler(lease=0.5, deaths=3)
    database = str(scheduler._named)
    with opened(database) as connection:
        for id in ("poison", "bystander"):
            started(connection, id)
    for _ in range(2):
        with Desk(database) as victim, Desk(database) as heir:
            assert "poison" in [claimed.execution_id for claimed in victim.claim()]
            heir.expire(victim)
            heir.bury()
            heir.connection.execute("DELETE FROM dataflows.schedulers")
    with Desk(database, lease=0.5) as last:
        claimed = [one.execution_id for one in last.claim()]
        assert claimed in (["poison"], ["bystander"]), "one suspect at a time"
        (taken,) = claims.list_held(last.connection, last.scheduler)
    with scheduler:
        other = {"poison": "bystander", "bystander": "poison"}[taken.execution_id]
        assert scheduler.result(other, timeout=20) == "done by another"
        with pytest.raises(ExecutionBlocked, match="its scheduler died 3 times in a row"):
            scheduler.result(taken.execution_id, timeout=20)
        scheduler.resume(taken.execution_id)
        assert scheduler.result(taken.execution_id, timeout=20) == "done by another"
