"""The command, called in this process; and workers in processes of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from interpreter import Client
from interpreter.cli.app import app
from tests.cli.running import WorkerProcess
from tests.databases import Server

SHOP = "tests.cli.shop"
_IMPORTS = "import time\nfrom dataflows import sleep, step, wait, workflow\n\n"

Dataflows = Callable[..., Result]


@pytest.fixture(autouse=True)
def _environment(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFLOWS_DATABASE_URL", database)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def dataflows() -> Dataflows:
    """Calls the command with these words."""
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def answers(dataflows: Dataflows) -> Callable[..., list[Any]]:
    """Calls the command with ``--json``; answers the documents that it prints."""

    def call(*words: str) -> list[Any]:
        return [json.loads(line) for line in dataflows(*words, "--json").stdout.splitlines()]

    return call


@pytest.fixture(scope="module")
def new_id() -> Callable[[], str]:
    """Ids that no other test of the module has."""
    numbers = count(1)
    return lambda: f"execution-{next(numbers)}"


@pytest.fixture
def id(new_id: Callable[[], str]) -> str:
    return new_id()


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Writes a module into the current directory; its name has to be new, and is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name: str, text: str) -> str:
        file = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        file.parent.mkdir(exist_ok=True)
        file.write_text(_IMPORTS + text.replace("{name}", name))
        return name

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("linted"):
            del sys.modules[name]


@pytest.fixture
def start_worker(tmp_path: Path, database: str) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers, and ends them with the test."""
    workers: list[WorkerProcess] = []

    def start(*words: str, serving: bool = True, **details: Any) -> WorkerProcess:
        folder = tmp_path / str(len(workers))
        folder.mkdir()
        workers.append(WorkerProcess(*words, folder=folder, **details))
        if serving:
            workers[-1].wait_until_serving()
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture(scope="module")
def shop(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker that serves the shop, for all the tests of a module."""
    folder = tmp_path_factory.mktemp("shop")
    worker = WorkerProcess(SHOP, "--database", database, folder=folder)
    worker.wait_until_serving()
    yield
    worker.end()


@pytest.fixture
def new_empty_database(server: Server) -> str:
    """One in which nothing is, not even a schema."""
    return server.new_database()
