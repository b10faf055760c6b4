from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from interpreter.machine import ENDED
from tests.cli.conftest import SHOP as MODULE
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
SHOP = ("--module", MODULE)


@pytest.mark.usefixtures("shop")
def test_each_says_what_it_did_and_the_second_time_that_there_was_nothing_to_do(
    dataflows: Dataflows, answers: Answers, id: str
) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    assert [dataflows("pause", id).stdout for _ in range(2)] == ["it is paused\n", "it was paused before\n"]
    assert ", paused" in dataflows("show", id).stdout and ", paused" in dataflows("list").stdout
    assert [dataflows("resume", id).stdout for _ in range(2)] == ["it goes on\n", "it was neither paused nor blocked\n"]
    assert [answers("terminate", id) for _ in range(2)] == [[{"id": id, "new": True}], [{"id": id, "new": False}]]
    terminated = dataflows("result", id)
    assert (terminated.exit_code, terminated.stderr) == (6, f"error: execution '{id}' was terminated\n")
    assert dataflows("retry", id).exit_code == 2
    eventually(lambda: dataflows("delete", id).exit_code == 0)
    assert (dataflows("delete", id).exit_code, dataflows("show", id).exit_code) == (3, 3)


@pytest.mark.usefixtures("shop")
def test_a_failed_execution_is_retried_and_forked(dataflows: Dataflows, answers: Answers, id: str) -> None:
    dataflows("start", "complain", "--id", id, "--wait", *SHOP)
    assert dataflows("retry", id, "--at", "0").stdout == "it is tried again\n"
    assert dataflows("result", id).exit_code == 1
    assert answers("show", id)[0]["execution"]["generation"] == 2
    assert dataflows("fork", id, "--id", f"{id} forked").stdout == f"{id} forked\n"
    assert dataflows("result", f"{id} forked").exit_code == 1
    assert answers("fork", id, "--at", "0", "--id", f"{id} forked") == [{"id": f"{id} forked", "of": id}]
    assert dataflows("fork", id, "--at", "5").exit_code == 3
    assert dataflows("retry", id, "--at", "x").exit_code == 2


@pytest.mark.usefixtures("shop")
def test_a_filter_stands_in_place_of_the_id_and_a_dry_run_says_what_would_be_done(
    dataflows: Dataflows, answers: Answers, new_id: Callable[[], str]
) -> None:
    ids, tag = [new_id() for _ in range(3)], ("--tag", "for=bulk")
    for id in ids:
        dataflows("start", "approve", "--id", id, *tag, *SHOP)
    would = dataflows("terminate", *tag, "--workflow", "approve", "--dry-run").stdout.splitlines()
    assert [line.split()[:2] for line in would[:3]] == [[id, "approve"] for id in ids]
    assert would[3] == "3 executions would be terminated"
    assert dataflows("pause", *tag, "--created-before", "1h").stdout == "0 executions were paused\n"
    assert [execution["id"] for execution in answers("pause", *tag, "--created-before", "2100-01-01")] == ids
    assert all(execution["paused"] for execution in answers("list", *tag))
    assert dataflows("terminate", *tag).stdout.endswith("3 executions were terminated\n")
    eventually(lambda: {execution["status"] for execution in answers("list", *tag)} <= set(ENDED))
    assert dataflows("delete", *tag, "--status", "failed").stdout == "0 executions were deleted\n"
    assert dataflows("delete", *tag, "--ended-before", "0s").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("pause",),
        ("delete", "--dry-run"),
        ("terminate", "some-id", "--workflow", "approve"),
        ("retry", "--at", "3", "--workflow", "approve"),
        ("pause", "--created-before", "soon"),
        ("pause", "--tag", "red"),
    ],
)
def test_neither_or_both_of_an_id_and_a_filter_and_one_that_cannot_be_is_wrong_usage(
    dataflows: Dataflows, words: tuple[str, ...]
) -> None:
    assert dataflows(*words).exit_code == 2


@pytest.mark.parametrize("verb", ["terminate", "pause", "resume", "retry", "fork", "delete"])
def test_what_does_not_exist_is_not_found(dataflows: Dataflows, verb: str) -> None:
    refused = dataflows(verb, "no-such", "--json")
    assert refused.exit_code == 3
    assert json.loads(refused.stderr) == {"error": "NotFound", "message": "execution 'no-such' does not exist"}
