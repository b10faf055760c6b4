from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import Result

from interpreter import Client
from interpreter.cli.schedules import SCHEDULE_COMMANDS
from tests.cli.running import WorkerProcess
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def _worker(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    worker = WorkerProcess("tests.cli.clockwork", "--database", database, folder=tmp_path_factory.mktemp("clockwork"))
    with Client(database) as client:
        eventually(lambda: [one.served for one in client.list_schedules()] == [True, True])
    yield
    worker.end()


def test_schedules_are_listed_paused_and_resumed(dataflows: Dataflows, answers: Answers) -> None:
    table = dataflows("schedules", "list").stdout
    assert "every 30000d" in table and "0 0 1 1 * Europe/Berlin" in table
    assert "paused" not in table and "not served" not in table
    assert dataflows("schedules", "pause", "yearly", "--schedule", "every 30000d").stdout == "it is paused\n"
    assert [(one["schedule"], one["paused"]) for one in answers("schedules", "list", "--workflow", "yearly")] == [
        ("0 0 1 1 * Europe/Berlin", False),
        ("every 30000d", True),
    ]
    assert "paused" in dataflows("schedules", "list").stdout
    assert answers("schedules", "pause", "yearly") == [{"workflow": "yearly", "new": True}]
    assert dataflows("schedules", "pause", "yearly").stdout == "it was paused before\n"
    assert dataflows("schedules", "resume", "yearly").stdout == "it goes on\n"
    assert dataflows("schedules", "resume", "yearly").stdout == "it was not paused\n"
    assert dataflows("schedules", "list", "--workflow", "monthly").stdout == "no schedules\n"


def test_one_is_started_by_hand_and_the_past_is_made_up_for(dataflows: Dataflows, answers: Answers) -> None:
    assert dataflows("schedules", "trigger", "yearly", "--id", "now").stdout == "now\n"
    assert answers("schedules", "trigger", "yearly", "--id", "now") == [{"workflow": "yearly", "id": "now"}]
    assert dataflows("result", "now").exit_code == 0

    span = ("schedules", "backfill", "yearly", "--from", "2020-06-01T00:00Z", "--to", "2023-01-01T00:00Z")
    dry = dataflows(*span, "--dry-run")
    assert dry.stdout.splitlines()[-1] == "3 moments would be started"
    assert dry.stdout.startswith("yearly@2020-12-31T23:00:00+00:00 ")
    assert [event["id"] for event in answers(*span)] == [
        "yearly@2020-12-31T23:00:00+00:00",
        "yearly@2021-12-31T23:00:00+00:00",
        "yearly@2022-12-31T23:00:00+00:00",
    ]
    assert dataflows(*span).stdout == "0 moments were started\n"
    assert dataflows("result", "yearly@2020-12-31T23:00:00+00:00").stdout == '"2020-12-31T23:00:00+00:00"\n'


def test_what_a_worker_serves_is_not_deleted(dataflows: Dataflows) -> None:
    deleted = dataflows("schedules", "delete", "yearly")
    assert deleted.exit_code == 2 and "is served by a scheduler" in deleted.stderr
    assert dataflows("schedules", "delete", "monthly").stdout == "there is none\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("pause", "monthly"), 3),
        (("trigger", "monthly"), 3),
        (("trigger", "yearly", "--id", ""), 2),
        (("backfill", "monthly", "--from", "1d"), 3),
        (("backfill", "yearly"), 2),
        (("backfill", "yearly", "--from", "soon"), 2),
        (("backfill", "yearly", "--from", "1d", "--to", "9000-01-01"), 2),
        (("backfill", "yearly", "--from", "1d", "--schedule", "never"), 3),
    ],
)
def test_what_cannot_be_is_refused(dataflows: Dataflows, words: tuple[str, ...], code: int) -> None:
    assert dataflows("schedules", *words).exit_code == code


@pytest.mark.parametrize("name", SCHEDULE_COMMANDS)
def test_every_command_explains_itself_speaks_to_machines_and_takes_a_database(dataflows: Dataflows, name: str) -> None:
    helped = dataflows("schedules", name, "--help")
    assert helped.exit_code == 0
    assert "--json" in helped.stdout and "DATAFLOWS_DATABASE_URL" in helped.stdout
