"""Opening and closing: what runs is given time, the rest is handed back, and nothing is left behind."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from traceback import walk_stack
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from dataflows import Flow, step, wait, workflow
from dataflows.errors import DatabaseUnavailable, SchedulerStopped
from interpreter import Client, Scheduler, Status
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.store.desk import one
from tests.waiting import eventually

ACTS: dict[str, Callable[[], Any]] = {}


def act(name: str) -> Any:
    return ACTS[name]()


async def act_async(name: str) -> Any:
    return await ACTS[name]()


@workflow("closing/one")
def one_step(name: str, is_async: bool = False) -> Flow[Any]:
    return (yield from step("act", act_async if is_async else act, name))


@workflow("closing/two")
def two_steps(name: str) -> Flow[Any]:
    yield from step("act", act, name)
    return (yield from step("after", lambda: "after"))


@workflow("closing/asleep")
def asleep() -> Flow[Any]:
    return (yield from wait("never"))


def kinds(verbs: Any, id: str) -> list[str]:
    return [entry.kind for entry in verbs.history(id)]


@pytest.fixture
def threads() -> Iterator[Callable[[], set[str]]]:
    """The names of our threads that have come since the test began."""
    before = set(threading.enumerate())
    yield lambda: {thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()}


# What runs --------------------------------------------------------------------------------------


def test_a_step_that_runs_is_waited_for_and_what_it_came_to_is_kept(
    new_scheduler: Callable[..., Scheduler], id: str, calls: list[Any]
) -> None:
    running, released = threading.Event(), threading.Event()

    def slow() -> str:
        calls.append("ran")
        running.set()
        released.wait(20)
        return "kept"

    ACTS[id] = slow
    with new_scheduler(grace=20) as first:
        handle = first.start(two_steps, id)
        assert running.wait(20)
        threading.Timer(0.2, released.set).start()
    with Client(first._named) as client:
        assert kinds(client, handle.id) == ["started", "begun", "step"], "the step, and nothing new"
        assert client.status(handle.id) == Status.SUSPENDED
    with new_scheduler() as second:
        assert second.result(handle.id) == "after"
    assert calls == ["ran"]


def test_what_ends_while_it_closes_and_makes_room_ends_as_ever(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]], id: str, told: Told
) -> None:
    running, released = threading.Event(), threading.Event()
    ACTS[id] = lambda: (running.set(), released.wait(20))
    with ThreadPoolExecutor(1) as pool, new_scheduler(grace=20, holding=1, on_event=told) as scheduler:
        scheduler.start(one_step, id)
        scheduler.start(asleep)  # for which there is no room
        assert running.wait(20)
        eventually(lambda: scheduler._host._claimer._left_some)
        closing = pool.submit(scheduler._close)
        eventually(lambda: "dataflows claimer" not in threads() and scheduler._host._driver.is_idle)
        released.set()  # nobody else drives or writes: the step's own thread goes on to the end
        closing.result(20)
    assert "execution-ended" in told.events
    assert "thread-failed" not in told.events


@pytest.mark.parametrize("is_async", [False, True])
def test_a_step_that_outlives_the_grace_is_handed_back_and_is_no_failure(
    new_scheduler: Callable[..., Scheduler], id: str, calls: list[Any], is_async: bool
) -> None:
    running, released = threading.Event(), threading.Event()

    def slow() -> str:
        calls.append("ran")
        running.set()
        released.wait(20)
        return "late"

    async def slow_async() -> str:
        calls.append("ran")
        running.set()
        while not released.is_set():
            await asyncio.sleep(0.01)
        return "late"

    ACTS[id] = slow_async if is_async else slow
    with new_scheduler(grace=0.1) as first:
        handle = first.start(one_step, id, is_async)
        assert running.wait(20)
    with Client(first._named) as client:
        assert kinds(client, handle.id) == ["started", "begun"]
        assert client.status(handle.id) == Status.SUSPENDED
    released.set()
    with new_scheduler() as second:
        assert second.result(handle.id) == "late"
        assert kinds(second, handle.id) == ["started", "begun", "step", "completed"]
    assert calls == ["ran", "ran"]


def test_what_is_handed_back_goes_on_elsewhere_at_once_and_does_not_count_as_a_death(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    released = threading.Event()
    ACTS[id] = lambda: released.wait(20)
    with new_scheduler(lease=60) as survivor:
        with new_scheduler(grace=0, holding=10, lease=60) as closing:
            handles = [closing.start(one_step, id) for _ in range(5)]
            eventually(lambda: {handle.status() for handle in handles} == {Status.RUNNING})
        released.set()
        assert [survivor.result(handle.id) for handle in handles] == [True] * 5
        with opened(str(survivor._named)) as connection:
            assert one(connection, "SELECT max(deaths) FROM dataflows.executions") == 0


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_step_that_asks_the_process_to_exit_stops_the_scheduler_and_runs_again_elsewhere(
    new_scheduler: Callable[..., Scheduler], id: str, calls: list[Any], error: BaseException, is_async: bool
) -> None:
    def exit_once() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise error
        return "elsewhere"

    async def exit_once_async() -> str:
        return exit_once()

    ACTS[id] = exit_once_async if is_async else exit_once
    with new_scheduler(grace="1h") as first:  # which is not waited for: the step has ended
        handle = first.start(one_step, id, is_async)
        with pytest.raises(SchedulerStopped, match="a step asked the process to exit"):
            handle.result()
        first.wait(threading.Event())
    with new_scheduler() as second:
        assert second.result(handle.id) == "elsewhere"
        assert kinds(second, handle.id) == ["started", "begun", "step", "completed"]


def test_a_scheduler_that_waits_can_be_told_to_stop(scheduler: Scheduler) -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    scheduler.wait(stop)
    assert stop.is_set()


# What is left -----------------------------------------------------------------------------------


def test_a_closed_scheduler_leaves_no_thread_no_connection_and_no_lease(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]], id: str
) -> None:
    async def nothing() -> None:
        await asyncio.sleep(0)

    ACTS[id], ACTS[f"{id}a"] = lambda: None, nothing
    with new_scheduler() as scheduler:
        scheduler.run(one_step, id)
        scheduler.run(one_step, f"{id}a", True)
        scheduler.start(asleep)
    eventually(lambda: not threads())
    with opened(str(scheduler._named)) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        eventually(lambda: one(connection, others) == 0)
        assert one(connection, "SELECT count(*) FROM dataflows.schedulers") == 0
        assert one(connection, "SELECT count(*) FROM dataflows.executions WHERE scheduler IS NOT NULL") == 0


def test_who_interrupts_the_waiting_for_its_steps_closes_it_all_the_same(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]], id: str
) -> None:
    running, released = threading.Event(), threading.Event()
    ACTS[id] = lambda: (running.set(), released.wait(60))
    scheduler = new_scheduler(grace=60).__enter__()
    scheduler.start(one_step, id)
    assert running.wait(20)
    interrupt = threading.Thread(target=interrupt_the_main_thread_in, args=["_wait_for_steps"])
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        scheduler.__exit__()
    interrupt.join()
    assert threads() <= {"dataflows step"}, "which is left to itself"
    released.set()
    with opened(str(scheduler._named)) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.schedulers") == 0
        assert one(connection, "SELECT status FROM dataflows.executions") == "suspended"


@pytest.mark.parametrize("runs", [False, True])
def test_who_is_cancelled_while_it_opens_or_closes_leaves_nothing_behind(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]], id: str, runs: bool
) -> None:
    running, released = threading.Event(), threading.Event()
    ACTS[id] = lambda: (running.set(), released.wait(20))
    scheduler = new_scheduler(grace=20)

    async def use() -> None:
        async with scheduler as verbs:
            await verbs.start(one_step, id)
            await asyncio.to_thread(running.wait, 20)

    async def cancel() -> None:
        task = asyncio.ensure_future(use())
        await asyncio.sleep(0)
        if runs:
            await asyncio.to_thread(eventually, lambda: running.is_set() and "dataflows claimer" not in threads())
        task.cancel()
        threading.Timer(0.1, released.set).start()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not {name for name in threads() if name.startswith("dataflows") and name != "dataflows step"}

    asyncio.run(cancel())
    with opened(str(scheduler._named)) as connection:
        assert one(connection, "SELECT count(*) FROM dataflows.schedulers") == 0


def interrupt_the_main_thread_in(function: str) -> None:
    main = threading.main_thread().ident
    assert main is not None
    eventually(lambda: function in [frame.f_code.co_name for frame, _ in walk_stack(sys._current_frames()[main])])
    signal.pthread_kill(main, signal.SIGINT)  # so that whatever it waits in is interrupted, too


def test_locks_that_somebody_keeps_do_not_keep_a_scheduler_from_closing(
    scheduler_of_its_own: Callable[..., Scheduler],
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = ANY (%s) AND wait_event_type = 'Lock'"
    threads = ["dataflows heartbeat", "dataflows claimer", "dataflows purger", "dataflows sweeper"]
    scheduler = scheduler_of_its_own(lease=1, retention=0)
    database = str(scheduler._named)
    with ThreadPoolExecutor(1) as pool, scheduler, opened(database) as look, opened(database) as keeper:
        keeper.execute("BEGIN; LOCK TABLE dataflows.schedulers, dataflows.executions, dataflows.journal")
        scheduler._host.hint()
        scheduler._host._sweeper.sweep("anything", 9)
        eventually(lambda: one(look, waiting, threads) == len(threads))
        pool.submit(scheduler._close).result(20)


def test_a_closed_scheduler_can_be_opened_again(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    ACTS[id] = lambda: "again"
    scheduler = new_scheduler()
    for _ in range(2):
        with scheduler:
            assert scheduler.run(one_step, id) == "again"


def test_who_enters_an_open_scheduler_once_more_is_told_and_it_works_on(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]], id: str
) -> None:
    ACTS[id] = lambda: "works on"
    scheduler = new_scheduler()

    async def enter() -> None:
        async with scheduler:
            raise AssertionError("it was entered")

    async def enter_twice() -> None:
        async with scheduler as verbs:
            with pytest.raises(RuntimeError, match="open already"):
                await enter()
            with pytest.raises(RuntimeError, match="open already"):
                scheduler.__enter__()
            assert await verbs.run(one_step, id) == "works on"

    with scheduler:
        with pytest.raises(RuntimeError, match="open already"), scheduler:
            raise AssertionError("it was entered")
        with pytest.raises(RuntimeError, match="open already"):
            asyncio.run(enter())
        assert scheduler.run(one_step, id) == "works on"
    asyncio.run(enter_twice())
    eventually(lambda: not threads())


def test_a_scheduler_that_could_not_be_opened_may_be_tried_again() -> None:
    scheduler = Scheduler("postgresql://nobody@127.0.0.1:1/none")

    async def enter() -> None:
        async with scheduler:
            raise AssertionError("it was opened")

    for _ in range(2):
        with pytest.raises(DatabaseUnavailable), scheduler:
            raise AssertionError("it was opened")
        with pytest.raises(DatabaseUnavailable):
            asyncio.run(enter())


def test_an_error_in_the_with_block_comes_through_and_closes(
    new_scheduler: Callable[..., Scheduler], threads: Callable[[], set[str]]
) -> None:
    with pytest.raises(ZeroDivisionError), new_scheduler():
        raise ZeroDivisionError
    eventually(lambda: not threads())


# Used at the wrong time -------------------------------------------------------------------------

VERBS: list[tuple[str, tuple[Any, ...]]] = [
    ("start", (asleep,)),
    ("run", (asleep,)),
    ("status", ("x",)),
    ("result", ("x",)),
    ("signal", ("x", "y")),
    ("cancel", ("x",)),
    ("history", ("x",)),
    ("list", ()),
    ("resume", ("x",)),
]


@pytest.mark.parametrize(("verb", "arguments"), VERBS)
@pytest.mark.parametrize("kind", [Scheduler, Client])
def test_a_verb_before_and_after_it_is_open_says_so(
    database: str, kind: type[Any], verb: str, arguments: tuple[Any, ...]
) -> None:
    never_opened = kind(database)
    with pytest.raises(SchedulerStopped, match="is not open: use it inside `with"):
        getattr(never_opened, verb)(*arguments)


@pytest.mark.parametrize("kind", [Scheduler, Client])
def test_what_was_got_from_a_closed_one_says_that_it_is_closed(database: str, kind: type[Any]) -> None:
    with kind(database) as verbs:
        handle = verbs.start(asleep)
    for verb, arguments in VERBS:
        with pytest.raises(SchedulerStopped, match="closed|not open"):
            getattr(verbs, verb)(*arguments)
    for verb, arguments in (("status", ()), ("result", ()), ("signal", ("x",)), ("cancel", ()), ("history", ())):
        with pytest.raises(SchedulerStopped, match="closed"):
            getattr(handle, verb)(*arguments)


@pytest.mark.parametrize("kind", [Scheduler, Client])
def test_the_asynchronous_ones_say_so_too(database: str, kind: type[Any]) -> None:
    async def main() -> None:
        async with kind(database) as verbs:
            handle = await verbs.start(asleep)
        for verb, arguments in VERBS:
            with pytest.raises(SchedulerStopped, match="closed"):
                await getattr(verbs, verb)(*arguments)
        with pytest.raises(SchedulerStopped, match="closed"):
            await handle.status()

    asyncio.run(main())


def test_who_waits_for_a_result_while_it_closes_is_told(new_scheduler: Callable[..., Scheduler]) -> None:
    with ThreadPoolExecutor(2) as pool:
        with new_scheduler() as scheduler:
            handle = scheduler.start(asleep)
            waiting = [pool.submit(handle.result), pool.submit(scheduler.result, handle.id)]
            eventually(lambda: handle.status() == Status.SUSPENDED)
        for future in waiting:
            with pytest.raises(SchedulerStopped):
                future.result(20)


def test_who_starts_while_it_closes_has_started_or_is_told(new_scheduler: Callable[..., Scheduler]) -> None:
    started: list[str] = []

    def start_until_told(number: int) -> int:
        while True:
            try:
                started.append(scheduler.start(asleep).id)
            except SchedulerStopped:
                return number

    with ThreadPoolExecutor(4) as pool:
        with new_scheduler() as scheduler:
            futures = [pool.submit(start_until_told, number) for number in range(4)]
            eventually(lambda: len(started) > 20)
        assert [future.result(20) for future in futures] == [0, 1, 2, 3]
    with opened(str(scheduler._named)) as connection:
        rows = connection.execute("SELECT id FROM dataflows.executions").fetchall()
    assert {id for (id,) in rows} >= set(started)


# Databases that are not there -------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scheduler, Client])
def test_a_database_that_does_not_answer_is_told_when_it_is_opened_and_leaves_nothing(
    kind: type[Any], threads: Callable[[], set[str]]
) -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot connect"), kind("postgresql://nobody@127.0.0.1:1/none"):
        raise AssertionError("it was opened")

    async def main() -> None:
        async with kind("postgresql://nobody@127.0.0.1:1/none"):
            raise AssertionError("it was opened")

    with pytest.raises(DatabaseUnavailable, match="cannot connect"):
        asyncio.run(main())
    eventually(lambda: not threads())


@pytest.mark.parametrize("connections", [1, 2])
def test_a_database_without_enough_connections_is_told_and_leaves_nothing(
    new_database: Callable[[], str], threads: Callable[[], set[str]], connections: int
) -> None:
    database, role = new_database(), f"limited_{connections}"
    with opened(database) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {connections}".encode())
        connection.execute(f"GRANT ALL ON SCHEMA dataflows TO {role}".encode())
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA dataflows TO {role}".encode())
        connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA dataflows TO {role}".encode())
        with pytest.raises(DatabaseUnavailable, match="too many connections"):
            with Scheduler(make_conninfo(database, user=role)):
                raise AssertionError("it was opened")
    eventually(lambda: not threads())
