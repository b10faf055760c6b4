"""Purging: what ended long ago goes with all that was written of it, and nothing else goes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from psycopg import Connection

from interpreter import Client
from interpreter.machine import ENDED, Status
from interpreter.operations import purge
from interpreter.requests import Operation, Query
from tests.databases import Server, opened
from tests.store.desk import one, started


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    database = server.lend()
    yield database
    server.take_back(database)


@pytest.fixture
def connection(database: str) -> Iterator[Connection[Any]]:
    with opened(database) as connection:
        yield connection


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


def ended(connection: Connection[Any], id: str, ago: str = "40 days", status: str = "completed", **other: Any) -> str:
    """An execution that ended so long ago, with two generations of its journal and a message."""
    started(connection, id, other.pop("workflow", "w"))
    if "parent" in other:
        other = {"parent_generation": 1, "parent_position": "0", **other}
    changes = "".join(f", {column} = %({column})s" for column in other)
    connection.execute(
        f"UPDATE dataflows.executions SET status = %(status)s, due_at = NULL, ended_at = now() - %(ago)s::interval, "
        f"generation = 2 {changes} WHERE id = %(id)s".encode(),
        {"status": status, "ago": ago, "id": id, **other},
    )
    connection.execute(
        "INSERT INTO dataflows.journal SELECT %s, 2, n, now(), 'step' FROM generate_series(1, 3) n", [id]
    )
    connection.execute("INSERT INTO dataflows.inbox (execution_id, number, kind) VALUES (%s, 1, 'signal')", [id])
    return id


def performed(connection: Connection[Any], operation: Operation[int]) -> Iterator[Query]:
    """Each query of a purge, just before it is performed."""
    answer: list[Any] | None = None
    with suppress(StopIteration):
        while isinstance(request := operation.send(answer), Query):
            yield request
            answer = connection.execute(request.sql, request.parameters).fetchall()


def ids(connection: Connection[Any]) -> set[str]:
    return {row[0] for row in connection.execute("SELECT id FROM dataflows.executions")}


# What goes --------------------------------------------------------------------------------------


def test_an_execution_goes_with_its_journal_in_all_generations_and_its_inbox(
    connection: Connection[Any], client: Client
) -> None:
    ended(connection, "old")
    ended(connection, "young", "20 days")
    assert client.purge(older_than="30d") == 1
    for table, column in (("executions", "id"), ("journal", "execution_id"), ("inbox", "execution_id")):
        rows = connection.execute(f"SELECT DISTINCT {column} FROM dataflows.{table}".encode()).fetchall()
        assert rows == [("young",)], table
    assert len(client.history("young")) == 3


@pytest.mark.parametrize("status", sorted(set(Status) - ENDED))
def test_what_has_not_ended_stays_however_old_it_is(
    connection: Connection[Any], client: Client, status: Status
) -> None:
    started(connection, "open")
    connection.execute(
        "UPDATE dataflows.executions SET status = %s, scheduler = %s, created_at = now() - interval '10 years'",
        [status, 7 if status is Status.RUNNING else None],
    )
    assert client.purge(older_than=0) == 0
    assert ids(connection) == {"open"}


def test_a_child_stays_until_the_parent_that_awaits_it_has_ended(connection: Connection[Any], client: Client) -> None:
    started(connection, "parent")
    ended(connection, "child", parent="parent")
    ended(connection, "of another journal", parent="parent", parent_generation=0)
    ended(connection, "goes its own way", parent="parent", parent_position=None)
    ended(connection, "orphan", parent="long gone")
    assert client.purge(older_than="30d") == 3
    assert ids(connection) == {"parent", "child"}
    connection.execute(
        "UPDATE dataflows.executions SET status = 'completed', ended_at = now(), due_at = NULL WHERE id = 'parent'"
    )
    assert client.purge(older_than="30d") == 1
    assert ids(connection) == {"parent"}


def test_the_subscriptions_of_what_goes_go_too_and_so_do_expired_events(
    connection: Connection[Any], client: Client
) -> None:
    subscribe = "INSERT INTO dataflows.subscriptions VALUES (%s, 1, '0', 'paid', 'key', NULL, NULL)"
    for id, ago in (("old", "40 days"), ("young", "20 days")):
        connection.execute(subscribe, [ended(connection, id, ago)])
        client.emit("paid", key=id, keep=0 if id == "old" else "1h")
    assert client.purge(older_than="30d") == 1
    assert one(connection, "SELECT execution_id FROM dataflows.subscriptions") == "young"
    assert one(connection, "SELECT key FROM dataflows.events") == "young"


def test_what_was_terminated_stays_until_its_holder_knows(connection: Connection[Any], client: Client) -> None:
    ended(connection, "held", status="cancelled", scheduler=7)
    assert client.purge(older_than="30d") == 0
    connection.execute("UPDATE dataflows.executions SET scheduler = NULL")
    assert client.purge(older_than="30d") == 1


def test_only_the_workflow_and_the_status_that_are_asked_for_go(connection: Connection[Any], client: Client) -> None:
    for workflow in ("v", "w"):
        for status in sorted(ENDED):
            ended(connection, f"{workflow}-{status}", workflow=workflow, status=status)
    assert client.purge(older_than="30d", workflow="v", status=Status.FAILED) == 1
    assert client.purge(older_than="30d", status=Status.CANCELLED) == 2
    assert ids(connection) == {"v-completed", "w-completed", "w-failed"}


def test_a_dry_run_counts_and_deletes_nothing(connection: Connection[Any], client: Client) -> None:
    for number in range(5):
        ended(connection, f"old-{number}")
    assert client.purge(older_than="30d", batch=2, dry_run=True) == 5
    assert len(ids(connection)) == 5


def test_an_id_that_was_purged_is_free_again(connection: Connection[Any], client: Client) -> None:
    ended(connection, "again")
    client.purge(older_than="30d")
    started(connection, "again", "another")
    assert client.status("again") == "pending"


def test_a_time_that_no_clock_shows_stops_nobody(connection: Connection[Any], client: Client) -> None:
    ended(connection, "ever")
    ended(connection, "old")
    connection.execute("UPDATE dataflows.executions SET ended_at = '-infinity' WHERE id = 'ever'")
    assert client.purge(older_than="30d", batch=1) == 2


def test_what_cannot_be_asked_for_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="'running' is no end"):
        client.purge(older_than="30d", status=Status.RUNNING)
    with pytest.raises(ValueError, match="a batch is of 1 or more"):
        client.purge(older_than="30d", batch=0)
    with pytest.raises(ValueError, match="must not be negative"):
        client.purge(older_than=-1)


# In batches -------------------------------------------------------------------------------------


def test_it_goes_on_over_batches_and_tells_how_far_it_is(connection: Connection[Any], client: Client) -> None:
    for number in range(10):
        ended(connection, f"old-{number}", f"{40 + number} days")
    told: list[int] = []
    assert client.purge(older_than="30d", batch=4, progress=told.append) == 10
    assert told == [4, 8, 10]


def test_what_ended_together_goes_together_though_it_is_more_than_a_batch(
    connection: Connection[Any], client: Client
) -> None:
    with connection.transaction():
        for number in range(10):
            ended(connection, f"twin-{number}")
    assert client.purge(older_than="30d", batch=3) == 10


def test_those_that_may_not_go_are_passed_by_and_not_met_again(connection: Connection[Any], client: Client) -> None:
    started(connection, "parent")
    for number in range(5):
        ended(connection, f"child-{number}", f"{50 + number} days", parent="parent")
    ended(connection, "old")
    assert client.purge(older_than="30d", batch=2) == 1


def test_a_long_journal_is_deleted_by_itself(connection: Connection[Any]) -> None:
    for number, entries in enumerate((10, 6_000, 10)):
        ended(connection, f"old-{number}", f"{90 - number} days")
        connection.execute(
            "INSERT INTO dataflows.journal SELECT %s, 2, n, now(), 'step' FROM generate_series(4, %s) n",
            [f"old-{number}", entries],
        )
    requests = list(performed(connection, purge(older_than="30d")))
    assert [request.parameters["ids"] for request in requests if request.name == "purge"] == [
        ["old-0"],
        ["old-1"],
        ["old-2"],
    ]
    assert one(connection, "SELECT count(*) FROM dataflows.journal") == 0


# Beside others ----------------------------------------------------------------------------------


def test_one_that_somebody_has_locked_is_left_and_not_waited_for(connection: Connection[Any], client: Client) -> None:
    ended(connection, "locked")
    ended(connection, "old")
    with opened(connection.info.dsn) as other, other.transaction():
        other.execute("SELECT FROM dataflows.executions WHERE id = 'locked' FOR UPDATE")
        assert client.purge(older_than="30d") == 1
    assert ids(connection) == {"locked"}
    assert client.purge(older_than="30d") == 1


def test_several_at_once_purge_everything_and_count_nothing_twice(connection: Connection[Any], client: Client) -> None:
    for number in range(120):
        ended(connection, f"old-{number}", f"{40 + number} days")
    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: client.purge(older_than="30d", batch=7), range(4)))
    assert sum(counts) == 120
    assert one(connection, "SELECT count(*) FROM dataflows.journal") == 0


def test_one_that_was_opened_again_after_it_was_found_is_not_deleted(connection: Connection[Any]) -> None:
    ended(connection, "closed", "60 days")
    ended(connection, "opened", "50 days")
    for request in performed(connection, purge(older_than="30d")):
        if request.name == "purge":
            assert request.parameters["ids"] == ["closed", "opened"]
            connection.execute(
                "UPDATE dataflows.executions SET status = 'blocked', ended_at = NULL WHERE id = 'opened'"
            )
    assert ids(connection) == {"opened"}
