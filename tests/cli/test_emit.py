from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from tests.databases import opened
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
SHOP = ("--module", "tests.cli.shop")

pytestmark = pytest.mark.usefixtures("shop")


def waits(database: str, key: str) -> bool:
    with opened(database) as connection:
        query = "SELECT FROM dataflows.subscriptions WHERE key = %s AND delivered_at IS NULL"
        return bool(connection.execute(query, [key]).fetchall())


def test_an_event_goes_to_who_waits_for_its_key(dataflows: Dataflows, answers: Answers, database: str, id: str) -> None:
    dataflows("start", "ship", "--input", f'"{id}"', "--id", id, *SHOP)
    eventually(lambda: waits(database, id))
    paid = ("emit", "paid", "--key", id, "--payload", '{"amount": 3}', "--id", "once")
    assert dataflows(*paid).stdout == "event 'paid' went to 1 execution\n"
    assert answers(*paid) == [{"event": "paid", "key": id, "woken": 1}]
    assert json.loads(dataflows("result", id).stdout) == {"amount": 3}


def test_an_event_that_nobody_waits_for_yet_is_kept_and_that_is_said(dataflows: Dataflows, id: str) -> None:
    emitted = dataflows("emit", "paid", "--key", id, "--keep", "1h")
    assert emitted.stdout == f"nobody waits for event 'paid' of key '{id}': it is kept for 1h\n"
    dataflows("start", "ship", "--input", f'"{id}"', "--id", id, *SHOP)
    assert dataflows("result", id).stdout == "null\n"


@pytest.mark.parametrize(
    "options", [(), ("--key", ""), ("--key", "k", "--payload", "{"), ("--key", "k", "--keep", "-")]
)
def test_an_event_that_cannot_be_emitted_is_wrong_usage(dataflows: Dataflows, options: tuple[str, ...]) -> None:
    assert dataflows("emit", "paid", *options).exit_code == 2
