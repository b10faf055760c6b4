"""Where a claim begins to look, and that nothing is left lying because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import Flow, step, workflow
from interpreter import Scheduler
from interpreter.scheduler.clock import DatabaseClock
from interpreter.scheduler.horizon import Horizon
from interpreter.store.records import Claimed
from tests.databases import Server, opened
from tests.store.crowds import dead_rows, leave_to_autovacuum_nothing

START = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = [("w", 1)]


class Seconds:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def horizon(seconds: Seconds) -> Horizon:
    return Horizon(DatabaseClock(START), seconds)


def looked(horizon: Horizon, seconds: Seconds, takes: float, found: int = 0, latest: datetime | None = None) -> Any:
    """One look that takes so long and finds so many of ten; answers since when it was."""
    look = horizon.begin(KNOWN)
    seconds.passed += takes
    horizon.end(look, [Claimed("e", 1, "w", 1, 0, 0, START, False, latest)] * found, 10)
    return look.since


def test_the_first_look_is_at_everything_and_the_next_begins_shortly_before_it(
    horizon: Horizon, seconds: Seconds
) -> None:
    assert looked(horizon, seconds, 1.0) is None
    since = looked(horizon, seconds, 0.001)
    assert START - timedelta(seconds=6) < since < START


def test_after_a_look_that_took_all_it_could_the_next_begins_where_that_ended(
    horizon: Horizon, seconds: Seconds
) -> None:
    latest = START - timedelta(hours=3)
    assert looked(horizon, seconds, 1.0, found=10, latest=latest) is None
    assert looked(horizon, seconds, 0.001, found=10, latest=latest + timedelta(hours=1)) == latest
    assert looked(horizon, seconds, 0.001) == latest + timedelta(hours=1)


def test_where_no_clock_shows_what_was_due_the_look_begins_as_the_last_one(horizon: Horizon, seconds: Seconds) -> None:
    looked(horizon, seconds, 1.0, found=10, latest=None)
    assert looked(horizon, seconds, 0.001) is None


def test_everything_is_looked_at_again_the_sooner_the_less_it_takes(horizon: Horizon, seconds: Seconds) -> None:
    looked(horizon, seconds, 0.5)
    seconds.passed += 24.5
    assert looked(horizon, seconds, 0.001) is not None
    seconds.passed += 0.5
    assert looked(horizon, seconds, 0.001) is None
    seconds.passed += 0.1
    assert looked(horizon, seconds, 0.001) is None


def test_everything_is_looked_at_again_after_a_while_however_long_it_takes(horizon: Horizon, seconds: Seconds) -> None:
    looked(horizon, seconds, 60.0)
    seconds.passed += 30
    assert looked(horizon, seconds, 0.001) is None


def test_workflow_versions_that_are_new_here_are_looked_for_from_the_beginning(
    horizon: Horizon, seconds: Seconds
) -> None:
    looked(horizon, seconds, 1.0)
    assert horizon.begin(KNOWN).since is not None
    assert horizon.begin([*KNOWN, ("w", 2)]).since is None


# With a scheduler -------------------------------------------------------------------------------


@workflow("horizon/quick")
def quick(number: int) -> Flow[int]:
    return (yield from step("double", lambda: number * 2))


@pytest.fixture
def haunted(server: Server) -> Iterator[str]:
    """A database with very many dead rows of what was due, kept by a transaction that stays open."""
    database = server.new_migrated_database()
    with opened(database) as connection, opened(database) as old:
        leave_to_autovacuum_nothing(connection)
        old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM dataflows.executions")
        dead_rows(connection, workflow="horizon/quick")
        yield database


def test_while_an_old_transaction_is_open_executions_go_on(haunted: str) -> None:
    with Scheduler(haunted, workflows=[quick]) as scheduler:
        handles = [scheduler.start(quick, number, delay=0.01) for number in range(100)]
        assert [handle.result(timeout=60) for handle in handles] == [number * 2 for number in range(100)]


def test_what_was_due_long_before_it_is_seen_is_found_too(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(workflows=[quick]) as scheduler:
        assert scheduler.start(quick, 1, delay=0.01).result() == 2
        late = scheduler.start(quick, 2, delay="1h")
        with opened(str(scheduler._named)) as connection:
            connection.execute("UPDATE dataflows.executions SET due_at = now() - interval '1 day' WHERE due_at > now()")
        assert late.result(timeout=30) == 4
