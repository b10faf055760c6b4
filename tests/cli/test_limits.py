from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from dataflows import Limit
from interpreter.cli.limits import read_limits
from tests.cli.running import WorkerProcess
from tests.databases import opened
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
StartWorker = Callable[..., WorkerProcess]
SHOP = "tests.cli.shop"


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """One for each test: limits are of a whole database."""
    return new_database()


def test_without_limits_it_says_so(dataflows: Dataflows) -> None:
    assert dataflows("limits").stdout == "no limits\n"


def test_what_a_worker_was_given_is_shown_with_who_runs_and_who_waits(
    start_worker: StartWorker, dataflows: Dataflows, answers: Answers, database: str
) -> None:
    start_worker(SHOP, "--limit", "clickup=100/1m,5", "--limit", "shopify=2")
    eventually(lambda: len(answers("limits")) == 2)
    with opened(database) as connection:
        connection.execute(
            """
            INSERT INTO dataflows.tickets (execution_id, generation, position, limit_name, granted_at, scheduler)
            SELECT 'e' || n, 1, '0', 'clickup', CASE WHEN n < 3 THEN now() END, CASE WHEN n < 3 THEN -1 END
            FROM generate_series(1, 9) AS n
            """
        )
        connection.execute("UPDATE dataflows.limits SET held_until = now() + '1 hour' WHERE name = 'clickup'")
    clickup, shopify = answers("limits")
    assert clickup.pop("held_until") is not None
    assert (clickup["name"], clickup["rate"], clickup["per"], clickup["at_once"]) == ("clickup", 100, 60.0, 5)
    assert shopify == {
        **dict.fromkeys(("rate", "per", "held_until")),
        "name": "shopify",
        "at_once": 2,
        "running": 0,
        "waiting": 0,
        "begun": 0,
    }
    shown = dataflows("limits").stdout
    assert "100 in 60 s" in shown and "clickup" in shown and "shopify" in shown


def test_how_limits_are_written() -> None:
    read = read_limits(["a=100/1m", "b=5", "c=100/1h30m,5"])
    assert read == {"a": Limit(100, "1m"), "b": Limit(at_once=5), "c": Limit(100, "1h30m", 5)}
    assert read_limits(None) == {}


@pytest.mark.parametrize("written", ["a", "a=", "=5", "a=5,5", "a=b", "a=/1m", "a=100/", "a=1/1m,", "a=0", "a=1/soon"])
def test_a_limit_that_cannot_be_is_wrong_usage(dataflows: Dataflows, written: str) -> None:
    refused = dataflows("worker", SHOP, "--limit", written)
    assert refused.exit_code == 2 and "--limit" in refused.stderr
