from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from typer.testing import Result

from interpreter import Client
from interpreter.cli.app import COMMANDS
from interpreter.cli.exits import MEANINGS, Exit
from tests.cli.running import ROOT
from tests.cli.shop import echo

Dataflows = Callable[..., Result]


WITHOUT = {"--json": {"record", "replay"}, "DATAFLOWS_DATABASE_URL": {"explain", "lint"}}
"""A test that is written, and a debugger, are for people; an explanation and a look at the source need no journal."""


def test_the_first_page_names_every_command_and_what_every_exit_code_means(dataflows: Dataflows) -> None:
    page = " ".join(dataflows("--help").stdout.split())
    assert set(MEANINGS) == set(Exit)
    for code in Exit:
        assert f"• {code:d} " in page
    for name in COMMANDS:
        assert f"│ {name} " in page


def test_it_says_which_release_it_is(dataflows: Dataflows) -> None:
    told = dataflows("--version")
    assert told.exit_code == 0
    assert re.fullmatch(r"dataflows (\d+\.\d+\.\d+|from its source, not installed)\n", told.stdout)


@pytest.mark.parametrize("name", [*COMMANDS, "schedules backfill", "deliveries list"])
def test_in_80_columns_nothing_is_cut_and_no_flag_seems_to_take_a_value(
    dataflows: Dataflows, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = dataflows(*name.split(), "--help").stdout
    assert max(map(len, page.splitlines())) <= 80
    assert "…" not in page.replace('{"data": …}', "")
    assert [line for line in page.splitlines() if "<bool>" in line and "--help" not in line] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_speaks_to_machines_and_takes_a_database(dataflows: Dataflows, name: str) -> None:
    helped = dataflows(name, "--help")
    assert helped.exit_code == 0
    for words, without in WITHOUT.items():
        assert (words in helped.stdout) != (name in without), words


def test_the_installed_program_writes_to_a_terminal_that_knows_ascii_only(client: Client, id: str) -> None:
    client.start(echo, "naïve ✓", id=f"{id}-é")
    shown = subprocess.run(
        [sys.executable, "-c", "from interpreter.cli import main; main()", "list"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert f"{id}-\\xe9".encode() in shown.stdout
