"""Restarts and evictions: nothing that was journaled happens again, and nothing else changes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows import (
    ExecutionCancelled,
    Flow,
    Retry,
    fork,
    gather,
    race,
    sleep,
    step,
    wait,
    workflow,
)
from interpreter import Client, Scheduler, Status
from tests.databases import opened
from tests.store.desk import one, sent
from tests.waiting import eventually

RAN: Counter[tuple[str, Any]] = Counter()
GATES: dict[str, threading.Event] = {}


def run(execution: str, what: Any) -> Any:
    RAN[execution, what] += 1
    return what


def fail_at_first(execution: str, what: Any) -> Any:
    if not RAN[execution, what]:
        run(execution, what)
        raise ConnectionError(what)
    return run(execution, what)


def pass_gate(name: str) -> str:
    RAN[name, "gate"] += 1
    GATES[name].wait(20)
    return name


@workflow("restarts/stages")
def stages(id: str) -> Flow[list[Any]]:
    seen = []
    for stage in range(4):
        seen.append((yield from step("work", run, id, stage)))
        seen.append((yield from wait("go")))
    return seen


@workflow("restarts/gated")
def gated(id: str) -> Flow[Any]:
    first = yield from step("first", run, id, "first")
    second = yield from gather(step("beside", run, id, "beside"), step("gate", pass_gate, id))
    return first, second


@workflow("restarts/mixed")
def mixed(id: str, plan: list[str]) -> Flow[list[Any]]:
    seen: list[Any] = []
    for number, part in enumerate(plan):
        try:
            seen.append((yield from PARTS[part](id, number)))
        except (ConnectionError, ValueError) as error:
            seen.append(repr(error))
        finally:
            if part == "fails":
                seen.append((yield from step("clean up", run, id, (number, "clean up"))))
    return seen


def helper(id: str, number: int) -> Flow[Any]:
    a = yield from step("a", run, id, (number, "a"))
    yield from sleep("nap", 0.01)
    return a, (yield from step("b", run, id, (number, "b")))


def fails(id: str, number: int) -> Flow[Any]:
    yield from step("before", run, id, (number, "before"))
    raise ValueError(number)


def forks(id: str, number: int) -> Flow[Any]:
    task = yield from fork(helper(id, number))
    beside = yield from step("beside", run, id, (number, "beside"))
    return beside, (yield from task)


def races(id: str, number: int) -> Flow[Any]:
    return (yield from race(quick=step("quick", run, id, (number, "quick")), never=wait("never")))


PARTS: dict[str, Callable[[str, int], Any]] = {
    "step": lambda id, n: step("one", run, id, (n, "one")),
    "retry": lambda id, n: step("retry", fail_at_first, id, (n, "retry"), retry=Retry(first=0.01)),
    "never": lambda id, n: step("never", fail_at_first, id, (n, "never"), retry=Retry(attempts=1)),
    "sleep": lambda id, n: sleep("sleep", 0.01),
    "wait": lambda id, n: wait("message"),
    "timeout": lambda id, n: wait("nobody", timeout=0.01, default="late"),
    "gather": lambda id, n: gather(helper(id, n), step("c", run, id, (n, "c"))),
    "race": races,
    "fork": forks,
    "helper": helper,
    "fails": fails,
}


# Restarts ---------------------------------------------------------------------------------------


def test_a_journaled_step_never_runs_again_however_often_it_is_restarted(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler() as first:
        first.start(stages, id, id=id)
    for stage in range(4):
        with new_scheduler() as scheduler:
            eventually(lambda: scheduler.status(id) == Status.SUSPENDED)
            scheduler.signal(id, "go", f"went {stage}")
    with new_scheduler() as last:
        assert last.result(id) == [0, "went 0", 1, "went 1", 2, "went 2", 3, "went 3"]
    assert {RAN[id, stage] for stage in range(4)} == {1}


def test_a_step_that_was_cut_off_runs_again_and_those_beside_it_do_not(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    GATES[id] = threading.Event()
    with new_scheduler(grace=0) as first:
        handle = first.start(gated, id)
        eventually(lambda: RAN[id, "gate"] == 1)
        eventually(lambda: [entry.name for entry in handle.history()].count("beside") == 1)
    GATES[id].set()
    with new_scheduler() as second:
        assert second.result(handle.id) == ("first", ("beside", id))
    assert (RAN[id, "first"], RAN[id, "beside"], RAN[id, "gate"]) == (1, 1, 2)


def test_only_what_can_run_is_loaded_after_a_restart(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler() as first:
        parked = [first.start(stages, f"{id}-{n}", id=f"{id}-{n}") for n in range(60)]
        eventually(lambda: {handle.status() for handle in parked} == {Status.SUSPENDED})
        eventually(lambda: not first._engine._driver.held)
    touched = "SELECT string_agg(xmin::text, ',' ORDER BY id) FROM dataflows.executions WHERE id <> %s"
    with opened(str(first._named)) as connection, new_scheduler() as second:
        before = one(connection, touched, parked[7].id)
        second.signal(parked[7].id, "go")
        eventually(lambda: RAN[parked[7].id, 1] == 1)
        eventually(lambda: second.status(parked[7].id) == Status.SUSPENDED)
        assert one(connection, touched, parked[7].id) == before, "not one of the others was so much as claimed"
        eventually(lambda: not second._engine._driver.held)


def test_a_machine_that_was_kept_in_memory_goes_on_after_another_scheduler_has_had_its_execution(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    GATES[f"{id}-busy"] = threading.Event()
    with new_scheduler(holding=1) as keeper:
        handle = keeper.start(stages, id)
        eventually(lambda: handle.status() == Status.SUSPENDED)
        busy = keeper.start(gated, f"{id}-busy")
        eventually(lambda: RAN[f"{id}-busy", "gate"] == 1)
        with new_scheduler() as other:  # the keeper has no room meanwhile
            handle.signal("go", 1)
            eventually(lambda: RAN[id, 1] == 1)
            eventually(lambda: handle.status() == Status.SUSPENDED)
            assert handle.id not in keeper._engine._driver.held
            eventually(lambda: not other._engine._driver.held)
        GATES[f"{id}-busy"].set()
        busy.result()
        for number in range(2, 5):
            handle.signal("go", number)
        assert handle.result() == [0, 1, 1, 2, 2, 3, 3, 4]
    assert {RAN[id, stage] for stage in range(4)} == {1}


def test_a_crash_between_a_cancellation_and_the_beginning_leaves_nothing_that_hangs(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    scheduler = new_scheduler()
    with Client(scheduler._named) as client:
        client.start(stages, id, id=id)
    with opened(str(scheduler._named)) as connection:
        sent(connection, id, "cancel:cancel", kind="cancel")
        connection.execute(
            "INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind) "
            "VALUES (%s, 1, 2, now(), 'cancel')",
            [id],
        )
        connection.execute("UPDATE dataflows.inbox SET seq = 2 WHERE execution_id = %s", [id])
    with scheduler, pytest.raises(ExecutionCancelled):
        scheduler.result(id)
    assert RAN[id, 0] == 0


# Evictions --------------------------------------------------------------------------------------


@workflow("restarts/tidy")
def tidy(id: str) -> Flow[str]:
    try:
        yield from wait("go")
    finally:
        yield from step("tidy up", run, id, "tidy up")
    return "tidy"


def test_a_workflow_that_is_let_go_does_not_run_its_cleanup(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler(cached=0) as scheduler:
        handle = scheduler.start(tidy, id)
        eventually(lambda: handle.status() == Status.SUSPENDED)
        eventually(lambda: not scheduler._engine._driver.held)
        assert RAN[id, "tidy up"] == 0
        handle.signal("go")
        assert handle.result() == "tidy"
    assert RAN[id, "tidy up"] == 1


@pytest.fixture(scope="module")
def kept_and_evicted(new_database: Callable[[], str]) -> Any:
    with Scheduler(new_database()) as kept, Scheduler(new_database(), cached=0) as evicted:
        yield kept, evicted


@given(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_evicting_at_every_suspension_changes_no_result_and_no_journal(
    kept_and_evicted: tuple[Scheduler, Scheduler], plan: list[str]
) -> None:
    seen = []
    for name, scheduler in zip(("kept", "evicted"), kept_and_evicted, strict=True):
        RAN.clear()
        handle = scheduler.start(mixed, name, plan)
        for _ in range(plan.count("wait")):
            eventually(lambda handle=handle: handle.status() == Status.SUSPENDED)
            handle.signal("message", "payload")
        result = handle.result(timeout=20)
        history = [(entry.kind, entry.position, entry.name, entry.text) for entry in handle.history()[2:]]
        seen.append((result, sorted(map(repr, history)), {what: times for (_, what), times in RAN.items()}))
    assert seen[0] == seen[1]
