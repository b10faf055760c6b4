from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from interpreter import Client
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
SHOP = ("--module", "tests.cli.shop")

pytestmark = pytest.mark.usefixtures("shop")


def test_a_failed_execution_exits_with_1_and_tells_type_text_and_place(dataflows: Dataflows, id: str) -> None:
    failed = dataflows("start", "complain", "--id", id, "--wait", *SHOP)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"error: execution '{id}' failed: ValueError: no good: this\n")
    assert "shop.py" in failed.stderr and "in complain" in failed.stderr


def test_machines_are_told_of_every_end_in_one_form(answers: Answers, new_id: Callable[[], str]) -> None:
    done, failed = new_id(), new_id()
    assert answers("start", "add", "--input", "1", "--id", done, "--wait", *SHOP) == [
        {"id": done, "status": "completed", "result": 11, "error": None}
    ]
    (answer,) = answers("start", "complain", "--id", failed, "--wait", *SHOP)
    assert (answer["status"], answer["result"]) == ("failed", None)
    assert set(answer["error"]) == {"type", "message", "traceback"}
    assert (answer["error"]["type"], answer["error"]["message"]) == ("ValueError", "no good: this")


def test_an_execution_that_goes_on_is_timed_out_with_4_and_can_be_asked_again(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    late = dataflows("result", id, "--timeout", "50ms")
    assert late.exit_code == 4
    assert late.stderr == f"error: execution '{id}' has not ended within 50ms; it goes on\n"
    assert dataflows("result", id, "--timeout", "0.05").exit_code == 4


def test_a_cancelled_execution_exits_with_6(dataflows: Dataflows, answers: Answers, id: str) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    assert answers("cancel", id) == [{"id": id, "new": True}]
    cancelled = dataflows("result", id)
    assert (cancelled.exit_code, cancelled.stderr) == (6, f"error: execution '{id}' was cancelled\n")
    (answer,) = answers("result", id)
    assert (answer["status"], answer["result"]) == ("cancelled", None)


def test_a_signal_arrives_once_under_one_id_and_its_payload_is_the_answer(
    dataflows: Dataflows, answers: Answers, id: str
) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    assert answers("signal", id, "approval", "--payload", '{"by": "Ada"}', "--id", "once")[0]["new"] is True
    assert answers("signal", id, "approval", "--payload", '"other"', "--id", "once")[0]["new"] is False
    assert dataflows("signal", id, "payment").stdout.startswith("signal 'payment' is sent")
    assert json.loads(dataflows("result", id).stdout) == {"by": "Ada"}


def test_who_misspells_a_signal_is_told_for_which_the_execution_waits(
    dataflows: Dataflows, answers: Answers, client: Client, id: str
) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    eventually(lambda: client.describe(id).waits_for == ["approval", "payment"])
    sent = dataflows("signal", id, "aproval")
    assert sent.exit_code == 0
    assert sent.stdout == (
        "signal 'aproval' is sent, and kept until it is asked for: the execution now waits for 'approval', 'payment'\n"
    )
    eventually(lambda: client.describe(id).waits_for == ["approval", "payment"])
    assert "waits for  signal 'approval', signal 'payment'" in dataflows("show", id).stdout
    assert answers("signal", id, "approval")[0]["waits_for"] == ["approval", "payment"]


@pytest.mark.parametrize("words", [("result",), ("show",), ("cancel",), ("resume",), ("signal",)])
def test_an_execution_that_does_not_exist_is_not_found(dataflows: Dataflows, words: tuple[str, ...]) -> None:
    refused = dataflows(*words, "no-such", *(["go"] if words == ("signal",) else []))
    assert (refused.exit_code, refused.stderr) == (3, "error: execution 'no-such' does not exist\n")


def test_one_that_has_ended_takes_no_signal(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "add", "--input", "1", "--id", id, "--wait", *SHOP)
    refused = dataflows("signal", id, "approval", "--json")
    assert refused.exit_code == 3
    assert json.loads(refused.stderr) == {"error": "NotFound", "message": f"execution '{id}' has completed"}


@pytest.mark.parametrize("options", [("--payload", "{"), ("--id", "")])
def test_a_signal_that_cannot_be_sent_is_wrong_usage(dataflows: Dataflows, id: str, options: tuple[str, str]) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    assert dataflows("signal", id, "approval", *options).exit_code == 2


@pytest.mark.parametrize("url", ["host=/nowhere", "postgresql://nobody@127.0.0.1:1/nothing", "no conninfo"])
def test_a_database_that_cannot_be_reached_is_7_in_a_line_without_a_traceback(dataflows: Dataflows, url: str) -> None:
    refused = dataflows("list", "--database", url)
    assert refused.exit_code == 7
    assert refused.stderr.startswith("error: ") and "Traceback" not in refused.stderr


def test_a_migration_says_from_where_to_where(dataflows: Dataflows, answers: Answers) -> None:
    (versions,) = answers("migrate")
    assert versions == {"before": versions["after"], "after": versions["after"]}
    assert dataflows("migrate").stdout == f"the schema is at version {versions['after']} already\n"
