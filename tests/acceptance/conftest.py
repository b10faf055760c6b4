"""What the tests under violence share: databases with a ledger, a server to crash, processes to kill."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

from interpreter import Client, Scheduler
from tests.acceptance import findings, ledger
from tests.acceptance.crashing_server import CrashingServer
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.databases import Server, opened


@pytest.fixture
def database(new_database: Callable[[], str]) -> Iterator[str]:
    """One for each test, with a ledger: a scheduler takes whatever is due. At the end no law may be broken."""
    yield from _with_ledger(new_database())


@pytest.fixture
def sql(database: str) -> Iterator[Connection[Any]]:
    """A connection to the test's database."""
    with opened(database) as connection:
        yield connection


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def open_scheduler(database: str) -> Iterator[Callable[..., Scheduler]]:
    """Opens schedulers with a short lease in this process; they are closed with the test."""
    with ExitStack() as stack:

        def open_one(named: str = database, **settings: Any) -> Scheduler:
            return stack.enter_context(Scheduler(named, **{"lease": "1s", "grace": "1s", **settings}))

        yield open_one


@pytest.fixture
def run_scheduler(database: str, tmp_path: Path) -> Iterator[Callable[..., SchedulerProcess]]:
    """Runs schedulers of a module's workflows in processes of their own; they are killed with the test."""
    processes: list[SchedulerProcess] = []

    def run_one(module: str, **settings: Any) -> SchedulerProcess:
        process = SchedulerProcess(database, module, tmp_path / f"scheduler-{len(processes)}.log", **settings)
        processes.append(process)
        process.wait_until_serving()
        return process

    yield run_one
    for process in processes:
        process.kill()


@pytest.fixture(scope="module")
def crashing_server() -> Iterator[CrashingServer]:
    """A PostgreSQL that a test may crash; it starts it again."""
    home = Path(tempfile.mkdtemp(prefix="df-", dir="/tmp"))  # short, since a socket's path is
    home.chmod(0o755)
    try:
        with CrashingServer(home) as server:
            yield server
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="module")
def crashing_databases(crashing_server: CrashingServer) -> Server:
    return Server(crashing_server.conninfo)


@pytest.fixture
def crashing_database(crashing_databases: Server) -> Iterator[str]:
    """Like ``database``, on the server that may be crashed."""
    yield from _with_ledger(crashing_databases.new_migrated_database())


def _with_ledger(database: str) -> Iterator[str]:
    with opened(database) as connection:
        connection.execute(ledger.SCHEMA)
    ledger.open_ledger(database)
    yield database
    with opened(database) as connection:
        assert findings.broken_laws(connection) == {}
