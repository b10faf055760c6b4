"""Steps and executions that wait for their turn at limits, over all the schedulers of a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from dataflows import ExecutionCancelled, ExecutionTerminated, Limit
from dataflows.errors import ExecutionBlocked
from interpreter import Client, Scheduler, Status
from interpreter.scheduler import limit_keeper
from tests.databases import Server, opened
from tests.scheduler import limited as flows
from tests.scheduler.limited import BEGUN, MOST, RELEASED, SERVICE
from tests.store.desk import one
from tests.waiting import eventually
from tests.windows import most_within

ONE = {SERVICE: Limit(at_once=1)}


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    flows.forget()
    yield
    RELEASED.set()


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """One of the test's own: what waits is counted."""
    database = server.lend()
    yield database
    server.take_back(database)


@pytest.fixture
def schedulers(database: str) -> Iterator[Callable[..., Scheduler]]:
    """Opens schedulers; they are closed with the test."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(Scheduler(database, **{"grace": 1, "limits": ONE, **settings}))


def waiting(database: str) -> int:
    with opened(database) as connection:
        return int(one(connection, "SELECT count(*) FROM dataflows.tickets WHERE granted_at IS NULL AND NOT is_parked"))


def asleep(database: str) -> int:
    with opened(database) as connection:
        return int(one(connection, "SELECT count(*) FROM dataflows.executions WHERE status = 'suspended'"))


def tickets(database: str) -> int:
    with opened(database) as connection:
        return int(one(connection, "SELECT count(*) FROM dataflows.tickets"))


def results(handles: list[Any]) -> list[Any]:
    return [handle.result(timeout=30) for handle in handles]


# Steps ------------------------------------------------------------------------------------------


def test_over_two_schedulers_no_more_run_at_once_than_may(schedulers: Callable[..., Scheduler], database: str) -> None:
    limits = {SERVICE: Limit(at_once=3)}
    both = [schedulers(limits=limits), schedulers(limits=limits)]
    first = [both[number % 2].start(flows.held, number) for number in range(3)]
    eventually(lambda: len(BEGUN) == 3)  # so many may
    handles = [both[number % 2].start(flows.limited, number) for number in range(3, 40)]
    eventually(lambda: waiting(database) == 37)
    RELEASED.set()
    assert results([*first, *handles]) == list(range(40))
    assert MOST[""] <= 3
    assert sorted(BEGUN) == list(range(40))
    eventually(lambda: tickets(database) == 0)


def test_in_no_time_of_that_length_more_begin_than_may(schedulers: Callable[..., Scheduler], database: str) -> None:
    flows.watch_turns(database)
    limits = {SERVICE: Limit(5, per=0.3)}
    both = [schedulers(limits=limits), schedulers(limits=limits)]
    results([both[number % 2].start(flows.limited, number) for number in range(22)])
    times = flows.turns_taken(database)
    assert len(times) == 22
    assert most_within(times, 0.3) == 5


def test_turns_are_had_in_the_order_in_which_they_were_asked_for(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    first = schedulers()
    handles = [first.start(flows.held, "first")]
    eventually(lambda: BEGUN == ["first"])
    for number in range(10):
        handles.append(first.start(flows.limited, number))
        eventually(lambda number=number: waiting(database) == number + 1)  # type: ignore[misc]
    schedulers()
    RELEASED.set()
    results(handles)
    assert ["first", *range(10)] == BEGUN


def test_who_waits_is_suspended_and_no_thread_waits_with_it(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    scheduler = schedulers()
    handles = [scheduler.start(flows.held, "first")]
    eventually(lambda: BEGUN == ["first"])
    results_of_one = threading.active_count()
    handles += [scheduler.start(flows.limited, number) for number in range(50)]
    eventually(lambda: waiting(database) == 50 and asleep(database) == 50)
    assert threading.active_count() <= results_of_one + 4  # those for errands at the most
    assert all(scheduler.describe(handle.id).due_at is None for handle in handles[1:])
    RELEASED.set()
    assert results(handles) == ["first", *range(50)]


def test_one_that_is_held_meanwhile_has_its_turn_too(schedulers: Callable[..., Scheduler], database: str) -> None:
    """Another scheduler grants it, and the holder hears of it."""
    with ExitStack() as away:
        other = away.enter_context(Scheduler(database, grace=1, limits=ONE, workflows=[flows.limited]))
        busy = [other.start(flows.limited, number) for number in range(12)]
        scheduler = schedulers()
        handle = scheduler.start(flows.beside, "beside")
        eventually(lambda: "beside" in BEGUN)
        assert handle.status() is Status.RUNNING
        RELEASED.set()
        assert handle.result(timeout=20) == ("beside holds", "beside")
        results(busy)


def test_what_a_service_tells_one_to_wait_holds_for_all_of_that_limit_and_who_was_told_goes_first(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    flows.watch_turns(database)
    limits = {SERVICE: Limit(1000, per="1s", at_once=1)}
    both = [schedulers(limits=limits), schedulers(limits=limits)]
    handles = [both[0].start(flows.told_to_wait, 0, 0.6)]
    eventually(lambda: BEGUN == [0])
    handles += [both[number % 2].start(flows.told_to_wait, number, 0.6) for number in range(1, 6)]
    assert results(handles) == list(range(6))
    assert BEGUN[:2] == [0, 0] and sorted(BEGUN[2:]) == list(range(1, 6))
    [told] = [entry.moment for entry in both[0].history(handles[0].id) if entry.kind == "attempt"]
    assert told is not None and flows.turns_taken(database)[1] >= told


def test_a_step_that_is_to_run_once_waits_before_it_is_begun(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    scheduler = schedulers()
    first = scheduler.start(flows.held, "first")
    eventually(lambda: BEGUN == ["first"])
    once = scheduler.start(flows.once_limited, "once")
    eventually(lambda: waiting(database) == 1)
    assert [entry.kind for entry in scheduler.history(once.id)] == ["started", "begun"]
    RELEASED.set()
    assert results([first, once]) == ["first", "once"]
    eventually(lambda: tickets(database) == 0)


def test_what_is_deferred_waits_for_its_turn_too(schedulers: Callable[..., Scheduler], database: str) -> None:
    handle = schedulers().start(flows.with_cleanup, "a")
    with pytest.raises(ValueError, match="a"):
        handle.result(timeout=20)
    assert BEGUN == ["a", "a undone"]
    eventually(lambda: tickets(database) == 0)


def test_a_limit_that_the_scheduler_was_not_given_blocks_with_what_it_has(schedulers: Callable[..., Scheduler]) -> None:
    handle = schedulers().start(flows.unheard_of, "a")
    with pytest.raises(ExecutionBlocked, match="limit='unheard of' names a limit .* it has: 'service'"):
        handle.result(timeout=20)


def test_a_scheduler_without_limits_has_no_thread_for_them(database: str) -> None:
    before = set(threading.enumerate())
    with Scheduler(database, limits={}, workflows=[flows.beside]):
        started = {thread.name for thread in set(threading.enumerate()) - before}
    assert "dataflows claimer" in started
    assert "dataflows limits" not in started


def test_the_limit_of_whoever_started_last_counts(schedulers: Callable[..., Scheduler], database: str) -> None:
    with Scheduler(database, grace=0.1, limits=ONE) as first:
        handles = [first.start(flows.held, number) for number in range(3)]
        eventually(lambda: BEGUN == [0] and waiting(database) == 2)
    schedulers(limits={SERVICE: Limit(at_once=3)})
    eventually(lambda: sorted(BEGUN) == [0, 0, 1, 2])
    RELEASED.set()
    with Client(database) as client:
        assert [client.handle(handle.id).result(timeout=20) for handle in handles] == [0, 1, 2]


# When something goes wrong ----------------------------------------------------------------------


def test_a_connection_that_is_lost_again_and_again_loses_no_turn(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    scheduler = schedulers(limits={SERVICE: Limit(at_once=2)}, on_event=lambda *_: None)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'dataflows limits'"
    handles = []
    with opened(database) as connection:
        for number in range(30):
            handles.append(scheduler.start(flows.limited, number))
            if number % 5 == 0:
                connection.execute(f"{cut} AND datname = current_database()".encode())
    assert results(handles) == list(range(30))
    assert MOST[""] <= 2
    eventually(lambda: tickets(database) == 0)


def test_a_turn_of_which_nobody_was_told_is_found_by_looking(
    schedulers: Callable[..., Scheduler], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limit_keeper, "_LOOK_AFTER", 0.1)
    scheduler = schedulers()
    first = scheduler.start(flows.held, "first")
    eventually(lambda: BEGUN == ["first"])
    second = scheduler.start(flows.beside, "second")
    eventually(lambda: waiting(database) == 1)
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.tickets SET granted_at = now() WHERE granted_at IS NULL")
    eventually(lambda: "second" in BEGUN)
    RELEASED.set()
    assert results([first, second]) == ["first", ("second holds", "second")]


def test_a_scheduler_closes_though_somebody_keeps_the_lock_of_a_limit(database: str) -> None:
    with Scheduler(database, grace=0.1, limits=ONE, on_event=lambda *_: None) as scheduler:
        assert scheduler.run(flows.limited, 1) == 1
        with opened(database) as connection, connection.transaction():
            connection.execute("SELECT FROM dataflows.limits FOR UPDATE")
            scheduler.start(flows.limited, 2, id="waits")
            eventually(lambda: blocked_by_a_lock(database))
            scheduler._close()
    assert BEGUN == [1]


def blocked_by_a_lock(database: str) -> bool:
    with opened(database) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dataflows limits'"
        return bool(one(connection, f"{query} AND wait_event_type = 'Lock' AND datname = current_database()"))


def test_what_is_counted_by_something_that_cannot_be_told_is_blocked_with_the_reason(
    schedulers: Callable[..., Scheduler],
) -> None:
    handle = schedulers(limits={}).start(flows.by_what_is_not_there, {})
    with pytest.raises(
        ExecutionBlocked, match="at_once_by= of workflow 'limits/by what is not there' .*KeyError: 'project'"
    ):
        handle.result(timeout=20)


# What people do to one that waits ---------------------------------------------------------------


@pytest.fixture
def scheduler(schedulers: Callable[..., Scheduler]) -> Iterator[Scheduler]:
    """One whose only turn somebody has who is not done."""
    scheduler = schedulers()
    first = scheduler.start(flows.held, "first")
    eventually(lambda: BEGUN == ["first"])
    yield scheduler
    RELEASED.set()
    assert first.result(timeout=20) == "first"


def queue(scheduler: Scheduler, database: str, *ids: str) -> list[Any]:
    handles = []
    for id in ids:
        before = waiting(database)
        handles.append(scheduler.start(flows.limited, id, id=id))
        eventually(lambda before=before: waiting(database) == before + 1)  # type: ignore[misc]
    return handles


def test_one_that_is_cancelled_leaves_the_queue(scheduler: Scheduler, database: str) -> None:
    a, b, c = queue(scheduler, database, "a", "b", "c")
    scheduler.cancel("b")
    with pytest.raises(ExecutionCancelled):
        b.result(timeout=20)
    eventually(lambda: waiting(database) == 2)
    RELEASED.set()
    assert results([a, c]) == ["a", "c"]
    assert BEGUN == ["first", "a", "c"]


def test_one_that_is_terminated_is_passed_over_and_so_is_one_that_is_deleted(
    scheduler: Scheduler, database: str
) -> None:
    a, b, _, d = queue(scheduler, database, "a", "b", "c", "d")
    for gone in ("b", "c"):
        scheduler.terminate(gone)
    with pytest.raises(ExecutionTerminated):
        b.result(timeout=20)
    scheduler.delete("c")
    RELEASED.set()
    assert results([a, d]) == ["a", "d"]
    assert BEGUN == ["first", "a", "d"]
    eventually(lambda: tickets(database) == 0)


def test_one_that_is_paused_is_passed_over_and_goes_on_when_it_is_resumed(scheduler: Scheduler, database: str) -> None:
    a, b, c = queue(scheduler, database, "a", "b", "c")
    scheduler.pause("a")
    RELEASED.set()
    assert results([b, c]) == ["b", "c"]
    scheduler.resume("a")
    assert a.result(timeout=20) == "a"
    assert BEGUN == ["first", "b", "c", "a"]


def test_a_fork_of_one_that_waits_has_a_place_of_its_own(scheduler: Scheduler, database: str) -> None:
    (a,) = queue(scheduler, database, "a")
    forked = scheduler.fork("a", id="another")
    eventually(lambda: waiting(database) == 2)
    RELEASED.set()
    assert a.result(timeout=20) == "a"
    eventually(lambda: scheduler.describe("another").status is Status.COMPLETED)
    assert forked is not None and BEGUN == ["first", "a", "a"]


def test_one_whose_turn_it_was_when_its_scheduler_stopped_has_it_at_the_next(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    with Scheduler(database, grace=0.1, limits=ONE) as first:
        handles = [first.start(flows.held, "a"), *queue(first, database, "b")]
        eventually(lambda: BEGUN == ["a"] and waiting(database) == 1)
    schedulers()
    RELEASED.set()
    with Client(database) as client:
        assert [client.handle(handle.id).result(timeout=20) for handle in handles] == ["a", "b"]
    assert BEGUN == ["a", "a", "b"]


# Executions -------------------------------------------------------------------------------------


def test_no_more_executions_of_a_workflow_run_at_once_than_may_over_two_schedulers(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    both = [schedulers(limits={}), schedulers(limits={})]
    handles = [both[number % 2].start(flows.as_a_whole, number) for number in range(8)]
    assert results(handles) == list(range(8))
    open_now: set[Any] = set()
    for id in BEGUN:
        assert len(open_now | {id}) <= 2, BEGUN
        open_now ^= {id}
    eventually(lambda: tickets(database) == 0)


def test_executions_are_counted_by_what_their_workflow_says(schedulers: Callable[..., Scheduler]) -> None:
    scheduler = schedulers(limits={})
    handles = [scheduler.start(flows.by_key, number, "ab"[number % 2]) for number in range(6)]
    assert results(handles) == list(range(6))
    assert MOST == {"a": 1, "b": 1}
    for key in (0, 1):
        of_key = [id for id in BEGUN if id % 2 == key]
        assert of_key[::2] == of_key[1::2], BEGUN


def test_one_that_waits_to_begin_has_only_been_started_and_may_be_cancelled(
    schedulers: Callable[..., Scheduler], database: str
) -> None:
    scheduler = schedulers(limits={})
    flows.TOLD.add("first")
    first = scheduler.start(flows.flaky, "first")
    eventually(lambda: BEGUN == ["first"])
    waits = scheduler.start(flows.flaky, "second", id="waits")
    eventually(lambda: waiting(database) == 1 and asleep(database) == 1)
    assert [entry.kind for entry in scheduler.history("waits")] == ["started"]
    scheduler.cancel("waits")
    with pytest.raises(ExecutionCancelled):
        waits.result(timeout=20)
    RELEASED.set()
    assert first.result(timeout=20) == "first"
    assert BEGUN == ["first"]
    eventually(lambda: tickets(database) == 0)


def test_one_that_is_retried_waits_for_its_turn_again(schedulers: Callable[..., Scheduler], database: str) -> None:
    scheduler = schedulers(limits={})
    failed = scheduler.start(flows.flaky, "failed", id="failed")
    with pytest.raises(ValueError, match="failed"):
        failed.result(timeout=20)
    flows.TOLD.add("busy")
    busy = scheduler.start(flows.flaky, "busy")
    eventually(lambda: BEGUN == ["failed", "busy"])
    scheduler.retry("failed")
    eventually(lambda: waiting(database) == 1 and asleep(database) == 1)
    RELEASED.set()
    assert busy.result(timeout=20) == "busy"
    assert failed.result(timeout=20) == "failed"
    assert BEGUN == ["failed", "busy", "failed"]


def test_one_that_begins_again_keeps_its_turn_until_it_ends(schedulers: Callable[..., Scheduler]) -> None:
    scheduler = schedulers(limits={})
    handles = [scheduler.start(flows.over_generations, "a", 3)]
    eventually(lambda: BEGUN != [])
    handles.append(scheduler.start(flows.over_generations, "b", 1))
    assert results(handles) == ["a", "b"]
    assert BEGUN == ["a 3", "a 2", "a 1", "a 0", "b 1", "b 0"]


def test_what_people_see_of_limits(scheduler: Scheduler, database: str) -> None:
    queue(scheduler, database, "a", "b")
    [limit] = scheduler.limits()
    assert (limit.name, limit.rate, limit.at_once) == (SERVICE, None, 1)
    assert (limit.running, limit.waiting, limit.held_until) == (1, 2, None)
