"""Terminated from outside, at any moment, while real schedulers run them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dataflows import ExecutionTerminated
from interpreter import Client, Scheduler
from interpreter.codec import encode
from interpreter.store import journal
from interpreter.store.arrays import TextArray
from interpreter.store.queries import QUERIES
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.scheduler.controlled import (
    RAN,
    RELEASED,
    RUNNING,
    STOPPED,
    asks,
    asks_nothing,
    busy,
    forget,
    kinds,
    let_go,
    stubborn,
    suspended,
    two_steps,
)
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget()
    yield
    RELEASED.set()


def test_no_code_of_a_terminated_workflow_runs_any_more_and_its_holder_lets_it_go(
    scheduler: Scheduler, client: Client, database: str, id: str
) -> None:
    handle = scheduler.start(two_steps, id, id=id)
    assert RUNNING.acquire(timeout=20)
    assert client.terminate(id) == 1
    with pytest.raises(ExecutionTerminated, match=f"'{id}' was terminated"):
        handle.result(20)
    eventually(lambda: let_go(database, id))
    RELEASED.set()
    assert scheduler.run(asks_nothing) == "done"
    assert kinds(client, id) == ["started", "begun", "terminated"]
    assert (RAN[id, "second"], RAN[id, "cleanup"]) == (0, 0)


def test_an_attempt_that_runs_is_asked_to_stop(scheduler: Scheduler, client: Client, id: str) -> None:
    scheduler.start(stubborn, id, id=id)
    assert RUNNING.acquire(timeout=20)
    client.terminate(id)
    assert STOPPED.wait(20)


def test_one_that_is_suspended_ends_where_it_stood_and_its_signals_find_it_ended(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    handle = scheduler.start(asks, id, id=id)
    suspended(handle)
    assert handle.terminate() == 1
    assert handle.terminate() == 0
    for verbs in (scheduler, client):
        with pytest.raises(ExecutionTerminated):
            verbs.result(id, 20)


def terminate_silently(database: str, id: str) -> None:
    """As ``terminate`` does, but without the notification."""
    error = encode("silent", "a test")
    query = QUERIES["terminate"].replace(b"pg_notify('dataflows', id)", b"id")
    details = {"ids": TextArray([id]), "roots": TextArray([id]), "encoding": "json"}
    with opened(database) as connection:
        rows = connection.execute(query, {**details, "of_root": error.data, "of_child": error.data}).fetchall()
    assert [(row[0], row[1]) for row in rows] == [(id, True)]


def test_a_holder_that_was_told_nothing_finds_out_by_itself(scheduler: Scheduler, database: str, id: str) -> None:
    scheduler.start(two_steps, id, id=id)
    assert RUNNING.acquire(timeout=20)
    terminate_silently(database, id)
    eventually(lambda: let_go(database, id))


def test_a_holder_that_was_told_nothing_writes_nothing_more_and_those_beside_it_go_on(
    new_scheduler: Callable[..., Scheduler], told: Told, id: str
) -> None:
    with new_scheduler(on_event=told) as scheduler:
        handles = [scheduler.start(two_steps, f"{id}-{n}", id=f"{id}-{n}") for n in range(4)]
        for _ in handles:
            assert RUNNING.acquire(timeout=20)
        database = str(scheduler._named)
        terminate_silently(database, f"{id}-2")
        RELEASED.set()
        assert [handles[n].result(20) for n in (0, 1, 3)] == [["first", "second"]] * 3
        eventually(lambda: let_go(database, f"{id}-2"))
        assert kinds(scheduler, f"{id}-2") == ["started", "begun", "terminated"]
        assert (RAN[f"{id}-2", "second"], RAN[f"{id}-2", "cleanup"]) == (0, 0)
    assert "blocked" not in told.events


def test_a_commit_whose_connection_is_lost_as_it_is_terminated_holds_nobody_up(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    commit, lost = journal.commit, list[str]()

    def terminate_and_lose(connection: Any, number: int, batch: journal.Batch) -> journal.Committed:
        if not lost and any(line.row.kind == "step" for line in batch.lines):
            lost.append(id)
            terminate_silently(str(scheduler._named), id)
            connection.close()
            raise psycopg.OperationalError("the connection was cut")
        return commit(connection, number, batch)

    with new_scheduler() as scheduler:
        scheduler.start(two_steps, id, id=id)
        assert RUNNING.acquire(timeout=20)
        monkeypatch.setattr(journal, "commit", terminate_and_lose)
        RELEASED.set()
        eventually(lambda: let_go(str(scheduler._named), id))
        assert scheduler.run(asks_nothing) == "done"
        assert (lost, kinds(scheduler, id)) == ([id], ["started", "begun", "terminated"])


def test_whenever_it_is_terminated_it_ends_once_and_harms_no_other(
    new_scheduler: Callable[..., Scheduler], told: Told, id: str
) -> None:
    chance, ended = random.Random(7), set[str]()
    with new_scheduler(on_event=told) as scheduler, Client(scheduler._named) as client:
        ids = [f"{id}-{n}" for n in range(60)]
        for number, each in enumerate(ids):
            scheduler.start(busy, each, id=each)
            if number % 2 and client.terminate(one := ids[chance.randint(max(0, number - 4), number)]):
                ended.add(one)
        for each in ids:
            if each in ended:
                with pytest.raises(ExecutionTerminated):
                    scheduler.result(each, 20)
            else:
                assert scheduler.result(each, 20) == 12
        assert len(ended) > 5
        for each in ended:
            entries = client.history(each)
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
            assert [entry.kind for entry in entries].index("terminated") == len(entries) - 1
            eventually(lambda each=each: let_go(str(scheduler._named), each))
    assert max(RAN[each, str(number)] for each in ids for number in range(12)) == 1
    assert not {"blocked", "thread-failed", "lease-lost"} & set(told.events)


def test_its_id_is_free_when_it_is_deleted_and_nothing_of_it_is_remembered(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    for question in (f"{id} first", f"{id} second"):
        handle = scheduler.start(asks, question, id=id)
        suspended(handle)
        handle.terminate()
        assert client.delete(id) is True
    handle = scheduler.start(asks, f"{id} third", id=id)
    handle.signal("answer", 3)
    assert handle.result(20) == (f"{id} third", 3)
    assert RAN[f"{id} third", "ask"] == 1


def test_what_a_cached_workflow_knew_of_a_deleted_execution_is_not_taken_for_the_next_of_its_id(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    suspended(scheduler.start(asks, f"{id} first", id=id))
    client.terminate(id)
    client.delete(id)
    client.start(asks, f"{id} second", id=id)  # claimed, not held from the start
    client.signal(id, "answer", 2)
    assert client.result(id, 20) == (f"{id} second", 2)
