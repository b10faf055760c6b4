"""Somebody who can write to the database has put a pickle there that does harm: with a key it is read by nobody."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from typer.testing import CliRunner

from dataflows import Flow, step, wait, workflow
from dataflows.errors import CannotRestore, ExecutionBlocked
from interpreter import Client, Handle, Scheduler
from interpreter.cli.app import app
from interpreter.codec.seals import VARIABLE
from tests.acceptance.waiting import wait_until


def give() -> tuple[int, set[int]]:
    """What JSON does not hold."""
    return 1, {2}


@workflow("hostile/victim")
def victim() -> Flow[Any]:
    given = yield from step("give", give)
    yield from wait("go")
    return given


class Harm:
    """Whoever unpickles it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def harmed(tmp_path: Path) -> Path:
    return tmp_path / "harmed"


@pytest.fixture
def put_harm(sql: Connection[Any], harmed: Path) -> Callable[[str], None]:
    """Puts it in place of an execution's entries of that kind."""

    def put(kind: str) -> None:
        pickled = pickle.dumps(Harm(harmed))
        update = "UPDATE dataflows.journal SET encoding = 'dill', data = %s WHERE kind = %s"
        assert sql.execute(update, [pickled, kind]).rowcount == 1

    return put


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "a key of the tests")


def stopped_in_the_middle(scheduler: Scheduler) -> Handle[Any]:
    """One that waits, behind a step."""
    handle = scheduler.start(victim)
    wait_until(lambda: len(handle.history()) == 3, "its step is journaled")
    return handle


def test_what_is_sealed_is_as_it_was_also_for_a_scheduler_that_has_never_seen_it(database: str) -> None:
    with Scheduler(database) as first:
        handle = first.start(victim)
        handle.signal("go")
        assert handle.result("20s") == (1, {2})
    with Scheduler(database, cached=1) as second:
        assert second.result(handle.id) == (1, {2})


@pytest.mark.parametrize("kind", ["started", "step"])
def test_a_scheduler_blocks_the_execution_says_why_and_goes_on_with_the_others(
    kind: str, database: str, client: Client, put_harm: Callable[[str], None], harmed: Path
) -> None:
    with Scheduler(database) as first:
        handle = stopped_in_the_middle(first)
    put_harm(kind)
    handle = client.handle(handle.id)
    handle.signal("go")
    with Scheduler(database) as second:
        with pytest.raises(ExecutionBlocked, match="not sealed, and is not unpickled"):
            handle.result("20s")
        other = second.start(victim)
        other.signal("go")
        assert other.result("20s") == (1, {2})
    assert not harmed.exists()


def test_who_asks_for_the_result_does_not_get_it(
    database: str, client: Client, put_harm: Callable[[str], None], harmed: Path
) -> None:
    with Scheduler(database) as scheduler:
        handle = scheduler.start(victim)
        handle.signal("go")
        handle.result("20s")
    put_harm("completed")
    with pytest.raises(CannotRestore, match="not sealed, and is not unpickled"):
        client.result(handle.id)
    assert not harmed.exists()


COMMANDS = {
    "show": ["--module", __name__],
    "result": ["--timeout", "0"],
    "replay": ["-m", __name__, "--at", "3"],
    "record": ["-m", __name__, "-o", "recorded.py", "--overwrite"],
}


def look(command: str, id: str, database: str) -> None:
    words = ["check", __name__] if command == "check" else [command, id, *COMMANDS[command]]
    CliRunner().invoke(app, [*words, "--database", database])


@pytest.mark.parametrize("command", ["show", "result", "check", "replay", "record"])
def test_who_looks_at_a_database_that_is_not_to_be_trusted_comes_to_no_harm(
    command: str, database: str, put_harm: Callable[[str], None], harmed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Scheduler(database) as scheduler:
        handle = stopped_in_the_middle(scheduler)
    put_harm("step")
    monkeypatch.chdir(harmed.parent)
    look(command, handle.id, database)
    assert not harmed.exists()
    monkeypatch.setenv(VARIABLE, "")
    look(command, handle.id, database)
    assert harmed.exists() == (command != "result")  # the others replay what was stored
