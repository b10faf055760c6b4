"""The server's disk is full: what cannot be written waits, nothing fails, and it goes on when there is room."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from dataflows import Flow, current_attempt, step, workflow
from dataflows.errors import DatabaseUnavailable
from interpreter import Client, Scheduler, Status
from tests.acceptance.small_disk import NoSmallDisk, SmallDisk, small_disk
from tests.acceptance.waiting import wait_until
from tests.databases import Server, opened, serving

MEGABYTES = 160
EXECUTIONS, STEPS, BYTES = 8, 12, 16_000
GATE = threading.Event()
RAN: Counter[tuple[str, str]] = Counter()


def write_much() -> str:
    attempt = current_attempt()
    RAN[attempt.execution_id, attempt.position] += 1
    assert GATE.wait(20)
    return os.urandom(BYTES).hex()


@workflow("disk/filling")
def filling(ballast: str = "") -> Flow[int]:
    """What it stores takes some 400 KB."""
    total = 0
    for number in range(STEPS):
        total += len((yield from step(f"write-{number}", write_much)))
    return total


class Told(list[tuple[str, dict[str, Any]]]):
    """What a scheduler tells."""

    def __call__(self, event: str, details: dict[str, Any]) -> None:
        self.append((event, details))

    @property
    def refusals(self) -> int:
        """How often something could not be written for want of room."""
        return sum(isinstance(details.get("error"), psycopg.errors.DiskFull) for _, details in self)


def assert_all_were_written_once(scheduler: Scheduler, handles: list[Any], told: Told) -> None:
    assert [handle.result("60s") for handle in handles] == [STEPS * BYTES * 2] * EXECUTIONS
    assert not {event for event, _ in told} & {"step-failed", "attempt-failed", "blocked", "thread-failed"}
    assert len(RAN) == EXECUTIONS * STEPS and set(RAN.values()) == {1}
    assert {each.status for each in scheduler.list(limit=100)} == {Status.COMPLETED}


@pytest.fixture(autouse=True)
def closed_gate() -> None:
    GATE.clear()
    RAN.clear()


# A disk that is full --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def disk() -> Iterator[SmallDisk]:
    try:
        with small_disk(MEGABYTES) as disk:
            yield disk
    except NoSmallDisk as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def cramped(disk: SmallDisk) -> Iterator[Server]:
    """A server on that disk."""
    home = disk.folder / "home"
    home.mkdir(mode=0o755)
    with serving(home) as server:
        yield server


def test_with_a_full_disk_writes_are_repeated_and_all_complete_when_there_is_room(
    disk: SmallDisk, cramped: Server
) -> None:
    told = Told()
    with Scheduler(cramped.new_migrated_database(), lease="60s", on_event=told) as scheduler:
        handles = [scheduler.start(filling) for _ in range(EXECUTIONS)]
        disk.fill()
        GATE.set()
        wait_until(lambda: told.refusals >= 3, "there is no room, and it is tried again")
        assert len(told) < 200  # it does not try again without a pause
        assert {handle.status() for handle in handles} <= {Status.PENDING, Status.RUNNING, Status.SUSPENDED}
        disk.clear()
        assert_all_were_written_once(scheduler, handles, told)


def start_many(client: Client) -> None:
    for number in range(200):
        client.start(filling, os.urandom(50_000).hex(), id=f"large-{number}")


def test_who_starts_something_while_the_disk_is_full_is_told_so_and_it_was_not_started(
    disk: SmallDisk, cramped: Server
) -> None:
    with Client(cramped.new_migrated_database()) as client:
        disk.fill()
        with pytest.raises(DatabaseUnavailable, match="No space left on device"):
            start_many(client)
        disk.clear()
        number = len(client.list(limit=500))
        assert client.start(filling, os.urandom(50_000).hex(), id=f"large-{number}").status() is Status.PENDING


# The same word of the server, where no small disk is to be had -----------------------------------------

FULL = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON dataflows.journal FOR EACH STATEMENT EXECUTE FUNCTION refuse()
"""


def test_that_the_disk_is_full_is_no_fault_of_what_was_to_be_written(database: str) -> None:
    told = Told()
    with Scheduler(database, lease="60s", on_event=told) as scheduler, opened(database) as sql:
        handles = [scheduler.start(filling) for _ in range(EXECUTIONS)]
        sql.execute(FULL.encode())
        GATE.set()
        wait_until(lambda: told.refusals >= 3, "it is refused, and tried again")
        assert len(told) < 200
        sql.execute("DROP TRIGGER refuse ON dataflows.journal")
        assert_all_were_written_once(scheduler, handles, told)
