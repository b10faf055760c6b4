"""A commit whose answer is lost, while the claimer of the same scheduler takes up what the commit was about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dataflows import Flow, Limit, sleep, step, wait, workflow
from interpreter import Client, Scheduler, Status
from interpreter.scheduler.driver import Driver
from interpreter.store import journal
from interpreter.store.records import Batch
from tests.scheduler.controlled import RAN, RELEASED, RUNNING, forget, hold, note
from tests.waiting import eventually


@workflow("doubt/naps")
def naps(id: str) -> Flow[str]:
    yield from sleep("nap", 1.5)
    yield from step("hold", hold, id, "hold", once=True)
    return "done"


@workflow("doubt/limited")
def limited(id: str, name: str) -> Flow[str]:
    return (yield from step("act", hold if name == "first" else note, id, name, limit="one"))


@workflow("doubt/asks")
def asks(id: str, by: str) -> Flow[Any]:
    yield from step("first", note, id, f"first {by}")
    yield from sleep("nap", 2)
    yield from step("second", note, id, f"second {by}")
    return by, (yield from wait("answer"))


@pytest.fixture(autouse=True)
def afresh() -> None:
    forget()


def driver_of(scheduler: Scheduler) -> Driver:
    return scheduler._engine._driver  # type: ignore[union-attr]


def cut(connection: psycopg.Connection[Any]) -> None:
    connection.close()
    raise psycopg.OperationalError("server closed the connection unexpectedly")


def suspends(batch: Batch, id: str) -> bool:
    return any(move.execution_id == id and move.status is Status.SUSPENDED for move in batch.moves)


@pytest.fixture
def lose_suspension(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scheduler, str, Callable[[], object]], list[str]]:
    """The first suspension of the execution is committed, and nobody hears of it before it is held again."""
    commit = journal.commit

    def prepare(scheduler: Scheduler, id: str, meanwhile: Callable[[], object]) -> list[str]:
        lost: list[str] = []

        def commit_and_lose(connection: Any, number: int, batch: Batch) -> Any:
            done = commit(connection, number, batch)
            if not lost and suspends(batch, id):
                lost.append(id)
                former = driver_of(scheduler).held[id]
                meanwhile()
                eventually(lambda: driver_of(scheduler).held.get(id) not in (None, former), 20)
                cut(connection)
            return done

        monkeypatch.setattr(journal, "commit", commit_and_lose)
        return lost

    return prepare


def test_a_suspension_in_doubt_is_not_repeated_on_what_was_claimed_again(
    new_scheduler: Callable[..., Scheduler], lose_suspension: Callable[..., list[str]], id: str
) -> None:
    with new_scheduler() as scheduler:
        lost = lose_suspension(scheduler, id, lambda: None)
        handle = scheduler.start(naps, id, id=id)
        assert RUNNING.acquire(timeout=20)
        assert lost
        eventually(lambda: driver_of(scheduler).is_idle)
        assert handle.status() is Status.RUNNING
        RELEASED.set()
        assert handle.result(20) == "done"
        assert RAN[id, "hold"] == 1


def test_a_suspension_in_doubt_is_not_repeated_on_what_has_got_its_turn(
    new_scheduler: Callable[..., Scheduler], lose_suspension: Callable[..., list[str]], id: str
) -> None:
    limits = {"one": Limit(at_once=1)}
    with new_scheduler(limits=limits) as other, new_scheduler(limits=limits) as scheduler:
        first = other.start(limited, id, "first")
        assert RUNNING.acquire(timeout=20)
        other._engine._room.close()  # type: ignore[union-attr]  # it has no place for another
        lost = lose_suspension(scheduler, id, RELEASED.set)
        handle = scheduler.start(limited, id, "second", id=id)
        assert handle.result(20) == "second"
        assert lost
        assert first.result(20) == "first"


def test_a_start_in_doubt_does_not_take_the_place_of_what_is_there(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    """Somebody starts it again by its id, which is to answer the same execution, just when it wakes up."""
    commit = journal.commit
    lost: list[str] = []
    with new_scheduler(cached=0) as scheduler, Client(scheduler._named) as client:
        handle = scheduler.start(asks, id, "him", id=id)
        eventually(lambda: client.status(id) is Status.SUSPENDED and id not in driver_of(scheduler).held, 20)

        def lose_and_commit(connection: Any, number: int, batch: Batch) -> Any:
            if not lost and any(start.execution_id == id for start in batch.starts):
                lost.append(id)
                eventually(lambda: id in driver_of(scheduler).held and driver_of(scheduler).held[id].ready, 20)
                cut(connection)
            return commit(connection, number, batch)

        monkeypatch.setattr(journal, "commit", lose_and_commit)
        scheduler.start(asks, id, "her", id=id)
        assert lost
        client.signal(id, "answer", 1)
        assert handle.result(20) == ("him", 1)
        assert not RAN[id, "first her"]
