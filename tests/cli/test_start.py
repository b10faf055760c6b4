from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from typer.testing import Result

Dataflows = Callable[..., Result]
SHOP = ("--module", "tests.cli.shop")

pytestmark = pytest.mark.usefixtures("shop")


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("add", "[1, 2]", 3),
        ("add", '{"b": 4, "a": 3}', 7),
        ("add", "5", 15),
        ("echo", '"a text"', "a text"),
        ("echo", "null", None),
        ("echo", '[[1, {"a": null}]]', [1, {"a": None}]),
        ("echo", '{"value": {"a": 1}}', {"a": 1}),
    ],
)
def test_an_array_is_the_positional_arguments_an_object_the_keywords_and_anything_else_the_one_argument(
    dataflows: Dataflows, name: str, text: str, answer: object
) -> None:
    started = dataflows("start", name, "--input", text, "--wait", *SHOP)
    assert (started.exit_code, json.loads(started.stdout)) == (0, answer)


def test_a_start_prints_the_id_alone_so_that_a_shell_can_take_it(dataflows: Dataflows) -> None:
    started = dataflows("start", "add", "--input", "1", *SHOP)
    assert dataflows("result", started.stdout.rstrip("\n")).stdout == "11\n"


def test_the_same_id_again_is_the_same_execution(dataflows: Dataflows, id: str) -> None:
    for _ in range(2):
        assert dataflows("start", "add", "--input", "1", "--id", id, *SHOP).stdout == f"{id}\n"
    assert dataflows("list").stdout.count(id) == 1


def test_an_id_of_another_workflow_is_refused(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "add", "--input", "1", "--id", id, *SHOP)
    refused = dataflows("start", "echo", "--input", "1", "--id", id, *SHOP)
    assert refused.exit_code == 8
    assert refused.stderr == f"error: id '{id}' belongs to an execution of workflow 'add'\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--input", "[1, 2, 3]"), "too many positional arguments"),
        ((), "missing a required argument: 'a'"),
        (("--input", "[1"), "it is no JSON"),
        (("--input", "1", "--delay", "soon"), "not a duration: 'soon'"),
        (("--input", "1", "--tag", "red"), "a tag is written name=value"),
        (("--input", "1", "--id", "x" * 201), "1 to 200 characters"),
    ],
)
def test_what_cannot_be_is_refused_as_wrong_usage_and_nothing_is_started(
    dataflows: Dataflows, options: tuple[str, ...], complaint: str
) -> None:
    before = dataflows("list", "--json").stdout
    refused = dataflows("start", "add", *options, *SHOP)
    assert refused.exit_code == 2
    assert complaint in " ".join(refused.stderr.replace("│", "").split())
    assert dataflows("list", "--json").stdout == before


def test_a_workflow_with_a_trigger_takes_an_object_as_its_event(dataflows: Dataflows) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid", "data": {"total": 5}}
    event["time"] = "2026-01-02T03:04:05+00:00"
    started = dataflows("start", "triggered", "--input", json.dumps(event), "--wait", *SHOP)
    assert json.loads(started.stdout) == ["order.paid", {"total": 5}]


def test_of_an_event_its_data_are_enough_and_the_rest_is_its_triggers(dataflows: Dataflows) -> None:
    started = dataflows("start", "triggered", "--input", '{"data": {"total": 5}}', "--wait", *SHOP)
    assert json.loads(started.stdout) == ["order.paid", {"total": 5}]


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"id": "1", "source": "s", "type": "t", "time": "2026-01-02"}, "Event(time=) is an aware datetime"),
        ({"type": "order.sent"}, "Event has a field 'source', which is missing"),
        ({"total": 5}, "Event has no field 'total'"),
        ("A-1", "this is no object"),
        ([{"id": "1"}], "this is no object"),
        (None, "an event starts it"),
    ],
)
def test_what_is_no_event_does_not_start_a_workflow_with_a_trigger_and_how_one_is_written_is_told(
    dataflows: Dataflows, event: object, complaint: str
) -> None:
    given = () if event is None else ("--input", json.dumps(event))
    refused = dataflows("start", "triggered", *given, *SHOP)
    told = " ".join(refused.stderr.replace("│", "").split())
    assert refused.exit_code == 2
    assert f"workflow 'triggered' has a trigger: {complaint}" in told
    assert """write --input '{"data": …}', and if you like its "type",""" in told


def test_an_unknown_workflow_is_not_found_and_the_ways_out_are_named(dataflows: Dataflows) -> None:
    refused = dataflows("start", "nowhere")
    assert refused.exit_code == 3
    assert "no workflow 'nowhere' is registered here" in refused.stderr
    assert "--module" in refused.stderr and "--version" in refused.stderr


def test_with_its_version_a_workflow_is_started_whose_code_is_elsewhere(
    dataflows: Dataflows, answers: Callable[..., list[Any]], id: str
) -> None:
    assert dataflows("start", "elsewhere", "--version", "7", "--input", "[1]", "--id", id).exit_code == 0
    (shown,) = answers("show", id)
    assert shown["execution"]["workflow"] == "elsewhere"
    assert (shown["execution"]["version"], shown["execution"]["status"]) == (7, "pending")


def test_a_delayed_execution_waits_and_a_tag_finds_it(answers: Callable[..., list[Any]], id: str) -> None:
    answers(
        "start", "add", "--input", "1", "--delay", "1h", "--tag", "colour=red", "--tag", "size=2", "--id", id, *SHOP
    )
    (found,) = answers("list", "--tag", "colour=red")
    assert (found["id"], found["status"], found["tags"]) == (id, "pending", {"colour": "red", "size": "2"})
    due, created = (datetime.fromisoformat(found[name]) for name in ("due_at", "created_at"))
    assert found["due_at"] == due.isoformat() and due - created >= timedelta(minutes=59)
    assert answers("list", "--tag", "colour=blue") == []


def test_a_start_answers_machines_with_id_workflow_and_version(answers: Callable[..., list[Any]], id: str) -> None:
    answered = answers("start", "add", "--input", "1", "--id", id, *SHOP)
    assert answered == [{"id": id, "workflow": "add", "version": 1}]
