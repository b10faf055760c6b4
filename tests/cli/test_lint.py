from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import Result

from dataflows.checks import RULES

Answers = Callable[..., list[Any]]
Dataflows = Callable[..., Result]
Write = Callable[[str, str], str]

FINE = '@workflow("{name}/fine")\ndef fine():\n    yield sleep("x", 1)\n\n'
WRONG = '@workflow("{name}/wrong")\ndef wrong():\n    time.sleep(1)\n    yield sleep("x", 1)\n\n'
EXPLAINED = """\
@workflow("{name}/explained")
def explained():
    try:
        yield wait("x")
    finally:
        yield step("close", print)
"""


def test_what_is_found_is_shown_with_code_title_place_and_advice_and_fails(dataflows: Dataflows, write: Write) -> None:
    linted = dataflows("lint", write("linted_wrong", WRONG))
    assert linted.exit_code == 1
    assert f"DF202  {RULES['DF202'].title}  linted_wrong.py:6:5" in linted.stdout
    assert 'write `yield from sleep("name", "5s")`' in linted.stdout
    assert linted.stdout.endswith("1 workflow: 1 finding\n")


def test_nothing_found_is_counted_and_succeeds(dataflows: Dataflows, write: Write) -> None:
    linted = dataflows("lint", write("linted_fine", FINE))
    assert (linted.exit_code, linted.stdout) == (0, "1 workflow: 0 findings\n")


def test_a_note_is_shown_and_fails_nothing(dataflows: Dataflows, write: Write) -> None:
    linted = dataflows("lint", write("linted_note", FINE + EXPLAINED))
    assert linted.exit_code == 0
    assert "DF305  a yield in a `finally`  linted_note.py:13:9" in linted.stdout
    assert "`step()` is yielded in the `finally` of line 10's `try`: it runs once, when" in linted.stdout
    assert linted.stdout.endswith("2 workflows: 0 findings, 1 note\n")


def test_machines_get_one_finding_a_line(answers: Answers, write: Write, tmp_path: Path) -> None:
    (finding,) = answers("lint", write("linted_json", WRONG))
    assert finding["message"].startswith("DF202 `time.sleep()` sleeps outside the language: ")
    del finding["message"]
    assert finding == {
        "code": "DF202",
        "severity": "warning",
        "file": str(tmp_path / "linted_json.py"),
        "line": 6,
        "column": 5,
        "function": "wrong",
    }


def test_only_the_workflows_of_the_named_modules_are_checked_and_each_finding_is_told_once(
    answers: Answers, write: Write
) -> None:
    write("linted_other", WRONG)
    shared = WRONG + '@workflow("{name}/through")\ndef through():\n    yield from wrong()\n'
    package = write("linted_package.flows", f"import linted_other\n{shared}").partition(".")[0]
    assert [finding["line"] for finding in answers("lint", "linted_package.flows", package)] == [7]
    assert len(answers("lint", "linted_package", "linted_other")) == 2


def test_a_strict_workflow_is_shown_like_any_other_and_warnings_are_not_printed_too(
    dataflows: Dataflows, write: Write
) -> None:
    linted = dataflows("lint", write("linted_strict", WRONG.replace('wrong")', 'wrong", strict=True)')), "--json")
    assert linted.exit_code == 1
    assert json.loads(linted.stdout)["code"] == "DF202"
    assert linted.stderr == ""


def test_a_module_that_is_not_there_is_wrong_usage(dataflows: Dataflows) -> None:
    assert dataflows("lint", "no_such_module").exit_code == 2
    assert dataflows("lint").exit_code == 2
