"""Executions that nobody here knows, and rows that a person has changed: they wait or block, and harm no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import Connection

from dataflows import Flow, sleep, step, wait, workflow
from dataflows.errors import ExecutionBlocked
from interpreter import Client, Handle, Scheduler, Status
from tests.acceptance.waiting import wait_for_status, wait_until

OpenScheduler = Callable[..., Scheduler]


def answer() -> int:
    return 42


@workflow("odd/known")
def known() -> Flow[int]:
    return (yield from step("answer", answer))


@workflow("odd/unknown")
def unknown() -> Flow[int]:
    return (yield from step("answer", answer))


@workflow("odd/known", version=2)
def known_later() -> Flow[int]:
    return 2 * (yield from step("answer", answer))


@workflow("odd/long")
def long() -> Flow[int]:
    first = yield from step("first", answer)
    second = yield from step("second", answer)
    yield from wait("go")
    third = yield from step("third", answer)
    return first + second + third


# Unknown ----------------------------------------------------------------------------------------


def test_a_thousand_executions_that_nobody_knows_stand_first_in_line_and_keep_nobody_waiting(
    client: Client, sql: Connection[Any], open_scheduler: OpenScheduler
) -> None:
    with sql.transaction():
        strange = [client.start(unknown, connection=sql) for _ in range(1_000)]
        later = client.start(known_later, version=2, connection=sql)
    handles = [client.start(known, version=1) for _ in range(10)]
    open_scheduler(workflows=[known])

    assert [handle.result("20s") for handle in handles] == [42] * 10
    assert later.status() is Status.PENDING
    assert {execution.status for execution in client.list(workflow="odd/unknown", limit=1_000)} == {Status.PENDING}
    open_scheduler(workflows=[unknown, known_later])
    assert [handle.result("60s") for handle in strange] == [42] * 1_000
    assert later.result("20s") == 84


# Changed by hand --------------------------------------------------------------------------------


def suspended(scheduler: Scheduler, executions: int) -> list[Handle[int]]:
    handles = [scheduler.start(long) for _ in range(executions)]
    for handle in handles:
        wait_for_status(handle, Status.SUSPENDED)
    return handles


DAMAGES = {
    "a row of the journal is deleted": "DELETE FROM dataflows.journal WHERE execution_id = %s AND seq = 3",
    "the first row is deleted": "DELETE FROM dataflows.journal WHERE execution_id = %s AND seq = 1",
    "the journal is deleted": "DELETE FROM dataflows.journal WHERE execution_id = %s",
    "a step has another name": "UPDATE dataflows.journal SET name = 'x' WHERE execution_id = %s AND seq = 3",
    "a payload is no payload": r"UPDATE dataflows.journal SET data = '\x00ff' WHERE execution_id = %s AND seq = 3",
    "a kind is no kind": "UPDATE dataflows.journal SET kind = 'x' WHERE execution_id = %s AND seq = 3",
    "a position is no position": "UPDATE dataflows.journal SET position = 'x' WHERE execution_id = %s AND seq = 3",
    "a time is no time": "UPDATE dataflows.journal SET at = 'infinity' WHERE execution_id = %s AND seq = 3",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_was_damaged_by_hand_is_blocked_alone(
    damage: Any, database: str, sql: Connection[Any], open_scheduler: OpenScheduler
) -> None:
    with Scheduler(database, lease="1s") as first:
        guilty, *others = suspended(first, 4)
    sql.execute(damage, [guilty.id])
    scheduler = open_scheduler()
    for handle in (guilty, *others):
        scheduler.signal(handle.id, "go")

    assert [scheduler.result(handle.id, "20s") for handle in others] == [126] * 3
    with pytest.raises(ExecutionBlocked):
        scheduler.result(guilty.id, "20s")
    assert scheduler.describe(guilty.id).problem
    sql.execute("DELETE FROM dataflows.journal WHERE execution_id = %s", [guilty.id])  # no law holds for it


def test_an_execution_that_a_person_takes_from_its_holder_is_left_alone_and_the_others_go_on(
    sql: Connection[Any], open_scheduler: OpenScheduler
) -> None:
    scheduler = open_scheduler()
    guilty = scheduler.start(resting, 0.8)
    wait_until(lambda: len(guilty.history()) == 3, "it rests, and is held, since it does not rest for long")
    sql.execute(
        "UPDATE dataflows.executions SET status = 'blocked', scheduler = NULL, problem = 'by hand' WHERE id = %s",
        [guilty.id],
    )
    engine = scheduler._engine
    assert engine is not None
    wait_until(lambda: not engine.holds(guilty.id), "it is held no longer")

    assert scheduler.run(known) == 42
    with pytest.raises(ExecutionBlocked, match="by hand"):
        guilty.result("20s")
    guilty.resume()
    assert guilty.result("20s") == 42


@workflow("odd/resting")
def resting(seconds: float) -> Flow[int]:
    yield from step("before", answer)
    yield from sleep("rest", seconds)
    return (yield from step("after", answer))
