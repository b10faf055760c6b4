"""What the tests of transactions share: a database with counters, and schedulers on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from interpreter import Scheduler
from tests.databases import opened
from tests.scheduler.transactions.counters import RELEASED, SCHEMA, forget


@pytest.fixture(scope="module")
def database(new_database: Callable[[], str]) -> str:
    database = new_database()
    with opened(database) as connection:
        connection.execute(SCHEMA)
    return database


@pytest.fixture
def new_scheduler(database: str) -> Callable[..., Scheduler]:
    return lambda **settings: Scheduler(database, **{"grace": 1, **settings})


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    forget()
    yield
    RELEASED.set()
