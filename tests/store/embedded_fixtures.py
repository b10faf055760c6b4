"""Fixtures of the tests of the embedded PostgreSQL: people, their folders and homes, and those who visit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpreter.embedded.account import Account
from interpreter.embedded.server import stop
from tests.store.embedded_visits import PEOPLE, WE, Visit, Visits, new_folder, readable_wheel, remove


@pytest.fixture(scope="session", params=PEOPLE, ids=lambda person: person.name)
def person(request: pytest.FixtureRequest) -> Account:
    account: Account = request.param
    return account


@pytest.fixture(scope="session")
def path() -> Iterator[Path]:
    """Where everyone can import the wheel from."""
    copy = new_folder(WE)
    yield readable_wheel(PEOPLE[-1], copy)
    shutil.rmtree(copy)


@pytest.fixture
def visit(path: Path) -> Iterator[Visits]:
    """Starts visitors; none of them outlives the test."""
    visits: list[Visit] = []

    def start(person: Account, home: Path, *wrapper: str, **environment: str) -> Visit:
        visits.append(Visit(person, home, *wrapper, path=path, **environment))
        return visits[-1]

    yield start
    for each in visits:
        each.end()


@pytest.fixture
def folder(person: Account) -> Iterator[Path]:
    """A new folder of the person's."""
    new = new_folder(person)
    yield new
    remove(new)


@pytest.fixture(scope="session")
def made_home(person: Account, path: Path) -> Iterator[Path]:
    """A home with a database in it, for many tests, since making one takes longest of all."""
    new = new_folder(person)
    maker = Visit(person, new, path=path)
    maker.ask("start")
    maker.leave()
    maker.end()
    yield new
    remove(new)


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """A home that has a database, and no server before and after the test."""
    yield made_home
    stop(made_home / "data")


@pytest.fixture
def our_folder() -> Iterator[Path]:
    """A new folder of our own."""
    new = new_folder(WE)
    yield new
    remove(new)
