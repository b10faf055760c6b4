"""The commands that bring journals and code together: check, record, replay; and explain, which needs no journal."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors
from typer.testing import Result

from interpreter import Client
from interpreter.reader import Reader
from interpreter.requests import Query
from tests.cli.running import COMMAND, ROOT
from tests.databases import opened
from tests.waiting import eventually

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
MODULE = "tests.cli.shop"
SHOP = ("--module", MODULE)

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def changing(dataflows: Dataflows, client: Client, id: str, database: str) -> Iterator[str]:
    """An execution that has passed one step and waits; gone with the test, whatever was done to it."""
    dataflows("start", "change", "--id", id, *SHOP)
    eventually(lambda: client.status(id) == "suspended")
    yield id
    with opened(database) as connection:
        connection.execute("DELETE FROM dataflows.executions WHERE id = %s", [id])
        connection.execute("DELETE FROM dataflows.journal WHERE execution_id = %s", [id])


def of(answer: Any, id: str) -> dict[str, Any]:
    """The group that the execution is an example of."""
    (group,) = (group for group in answer["groups"] if id in group["examples"])
    found: dict[str, Any] = group
    return found


# check ------------------------------------------------------------------------------------------


def test_code_that_open_executions_can_go_on_with_exits_with_0(dataflows: Dataflows, changing: str) -> None:
    checked = dataflows("check", MODULE, "--workflow", "change")
    assert checked.exit_code == 0, checked.stdout
    assert "every one can go on with this code" in checked.stdout


def test_code_that_they_cannot_go_on_with_exits_with_1_and_says_where_and_what_to_write(
    dataflows: Dataflows, answers: Answers, changing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_STEP", "after")
    checked = dataflows("check", MODULE, "--workflow", "change")
    assert checked.exit_code == 1
    for words in (
        "step 'before'",
        "step 'after'",
        "at               tests/cli/shop.py:",
        'if (yield from patched("after")):',
    ):
        assert words in checked.stdout
    (answer,) = answers("check", MODULE, "--workflow", "change")
    assert answer["failing"] == answer["checked"] > 0
    finding = of(answer, changing)["finding"]
    assert (finding["obstacle"], finding["entry"], finding["position"]) == ("mismatch", 3, "0")
    assert of(answer, changing)["patch"]["change"] == "replaced"


def test_a_version_that_the_code_does_not_register_is_told(
    answers: Answers, changing: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.executions SET version = 7 WHERE id = %s", [changing])
    (answer,) = answers("check", MODULE, "--workflow", "change")
    assert of(answer, changing)["finding"]["obstacle"] == "unregistered"


def test_a_value_that_the_code_cannot_read_is_told(answers: Answers, changing: str, database: str) -> None:
    with opened(database) as connection:
        connection.execute(
            "UPDATE dataflows.journal SET encoding = 'dill', data = '\\x00' WHERE execution_id = %s AND kind = 'step'",
            [changing],
        )
    (answer,) = answers("check", MODULE, "--workflow", "change")
    finding = of(answer, changing)["finding"]
    assert (finding["obstacle"], finding["entry"]) == ("unreadable", 3)
    assert "entry 3 (step before) cannot be read by this code" in finding["expected"]


def test_ended_executions_are_not_looked_at(dataflows: Dataflows, answers: Answers, id: str) -> None:
    dataflows("start", "add", "--input", "1", "--id", id, "--wait", *SHOP)
    assert answers("check", MODULE, "--workflow", "add") == [{"checked": 0, "failing": 0, "groups": []}]


def test_a_reader_reads_page_after_page_and_the_server_lets_it_write_nothing(
    dataflows: Dataflows, new_id: Callable[[], str], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [new_id() for _ in range(5)]
    for each in ids:
        dataflows("start", "approve", "--id", each, *SHOP)
    with Reader(database) as reader:
        pages = [reader._open_recordings(after, ["approve"], 2) for after in ("", *sorted(ids))]
        assert {recording.id for page in pages for recording in page} >= set(ids)
        assert all(len(page) <= 2 for page in pages)
        read = [recording.id for recording in reader.open_recordings(["approve"])]
        assert read == sorted(read) and set(read) >= set(ids)
        with pytest.raises(errors.ReadOnlySqlTransaction):
            reader._pool.perform(ask(Query("resume", {"ids": ids})))


def ask(query: Query) -> Any:
    return (yield query)


def test_a_database_without_a_journal_is_left_as_it_is(dataflows: Dataflows, new_empty_database: str) -> None:
    checked = dataflows("check", MODULE, "--database", new_empty_database)
    assert (checked.exit_code, "there is no journal here yet" in checked.stderr) == (7, True)
    with opened(new_empty_database) as connection:
        row = connection.execute("SELECT to_regnamespace('dataflows')").fetchone()
        assert row == (None,)


# record -----------------------------------------------------------------------------------------


def only_ones(place: str, value: Any) -> Any:
    return 1 if isinstance(value, int) else value


def test_a_written_test_passes_without_a_server_and_fails_where_the_code_has_changed(
    dataflows: Dataflows, changing: str, client: Client, tmp_path: Path
) -> None:
    client.signal(changing, "go")
    assert client.result(changing, 30) == "gone"
    file = tmp_path / "test_change.py"
    assert dataflows("record", changing, "-o", str(file), *SHOP).exit_code == 0
    environment = {**os.environ, "DATAFLOWS_DATABASE_URL": "none", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    passed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    environment["SHOP_STEP"] = "after"
    failed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "AssertionError: recorded is step 'before'; the code wants step 'after'" in failed.stdout


def test_a_function_redacts_what_is_written(dataflows: Dataflows, id: str) -> None:
    dataflows("start", "add", "--input", "[41, 2]", "--id", id, "--wait", *SHOP)
    plain = dataflows("record", id, *SHOP).stdout
    assert "with Recorded(add_up, 41, 2) as execution:" in plain and "execution.returned(43)" in plain
    redacted = dataflows("record", id, "--redact", f"{__name__}:only_ones", *SHOP).stdout
    assert "with Recorded(add_up, 1, 1) as execution:" in redacted and "execution.returned(1)" in redacted
    refused = dataflows("record", id, "--redact", "json", *SHOP)
    assert (refused.exit_code, "names no function" in refused.stderr) == (2, True)


def test_a_file_that_exists_is_overwritten_only_where_that_is_said(
    dataflows: Dataflows, id: str, tmp_path: Path
) -> None:
    dataflows("start", "add", "--input", "[41, 2]", "--id", id, "--wait", *SHOP)
    file = tmp_path / "test_edited.py"
    file.write_text("edited")
    refused = dataflows("record", id, "-o", str(file), *SHOP)
    assert (refused.exit_code, "--overwrite" in refused.stderr, file.read_text()) == (2, True, "edited")
    assert dataflows("record", id, "-o", str(file), "--overwrite", *SHOP).exit_code == 0
    assert "execution.returned(43)" in file.read_text()


# replay -----------------------------------------------------------------------------------------


def test_a_replay_stops_in_the_debugger_at_the_yield_behind_the_entry(changing: str) -> None:
    words = ["replay", changing, "--at", "2", *SHOP]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONBREAKPOINT", None)
    replayed = subprocess.run(
        [*COMMAND, *words], cwd=ROOT, env=environment, input="p 6 * 7\nq\n", capture_output=True, text=True, check=False
    )
    assert replayed.returncode == 0, replayed.stderr
    told = replayed.stdout
    assert "    2            begun" in told and "step ended" not in told
    assert '-> yield from step(os.environ.get("SHOP_STEP", "before"), add, 1, 1)' in told and "(Pdb) 42" in told


def test_without_a_number_it_goes_to_the_end_of_the_journal(
    dataflows: Dataflows, changing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    replayed = dataflows("replay", changing, *SHOP)
    assert replayed.exit_code == 0
    assert "step ended before  2" in replayed.stdout and 'yield from wait("go")' in replayed.stdout


def test_a_replay_by_code_that_does_not_follow_says_so_and_stops_there(
    dataflows: Dataflows, changing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_STEP", "after")
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    replayed = dataflows("replay", changing, *SHOP)
    assert replayed.exit_code == 5
    assert "the journal has:  step 'before'" in replayed.stderr and "(Pdb)" in replayed.stdout


# explain ----------------------------------------------------------------------------------------


def test_an_explanation_is_a_tree_for_people(dataflows: Dataflows) -> None:
    explained = dataflows("explain", "approve", *SHOP)
    assert explained.exit_code == 0
    for words in ("gather", "wait approval", "paid: wait payment", "late: sleep deadline", "choice which comes first"):
        assert words in explained.stdout
    assert "tests/cli/shop.py:" in explained.stdout


def test_an_explanation_takes_its_input_as_start_does_and_answers_machines(dataflows: Dataflows) -> None:
    explained = dataflows("explain", "add", "--input", "[3]", "--json", *SHOP)
    answer = json.loads(explained.stdout)
    assert (answer["workflow"], answer["version"]) == ("add", 1)
    assert [(node["kind"], node["details"]) for node in answer["tree"]] == [("step", "add(3, 10)"), ("returns", "sum")]
    assert "the workflow says something itself" in explained.stderr
    assert "add(a, 10)" in dataflows("explain", "add", *SHOP).stdout
    assert "of key order_number" in dataflows("explain", "invoice", "--module", "examples.payment").stdout
    assert dataflows("explain", "add", "--input", "[1, 2, 3]", *SHOP).exit_code == 2
