from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from interpreter import Client
from tests.cli.shop import HOSTILE
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
SHOP = ("--module", "tests.cli.shop")

pytestmark = pytest.mark.usefixtures("shop")


def rows(shown: Result) -> list[list[str]]:
    """The lines of the journal's table, each as its words."""
    lines = shown.stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if "───" in line)
    return [line.split() for line in lines[begin + 1 :] if line.strip()]


def test_the_journal_is_a_table_of_positions_commands_attempts_outcomes_and_times(
    dataflows: Dataflows, id: str
) -> None:
    dataflows("start", "complain", "--id", id, "--wait", *SHOP)
    shown = dataflows("show", id)
    assert "position  command        attempts  outcome" in shown.stdout
    started, begun, first, second, end = rows(shown)
    assert (started[0], begun[0], end[0]) == ("started", "begun", "failed")
    assert first[:8] == ["0", "step", "complain", "1", "failed:", "ValueError:", "no", "good:"]
    assert second[:8] == ["0", "step", "complain", "2", "failed:", "ValueError:", "no", "good:"]
    assert "again" in first and "again" not in second


def test_what_has_no_position_shows_none_and_a_value_is_shown_as_it_is_stored(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    dataflows("signal", id, "approval", "--payload", '{"by": "Ada"}')
    dataflows("signal", id, "payment")
    dataflows("result", id)
    words = [row[:-1] for row in rows(dataflows("show", id))]
    assert ["signal", "approval", '{"by":"Ada"}'] in words
    assert ["completed", '{"by":"Ada"}'] in words


def test_with_its_module_it_tells_where_in_the_source_the_execution_stands_and_what_is_open(
    dataflows: Dataflows, answers: Answers, client: Client, id: str
) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    eventually(lambda: client.status(id) == "suspended")
    (shown,) = answers("show", id, *SHOP)
    (place,) = shown["standing"]["places"]
    assert "tests/cli/shop.py:" in place and place.endswith(": decision, _ = yield from gather(")
    opened = {command["position"]: (command["kind"], command["name"]) for command in shown["standing"]["open"]}
    assert opened == {
        "0.0.0": ("wait", "approval"),
        "0.1.0.0.0": ("wait", "payment"),
        "0.1.0.1.0": ("sleep", "deadline"),
    }
    for_people = dataflows("show", id, *SHOP)
    assert "stands at  tests/cli/shop.py:" in for_people.stdout
    assert ["0.1.0.0.0", "wait", "payment", "in", "paid", "open"] in rows(for_people)


def test_what_it_has_published_and_an_earlier_generation_of_its_journal_are_shown(
    dataflows: Dataflows, answers: Answers, id: str
) -> None:
    dataflows("start", "rounds", "--id", id, "--wait", *SHOP)
    shown = dataflows("show", id)
    assert "generation  3" in shown.stdout and "published   round = 3" in shown.stdout
    words = [row[:-1] for row in rows(shown)]
    assert [*words[2:5], words[5][:5]] == [
        ["0", "publish", "round", "3"],
        ["1", "patched", "charging", "True"],
        ["1", "step", "charge", "begun,", "to", "run", "once"],
        ["1", "step", "charge", "1", "3"],
    ]
    assert ["0", "publish", "round", "1"] in [row[:-1] for row in rows(dataflows("show", id, "--generation", "1"))]
    (document,) = answers("show", id)
    assert document["published"] == {"round": "3"}


def test_without_its_module_it_says_how_to_be_told(dataflows: Dataflows, answers: Answers, id: str) -> None:
    dataflows("start", "approve", "--id", id, *SHOP)
    assert "stands at  name the workflow's module by --module" in dataflows("show", id).stdout
    assert answers("show", id)[0]["standing"] is None


def test_what_the_workflow_prints_itself_is_not_part_of_the_answer(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "add", "--input", "1", "--id", id, "--wait", *SHOP)
    shown = dataflows("show", id, "--json", *SHOP)
    assert json.loads(shown.stdout)["standing"] == {"places": [], "open": []}
    assert "the workflow says something itself" in shown.stderr


def test_machines_find_the_same_keys_every_time(answers: Answers, id: str) -> None:
    answers("start", "add", "--input", "1", "--id", id, "--wait", *SHOP)
    (shown,) = answers("show", id)
    assert list(shown) == ["execution", "entries", "published", "standing", "problem"]
    of_an_execution = ["id", "workflow", "version", "status", "created_at", "ended_at", "due_at", "tags", "problem"]
    of_an_execution += ["paused", "generation", "parent", "waits_for"]
    assert list(shown["execution"]) == of_an_execution
    assert list(answers("list", "--limit", "1")[0]) == of_an_execution
    of_an_entry = ["seq", "at", "kind", "position", "name", "branch", "ok", "text", "moment"]
    assert [list(entry) for entry in shown["entries"]] == [of_an_entry] * 4


def test_a_list_is_filtered_and_goes_on_where_a_page_ended(
    dataflows: Dataflows, answers: Answers, new_id: Callable[[], str]
) -> None:
    ids = [new_id() for _ in range(3)]
    for id in ids:
        answers("start", "echo", "--input", "1", "--id", id, "--tag", "of=pages", "--wait", *SHOP)
    newest_first = [found["id"] for found in answers("list", "--tag", "of=pages", "--workflow", "echo")]
    assert newest_first == ids[::-1]
    assert [found["id"] for found in answers("list", "--tag", "of=pages", "--limit", "1")] == ids[2:]
    assert [found["id"] for found in answers("list", "--tag", "of=pages", "--before", ids[2])] == ids[1::-1]
    assert answers("list", "--tag", "of=pages", "--status", "failed") == []
    assert dataflows("list", "--workflow", "no-such").stdout == "no executions\n"
    assert dataflows("list", "--status", "odd").exit_code == 2


@pytest.mark.parametrize("words", [("show", *SHOP), ("show", "--json"), ("list",), ("list", "--json"), ("result",)])
def test_nothing_that_was_stored_acts_on_the_terminal(
    dataflows: Dataflows, client: Client, id: str, words: tuple[str, ...]
) -> None:
    hostile_id = f"{id}{HOSTILE}"
    value = json.dumps(HOSTILE)
    dataflows("start", "hostile", "--input", value, "--id", hostile_id, "--tag", f"a={HOSTILE}", "--wait", *SHOP)
    command, *options = words
    shown = dataflows(command, *([] if command == "list" else [hostile_id]), *options)
    written = shown.stdout + shown.stderr
    assert {"\x1b", "\x9b", "\u202e"}.isdisjoint(written)
    assert "[bold]x[/bold]" in written
