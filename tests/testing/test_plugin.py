"""The pytest plugin: its fixtures, what it shows of a failure, and that it is not there for whoever does not use it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PLUGIN = "interpreter.pytest_plugin"

TEST_FILE = """
from dataflows import step
from tests.testing.shop import charge, order, ship

STEPS = {"charge": "c-1", "ship": "t-1"}

def test_compare():
    assert next(order("A-1")) == step("charge", print, "A-2", 20)

def test_result(simulate):
    assert simulate(order, "A-1", steps={"ship": "t-2"}).result == "t-3"

def test_replay(crash_everywhere, explore):
    assert crash_everywhere(order, "A-1").result == "t-1"
    assert explore(order, "A-1", invariant=lambda simulation: True).is_complete

def test_unanswered(simulate):
    simulate(order, "A-1", steps=None, otherwise=None)
    from interpreter.testing import simulate
    simulate(order, "A-1")

def test_other():
    assert 1 == 2
"""
CONFTEST = """
import pytest

@pytest.fixture
def simulated_world():
    return {"steps": {"charge": "c-1", "ship": "t-1"}}
"""


def run(directory: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", *arguments, str(directory)]
    return subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False).stdout


def test_a_failure_shows_what_was_simulated_and_commands_field_by_field(tmp_path: Path) -> None:
    (tmp_path / "test_shop.py").write_text(TEST_FILE)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    shown = run(tmp_path)
    assert "4 failed, 1 passed" in shown
    compared, result, unanswered, other = (shown.partition(f"_ test_{name} _")[2] for name in ORDER)

    assert "assert step('charge', charge, 'A-1', 20) == step('charge', print, 'A-2', 20)" in compared
    assert "E           fn: charge != print" in compared
    assert "E           args[0]: 'A-1' != 'A-2'" in compared

    assert result.index("- simulated -") < result.index("_ test_unanswered _")
    assert "+0s  1  step ship → 't-2'" in result

    lines = unanswered.partition("_ test_other _")[0].splitlines()
    assert [line for line in lines if line.startswith("interpreter/")] == []
    assert "the test says nothing of these steps" in unanswered
    assert "- simulated -" not in other


ORDER = ("compare", "result", "unanswered", "other")


def test_a_project_that_does_not_use_it_imports_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\n"
        "def test_plain():\n    assert not {'dataflows', 'interpreter.testing', 'psycopg'} & set(sys.modules)\n\n"
        "def test_failing():\n    assert [1] == [2]\n"
    )
    assert "1 failed, 1 passed" in run(tmp_path)


def test_the_kit_needs_no_database_driver() -> None:
    program = "import sys, interpreter.testing; sys.exit('psycopg' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_pytest_finds_it_by_its_entry_point() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"dataflows": PLUGIN}
    assert import_module(PLUGIN).simulate
