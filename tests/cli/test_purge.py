from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from interpreter import Client
from tests.cli.running import WorkerProcess
from tests.cli.shop import echo
from tests.databases import opened
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]


@pytest.fixture
def old(database: str, client: Client, new_id: Callable[[], str]) -> list[str]:
    """Three executions that ended forty days ago, one of which has failed; and one that is open."""
    ids = [new_id() for _ in range(4)]
    with opened(database) as connection:
        connection.execute("TRUNCATE dataflows.executions, dataflows.journal, dataflows.inbox")
        for id in ids:
            client.start(echo, 1, id=id)
        connection.execute(
            "UPDATE dataflows.executions SET due_at = NULL, ended_at = now() - interval '40 days', "
            "status = CASE WHEN id = %s THEN 'failed' ELSE 'completed' END WHERE id <> %s",
            [ids[0], ids[3]],
        )
    return ids


@pytest.mark.usefixtures("old")
def test_people_are_told_how_many_it_would_be_and_how_many_it_was(dataflows: Dataflows) -> None:
    assert dataflows("purge", "--older-than", "30d", "--dry-run").stdout == "3 executions would be purged\n"
    assert dataflows("purge", "--older-than", "30d", "--status", "failed").stdout == "1 execution purged\n"
    assert dataflows("purge", "--older-than", "50d").stdout == "0 executions purged\n"
    assert dataflows("purge", "--older-than", "30d", "--workflow", "add").stdout == "0 executions purged\n"


def test_machines_are_told_the_same(answers: Answers, client: Client, old: list[str]) -> None:
    assert answers("purge", "--older-than", "30d", "--dry-run") == [{"executions": 3, "purged": False}]
    assert answers("purge", "--older-than", "30d", "--batch", "1") == [{"executions": 3, "purged": True}]
    assert [execution.id for execution in client.list()] == old[3:]


@pytest.mark.parametrize(
    "words", [(), ("--older-than", "a month"), ("--older-than", "30d", "--status", "running"), ("--batch", "0")]
)
def test_what_cannot_be_is_wrong_usage(dataflows: Dataflows, words: tuple[str, ...]) -> None:
    assert dataflows("purge", *words).exit_code == 2


@pytest.mark.parametrize("number", ["30", "0", "1.5", " 30 "])
@pytest.mark.parametrize(
    "words",
    [
        ("purge", "--older-than"),
        ("worker", "tests.cli.shop", "--retention"),
        ("serve", "tests.cli.shop", "--retention"),
    ],
)
def test_a_number_without_a_unit_deletes_nothing_and_asks_for_the_unit(
    dataflows: Dataflows, words: tuple[str, ...], number: str, client: Client, old: list[str]
) -> None:
    refused = dataflows(*words, number)
    assert (refused.exit_code, 'Name the unit, like "30d"' in refused.stderr) == (2, True)
    assert len(client.list()) == len(old)


def test_a_worker_with_a_retention_purges_by_itself(
    start_worker: Callable[..., WorkerProcess], client: Client, old: list[str]
) -> None:
    worker = start_worker("tests.cli.shop", "--retention", "1s")
    eventually(lambda: client.list() == [])
    eventually(lambda: "purged executions=" in worker.log)
    assert old
