"""Cancels and retries of many executions by one statement: for each it is as if it were done to it alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from interpreter import Client, operations
from interpreter.machine import Status
from interpreter.operations.messages import cancel_many
from interpreter.operations.retrying import retry_many
from interpreter.requests import Query
from interpreter.store.records import Line, Move
from interpreter.store.rows import Row
from interpreter.verbs import verb
from tests.store.desk import LONG_AGO, Desk, one, sent, started

_numbers = count(1)
_ERROR = {"ok": False, "encoding": "json", "data": b"1"}


class Many(Client):
    """A client that has the verbs for several ids."""

    cancel_many = verb(cancel_many)
    retry_many = verb(retry_many)


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    with Desk(database) as desk:
        yield desk


@pytest.fixture
def client(database: str) -> Iterator[Many]:
    with Many(database) as client:
        yield client


@pytest.fixture
def ids(desk: Desk) -> list[str]:
    """Executions that the desk holds."""
    prefix = f"many {next(_numbers)}"
    ids = [f"{prefix}-{number}" for number in range(5)]
    desk.start_held(*ids)
    return ids


def fail_at(desk: Desk, id: str, step: int, status: Status = Status.FAILED) -> None:
    """So many steps are well, the next is not."""
    done = [Row("step", str(number), "n", None, True, "json", b"1") for number in range(step)]
    rows = [*done, Row("step", str(step), "n", **_ERROR), Row("failed", **_ERROR)]
    if status is Status.BLOCKED:
        rows = done
    lines = [Line(id, 1, seq, LONG_AGO, row) for seq, row in enumerate(rows, 3)]
    desk.commit(*lines, moves=(Move(id, status),))


def steps(client: Many, id: str) -> list[str | None]:
    return [entry.position for entry in client.history(id) if entry.kind == "step"]


def unread(desk: Desk, id: str) -> list[Any]:
    query = "SELECT id FROM dataflows.inbox WHERE execution_id = %s AND seq IS NULL ORDER BY number"
    return [name for (name,) in desk.connection.execute(query, [id])]


def test_each_is_retried_from_its_own_place_with_its_own_messages_and_children(
    desk: Desk, client: Many, ids: list[str]
) -> None:
    for number, id in enumerate(ids[:3]):
        sent(desk.connection, id, f"message {number}")
        fail_at(desk, id, number)
    fail_at(desk, ids[3], 2, Status.BLOCKED)
    child = started(desk.connection, f"{ids[1]}/child")
    desk.connection.execute(
        "UPDATE dataflows.executions SET parent = %s, parent_generation = 1, parent_position = '9' WHERE id = %s",
        [ids[2], child],
    )
    assert sorted(client.retry_many([*ids, "nobody"])) == ids[:4]
    assert [steps(client, id) for id in ids[:4]] == [[], ["0"], ["0", "1"], ["0", "1"]]
    assert [client.describe(id).generation for id in ids] == [2, 2, 2, 2, 1]
    assert [unread(desk, id) for id in ids[:3]] == [["message 0"], ["message 1"], ["message 2"]]
    assert one(desk.connection, "SELECT parent_generation FROM dataflows.executions WHERE id = %s", child) == 1


def test_whoever_retries_the_same_at_once_opens_one_generation_of_each(
    desk: Desk, client: Many, ids: list[str]
) -> None:
    for id in ids:
        fail_at(desk, id, 1)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(client.retry_many, [ids, ids[::-1]] * 3))
    assert sorted(id for answer in answers for id in answer) == ids
    assert [client.describe(id).generation for id in ids] == [2] * 5


def test_each_that_lives_is_asked_to_cancel_once(desk: Desk, client: Many, ids: list[str]) -> None:
    pending, asked, ended, suspended = started(desk.connection, f"{ids[0]} pending"), ids[1], ids[2], ids[3]
    client.cancel(asked)
    fail_at(desk, ended, 0)
    desk.suspend(suspended)
    sent(desk.connection, ids[4], "a signal before")
    changed = client.cancel_many([pending, *ids, "nobody"])
    assert sorted(changed) == sorted([pending, ids[0], suspended, ids[4]])
    assert client.cancel_many(changed) == []
    assert unread(desk, ids[4]) == ["a signal before", "cancel:cancel"]
    due = "SELECT id FROM dataflows.executions WHERE id = ANY (%s) AND due_at <= clock_timestamp() ORDER BY id"
    assert [id for (id,) in desk.connection.execute(due, [[*ids, pending]])] == sorted([pending, suspended])
    assert one(desk.connection, "SELECT inbox_seq FROM dataflows.executions WHERE id = %s", ids[4]) == 2


def test_whoever_cancels_the_same_at_once_asks_each_once(desk: Desk, client: Many, ids: list[str]) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(client.cancel_many, [ids, ids[::-1]] * 3))
    assert sorted(id for answer in answers for id in answer) == ids
    assert [unread(desk, id) for id in ids] == [["cancel:cancel"]] * 5


@pytest.mark.parametrize(("bulk", "queries"), [("cancel", 4), ("retry", 7), ("pause", 4)])
def test_a_page_takes_as_many_queries_however_many_are_on_it(bulk: Any, queries: int) -> None:
    details = ("w", 1, "failed", LONG_AGO, None, None, {}, None, False, 1, None, None)
    page = [(f"e{number}", *details) for number in range(150)]
    asked: list[Query] = []
    operation = operations.in_bulk(bulk)
    answer: Any = None
    while (query := _next(operation, answer)) is not None:
        asked.append(query)
        answer = _ANSWERS.get(query.name, lambda query: [])(query)
        if query.name == "find_many" and query.parameters["after_id"] is None:
            answer = page
    assert len(asked) == queries


_ANSWERS = {
    "what_time_is_it": lambda query: [(LONG_AGO,)],
    "find_cut": lambda query: [("e1", "failed", 1, None, 3)],
}


def _next(operation: Any, answer: Any) -> Query | None:
    try:
        request: Query = operation.send(answer)
    except StopIteration:
        return None
    return request
