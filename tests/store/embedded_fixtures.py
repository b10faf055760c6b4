"""Fixtures of the tests of the embedded PostgreSQL: people, their folders and homes, and those who visit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import chain
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


@pytest.fixture(scope="session")
def idle(path: Path) -> Iterator[dict[Account, list[Visit]]]:
    """Visitors that have left and can be sent elsewhere: most of the time that one takes is its imports."""
    waiting: dict[Account, list[Visit]] = {person: [] for person in PEOPLE}
    yield waiting
    for each in chain(*waiting.values()):
        each.end()


@pytest.fixture
def visit(path: Path, idle: dict[Account, list[Visit]]) -> Iterator[Visits]:
    """Sends visitors; after the test they have left, or are no more."""
    visits: list[Visit] = []

    def send(person: Account, home: Path, *wrapper: str, **environment: str) -> Visit:
        is_there = idle[person] and not (wrapper or environment)
        visits.append(idle[person].pop() if is_there else Visit(person, *wrapper, path=path, **environment))
        visits[-1].ask("enter", str(home))
        return visits[-1]

    yield send
    for visit in visits:
        if visit.can_enter_another():
            idle[visit.person].append(visit)
        else:
            visit.end()


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
    maker = Visit(person, path=path)
    maker.ask("enter", str(new))
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
