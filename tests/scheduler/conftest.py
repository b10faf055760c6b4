from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from interpreter import Client, Scheduler
from tests.databases import Server

PROJECT = Path(__file__).parents[2]
_numbers = count(1)


class Told(list[tuple[str, dict[str, Any]]]):
    """What a scheduler told of its work, if this is its ``on_event``."""

    def __call__(self, event: str, details: dict[str, Any]) -> None:
        self.append((event, details))

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def scheduler(database: str) -> Iterator[Scheduler]:
    """One that serves everything, for all the tests of a module."""
    with Scheduler(database) as scheduler:
        yield scheduler


@pytest.fixture
def new_scheduler(server: Server) -> Iterator[Callable[..., Scheduler]]:
    """Makes schedulers, not yet open, on a database that is the test's alone."""
    database = server.lend()
    yield lambda **settings: Scheduler(database, **{"grace": 1, **settings})
    server.take_back(database)


@pytest.fixture
def scheduler_of_its_own(new_database: Callable[[], str]) -> Callable[..., Scheduler]:
    """The same, for a test that changes the database itself."""
    database = new_database()
    return lambda **settings: Scheduler(database, **{"grace": 1, **settings})


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def id() -> str:
    """An id that no other test has."""
    return f"test-{next(_numbers)}"


@pytest.fixture
def calls() -> list[Any]:
    """Where the steps of a test write down that they ran."""
    return []
