"""Starting executions: under which id, when, which version, and in whose transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from dataflows import CannotStore, Flow, WrongArguments, step, wait, workflow
from dataflows.errors import IdInUse, NotFound, UnknownWorkflow
from interpreter import Client, Scheduler, Status
from interpreter.operations import starting
from tests.databases import opened
from tests.store.desk import one
from tests.waiting import eventually


@workflow("starting/echo")
def echo(value: Any) -> Flow[Any]:
    return (yield from step("echo", lambda: value))


@workflow("starting/other")
def other(value: Any) -> Flow[Any]:
    return (yield from step("echo", lambda: value))


@workflow("starting/versioned")
def versioned() -> Flow[str]:
    yield from wait("go")
    return "one"


@workflow("starting/versioned", version=2)
def versioned_2() -> Flow[str]:
    yield from wait("go")
    return "two"


@workflow("starting/keywords")
def keywords(a: int, *, b: int = 0) -> Flow[int]:
    return (yield from step("add", lambda: a + b))


def kinds(scheduler: Scheduler, id: str) -> list[str]:
    return [entry.kind for entry in scheduler.history(id)]


# Ids --------------------------------------------------------------------------------------------


def test_one_that_nobody_named_gets_an_id_of_its_own(scheduler: Scheduler) -> None:
    ids = [scheduler.start(echo, n).id for n in range(3)]
    assert len(set(ids)) == 3


def test_the_same_id_again_answers_the_same_execution_whatever_its_arguments(scheduler: Scheduler, id: str) -> None:
    assert scheduler.start(echo, 1, id=id).result() == 1
    assert scheduler.start(echo, 2, id=id).result() == 1
    assert kinds(scheduler, id) == ["started", "begun", "step", "completed"]


@pytest.mark.parametrize("door", ["scheduler", "client"])
def test_twelve_threads_that_start_one_id_at_once_start_one_execution(
    scheduler: Scheduler, client: Client, id: str, door: str
) -> None:
    verbs = scheduler if door == "scheduler" else client
    with ThreadPoolExecutor(12) as threads:
        handles = list(threads.map(lambda n: verbs.start(echo, n, id=id), range(12)))
    results = {handle.result() for handle in handles}
    assert len(results) == 1
    assert kinds(scheduler, id) == ["started", "begun", "step", "completed"]


def test_an_id_that_belongs_to_another_workflow_is_refused(scheduler: Scheduler, client: Client, id: str) -> None:
    scheduler.start(echo, 1, id=id)
    for verbs in (scheduler, client):
        with pytest.raises(IdInUse, match=f"{id}.*starting/echo"):
            verbs.start(other, 1, id=id)


@pytest.mark.parametrize("bad", ["", "x" * 201, "\0", "a\ud800"])
def test_an_id_that_the_database_could_not_hold_is_refused_by_name(scheduler: Scheduler, bad: str) -> None:
    with pytest.raises(ValueError, match="an execution's id"):
        scheduler.start(echo, 1, id=bad)


def test_an_id_may_be_as_long_and_as_strange_as_the_rules_allow(scheduler: Scheduler) -> None:
    id = "'; DROP TABLE executions; --" + "日本\n%_" * 34
    handle = scheduler.start(echo, 1, id=id)
    assert handle.result() == 1
    assert scheduler.describe(id).id == id


def test_an_argument_that_cannot_be_stored_starts_nothing(scheduler: Scheduler, id: str) -> None:
    with pytest.raises(CannotStore, match=r"the arguments of workflow 'starting/echo'.*_thread.lock"):
        scheduler.start(echo, threading.Lock(), id=id)
    with pytest.raises(NotFound):
        scheduler.status(id)


def test_it_can_be_started_by_name_and_with_keywords(scheduler: Scheduler, client: Client) -> None:
    assert scheduler.start_by_name("starting/keywords", (1,), {"b": 2}).result() == 3
    assert client.start_by_name("starting/echo", ("x",)).result() == "x"
    with pytest.raises(UnknownWorkflow, match="starting/nothing"):
        client.start_by_name("starting/nothing")
    with pytest.raises(TypeError, match="decorated with @workflow"):
        scheduler.start(len, "x")


def test_arguments_that_do_not_fit_start_nothing_and_it_is_told_where_they_are_given(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    place = f"{echo.source.rpartition(':')[0]}:[0-9]+: start.'starting/echo'.: "
    with pytest.raises(WrongArguments, match=f"{place}missing a required argument: 'value', for echo.value.,"):
        scheduler.start_by_name("starting/echo", id=id)
    with pytest.raises(WrongArguments, match=f"{place}too many positional arguments"):
        client.start(echo, 1, 2, id=id)  # type: ignore[call-arg]
    with pytest.raises(WrongArguments, match=f"{place}got an unexpected keyword argument"):
        client.start_by_name("starting/echo", ("x",), {"c": 2}, id=id)
    with pytest.raises(WrongArguments, match=f"{place}too many positional arguments"):
        client.start_with_signal(echo, 1, 2, id=id, signal="go")  # type: ignore[call-arg]
    with pytest.raises(NotFound):
        client.status(id)


def test_asyncio_code_is_told_as_well(database: str) -> None:
    async def start() -> None:
        async with Client(database) as client:
            await client.start(echo, 1, 2)  # type: ignore[call-arg]

    with pytest.raises(WrongArguments, match="test_starting.py:[0-9]+: start.'starting/echo'.: too many"):
        asyncio.run(start())


def test_arguments_that_only_its_schedulers_code_refuses_fail_the_execution_and_nothing_else(
    scheduler: Scheduler, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "check_call", lambda *_: None)  # as if there they were other functions
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        client.start_by_name("starting/echo").result()


# Later ------------------------------------------------------------------------------------------


def test_a_delayed_one_begins_no_sooner(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(echo, 1, id=id, delay=0.3)
    assert handle.status() == Status.PENDING
    assert handle.result() == 1
    started, begun, *_ = handle.history()
    assert (begun.at - started.at).total_seconds() >= 0.3


def test_one_that_is_cancelled_before_it_begins_ends_at_once_and_runs_no_step(scheduler: Scheduler, id: str) -> None:
    handle = scheduler.start(echo, 1, id=id, delay="1h")
    handle.cancel()
    eventually(lambda: handle.status() == Status.CANCELLED)
    assert "step" not in kinds(scheduler, id) and "stopped" not in kinds(scheduler, id)


# Tags -------------------------------------------------------------------------------------------


def test_tags_are_kept_and_found(scheduler: Scheduler, client: Client, id: str) -> None:
    tags = {"customer": f"Ünïcode {id}", "n": "1"}
    scheduler.start(echo, 1, id=id, tags=tags).result()
    client.start(echo, 1, id=f"{id}b", tags=tags).result()
    assert scheduler.describe(id).tags == tags
    assert {found.id for found in client.list(tags={"customer": tags["customer"]})} == {id, f"{id}b"}
    assert client.list(tags={"customer": "nobody"}) == []


@pytest.mark.parametrize("tags", [{"": "x"}, {"x": ""}, {"x": "\0"}, {"x" * 201: "x"}])
def test_a_tag_that_could_not_be_stored_is_refused_by_name(scheduler: Scheduler, tags: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="tag"):
        scheduler.start(echo, 1, tags=tags)


# Versions ---------------------------------------------------------------------------------------


def test_versions_run_side_by_side_and_each_keeps_its_own_code(scheduler: Scheduler, client: Client) -> None:
    handles = [
        scheduler.start(versioned),
        scheduler.start(versioned_2),
        scheduler.start(versioned, version=2),
        client.start(versioned_2, version=1),
        client.start_by_name("starting/versioned"),
        client.start_by_name("starting/versioned", version=1),
    ]
    assert [handle.describe().version for handle in handles] == [1, 2, 2, 1, 2, 1]
    for handle in handles:
        handle.signal("go")
    assert [handle.result() for handle in handles] == ["one", "two", "two", "one", "two", "one"]
    with pytest.raises(UnknownWorkflow, match="no version 3"):
        scheduler.start(versioned, version=3)


def test_a_scheduler_serves_only_the_workflows_that_it_was_given(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(workflows=[echo, versioned]) as scheduler:
        handles = [scheduler.start(flow, "x") for flow in (echo, other)]
        newer, older = scheduler.start(versioned_2), scheduler.start(versioned)
        assert handles[0].result() == "x"
        eventually(lambda: older.status() == Status.SUSPENDED)
        assert handles[1].status() == newer.status() == Status.PENDING
        with new_scheduler(workflows=[other, versioned_2]):
            assert handles[1].result() == "x"
            eventually(lambda: newer.status() == Status.SUSPENDED)


# In the caller's transaction --------------------------------------------------------------------


@pytest.mark.parametrize("door", ["scheduler", "client"])
def test_a_start_commits_and_rolls_back_with_the_callers_transaction(
    database: str, scheduler: Scheduler, client: Client, id: str, door: str
) -> None:
    verbs = scheduler if door == "scheduler" else client
    with psycopg.connect(database) as connection:  # not one of ours: no autocommit, no settings
        kept = verbs.start(echo, "kept", id=id, connection=connection)
        connection.execute("CREATE TABLE IF NOT EXISTS callers_own (id text)")
        connection.execute("INSERT INTO callers_own VALUES (%s)", [id])
        with pytest.raises(NotFound):
            scheduler.status(id)
        connection.commit()
        assert kept.result() == "kept"
        verbs.start(echo, "gone", id=f"{id}-gone", connection=connection)
        connection.rollback()
    with pytest.raises(NotFound):
        scheduler.status(f"{id}-gone")
    with opened(database) as connection:
        assert one(connection, "SELECT count(*) FROM callers_own WHERE id = %s", id) == 1
        assert one(connection, "SELECT count(*) FROM dataflows.journal WHERE execution_id = %s", f"{id}-gone") == 0


def test_an_async_start_commits_and_rolls_back_with_the_callers_transaction(database: str, id: str) -> None:
    async def main() -> None:
        async with Scheduler(database) as scheduler, await AsyncConnection.connect(database) as connection:
            kept = await scheduler.start(echo, "kept", id=id, connection=connection)
            await connection.commit()
            assert await kept.result() == "kept"
            await scheduler.start(echo, "gone", id=f"{id}-gone", connection=connection)
            await connection.rollback()
            with pytest.raises(NotFound):
                await scheduler.status(f"{id}-gone")

    asyncio.run(main())


def test_the_id_of_a_rolled_back_start_is_free(database: str, scheduler: Scheduler, id: str) -> None:
    with psycopg.connect(database) as connection:
        scheduler.start(echo, "first", id=id, connection=connection)
        connection.rollback()
    assert scheduler.start(echo, "second", id=id).result() == "second"


def test_who_gives_up_waiting_for_a_start_harms_nobody_else(new_scheduler: Callable[..., Scheduler]) -> None:
    async def give_up(verbs: Any) -> None:
        task = asyncio.ensure_future(verbs.start(echo, 1))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def main() -> Any:
        async with new_scheduler() as verbs:
            for _ in range(10):
                await give_up(verbs)
            return await verbs.run(echo, "the next")

    assert asyncio.run(asyncio.wait_for(main(), 20)) == "the next"
