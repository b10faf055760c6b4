"""What registration says of findings: warnings, errors in strict mode, and nothing where it is meant so."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataflows import WorkflowWarning, checks
from dataflows.checks import check
from dataflows.checks.source import parsed
from dataflows.errors import WorkflowRefused
from dataflows.workflow import registry
from tests.language.checking import PRELUDE, Author

LATE = """
@workflow("tests.checks.late")
def late(order_id):
    time.sleep(1)
    yield step("note", note, random.random())
"""
LINE = len(PRELUDE.splitlines())
ROOT = Path(__file__).parents[2]


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path)


@pytest.fixture
def _strict() -> Iterator[None]:
    checks.strict()
    yield
    checks.strict(False)


def said(author: Author, text: str) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        author.imported(text)
    return caught


def test_each_finding_is_a_warning_at_its_file_and_line(author: Author, tmp_path: Path) -> None:
    sleeps, draws = said(author, LATE)
    assert (sleeps.category, draws.category) == (WorkflowWarning, WorkflowWarning)
    assert (sleeps.lineno, draws.lineno) == (LINE + 4, LINE + 5)
    assert Path(sleeps.filename).parent == tmp_path
    assert str(sleeps.message) == (
        "DF202 `time.sleep()` sleeps outside the language: every other workflow stands still meanwhile, and a restart "
        'begins it anew; write `yield from sleep("name", "5s")` (if it is meant so: # dataflows: allow DF202)'
    )


def test_a_helper_of_two_workflows_is_warned_of_once(author: Author) -> None:
    text = """
def stamped():
    yield step("note", note, time.time())

@workflow("tests.checks.first")
def first():
    yield from stamped()

@workflow("tests.checks.second")
def second():
    yield from stamped()
"""
    assert [warning.lineno for warning in said(author, text)] == [LINE + 3]


def test_filters_for_warnings_work_as_for_any_other(author: Author) -> None:
    with pytest.raises(WorkflowWarning, match="DF202"):
        author.imported(LATE)  # pytest makes errors of them
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "DF202", WorkflowWarning)
        warnings.filterwarnings("ignore", "DF102", WorkflowWarning)
        author.imported(LATE)


# Strict ----------------------------------------------------------------------------------------


def test_a_strict_workflow_is_refused_with_all_that_is_found_and_is_not_registered(author: Author) -> None:
    text = LATE.replace('"tests.checks.late"', '"tests.checks.refused", strict=True')
    with pytest.raises(WorkflowRefused) as refused:
        author.imported(text)
    assert f"{LINE + 4}: DF202" in str(refused.value) and f"{LINE + 5}: DF102" in str(refused.value)
    assert not [known for known in registry if known.name.endswith(".refused")]


@pytest.mark.usefixtures("_strict")
def test_a_process_can_be_strict_and_a_workflow_of_it_not(author: Author) -> None:
    with pytest.raises(WorkflowRefused):
        author.imported(LATE)
    assert len(said(author, LATE.replace('late"', 'late", strict=False'))) == 2


@pytest.mark.parametrize(("value", "is_strict"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_makes_a_process_strict(tmp_path: Path, value: str, is_strict: bool) -> None:
    file = tmp_path / "late.py"
    file.write_text(PRELUDE + LATE)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", file],
        env={**os.environ, "PYTHONPATH": str(ROOT), "DATAFLOWS_STRICT": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode != 0) is is_strict, run.stderr
    assert ("WorkflowRefused" in run.stderr) is is_strict


def test_a_note_is_neither_a_warning_nor_an_error(author: Author) -> None:
    text = """
@workflow("tests.checks.cleans up", strict=True)
def flow():
    try:
        yield wait("approval")
    finally:
        yield step("release", release, 1)
"""
    module = author.imported(text)
    assert [finding.code for finding in check(module.flow)] == ["DF305"]


# What is meant so ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("def flow():\n    time.sleep(time.time())  # dataflows: allow DF202\n", ["DF101"]),
        ("def flow():\n    time.sleep(time.time())  # dataflows: allow DF202, DF101\n", []),
        ("def flow():\n    time.sleep(time.time())  # dataflows: allow DF202 DF101 it is a test\n", []),
        ("def flow():\n    time.sleep(time.time())  # dataflows: allow\n", []),
        ("def flow():\n    time.sleep(5)  # noqa  # dataflows: allow DF202 (short)\n", []),
        ("def flow():\n    time.sleep(\n        5\n    )  # dataflows: allow DF202\n", []),
        ("def flow():  # dataflows: allow DF202\n    time.sleep(time.time())\n", ["DF101"]),
        ("def flow():  # dataflows: allow\n    time.sleep(time.time())\n", []),
        ("def flow(\n    a=1,  # dataflows: allow DF202\n):\n    time.sleep(1)\n", []),
        ("def flow():\n    time.sleep(5)\n    # dataflows: allow DF202\n", ["DF202"]),
        ("def flow():\n    time.sleep(5)  # allow DF202\n", ["DF202"]),
        ("def flow():\n    time.sleep(5)  # dataflows: allowed DF202\n", ["DF202"]),
    ],
)
def test_a_comment_allows_it_on_its_line_and_above_the_body_in_the_whole_function(
    author: Author, text: str, left: list[str]
) -> None:
    assert [code for code, _ in author.found(text + "    yield sleep('x', 1)\n")] == left


def test_a_helper_is_silenced_by_its_own_line(author: Author) -> None:
    text = """\
def flow():  # dataflows: allow
    yield from stamped()

def stamped():{}
    yield step("note", note, time.time())
"""
    assert author.found(text.format("")) == [("DF101", 'yield step("note", note, time.time())')]
    assert author.found(text.format("  # dataflows: allow DF101")) == []


# What cannot be read ---------------------------------------------------------------------------


def test_nothing_is_said_where_the_source_cannot_be_had(author: Author, tmp_path: Path) -> None:
    unread: dict[str, object] = {}
    exec(PRELUDE + LATE, unread)
    assert check(unread["late"]) == ()
    module = author.module(LATE)
    assert len(check(module.late)) == 2
    Path(str(module.__file__)).write_text("# edited since\n" + PRELUDE + LATE)
    assert check(module.late) == ()
    Path(str(module.__file__)).write_text("def broken(:\n")
    assert check(module.late) == ()
    Path(str(module.__file__)).unlink()
    assert check(module.late) == ()


@pytest.mark.parametrize("nothing", [None, 42, len, print, Author, lambda: None])
def test_what_is_no_workflow_has_no_findings(nothing: object) -> None:
    assert check(nothing) == ()


def test_a_module_is_parsed_once_for_all_its_workflows(author: Author) -> None:
    before = parsed.cache_info().misses
    author.imported(
        "".join(f'\n@workflow("tests.checks.{n}")\ndef flow{n}():\n    yield sleep("x", 1)\n' for n in "abc")
    )
    assert parsed.cache_info().misses == before + 1
