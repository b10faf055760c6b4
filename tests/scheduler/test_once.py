"""Steps with ``once=True``: their start is journaled first, and what was cut off is not run again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from dataflows import ExecutionBlocked, Flow, Retry, StepInterrupted, StepTimeout, gather, race, sleep, step, workflow
from interpreter import Client, Scheduler
from interpreter.scheduler.held import Stage
from interpreter.store.records import Line, Start
from interpreter.store.rows import Row
from tests.databases import opened
from tests.scheduler.controlled import RELEASED, RUNNING, forget, hold
from tests.store.desk import EMPTY, LONG_AGO, Desk
from tests.waiting import eventually

RAN: Counter[str] = Counter()
EXPIRE_ALL_BUT = "UPDATE dataflows.schedulers SET expires_at = clock_timestamp() - interval '1 s' WHERE id <> %s"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    RAN.clear()
    forget()


def charge(id: str) -> str:
    RAN[id] += 1
    return "charged"


def decline(id: str) -> str:
    RAN[id] += 1
    raise ConnectionError("no answer")


def never_end(id: str) -> str:
    RAN[id] += 1
    threading.Event().wait(20)
    return "late"


FUNCTIONS: dict[str, Callable[[str], str]] = {"charge": charge, "decline": decline, "never end": never_end}


@workflow("once/charge", retry=Retry(attempts=5, first=0))
def charging(id: str, what: str = "charge") -> Flow[str]:
    timeout = 0.1 if what == "never end" else None
    try:
        return (yield from step("charge", FUNCTIONS[what], id, once=True, timeout=timeout))
    except (ConnectionError, StepTimeout, StepInterrupted) as error:
        return type(error).__name__


@workflow("once/of-the-desk")
def of_the_desk() -> Flow[str]:
    try:
        return (yield from step("charge", charge, "of the desk", once=True))
    except StepInterrupted as error:
        return str(error)


@workflow("once/held")
def held(id: str) -> Flow[str]:
    try:
        return (yield from step("hold", hold, id, "hold", once=True))
    except StepInterrupted:
        return (yield from step("look", charge, id))


@workflow("once/many")
def many(number: int) -> Flow[list[str]]:
    return list((yield from gather(*(step(f"charge {n}", charge, f"{n}", once=True) for n in range(number)))))


@workflow("once/queue")
def queue(id: str) -> Flow[list[str]]:
    return list((yield from gather(first_of(id), *(step(f"{n}", charge, f"{id}.{n}", once=True) for n in range(5)))))


def first_of(id: str) -> Flow[str]:
    try:
        return (yield from step("hold", hold, id, "hold", once=True))
    except StepInterrupted:
        return "interrupted"


@workflow("once/raced")
def raced(id: str) -> Flow[str]:
    yield from gather(first_of(id), race(step=step("late", charge, id, once=True), sleep=sleep("soon", 0.05)))
    return (yield from step("after", charge, f"{id} after", once=True))


@workflow("once/elsewhere")
def elsewhere() -> Flow[str]:
    return (yield from step("charge", charge, "elsewhere", once=True, on="a machine with a card reader"))


def kinds(client: Client, id: str) -> list[str]:
    return [entry.kind for entry in client.history(id)]


def test_that_it_begins_is_journaled_before_what_it_came_to(scheduler: Scheduler, client: Client, id: str) -> None:
    assert scheduler.run(charging, id, id=id) == "charged"
    assert kinds(client, id) == ["started", "begun", "begin", "step", "completed"]
    assert RAN[id] == 1


@pytest.mark.parametrize(("what", "error"), [("decline", "ConnectionError"), ("never end", "StepTimeout")])
def test_one_that_fails_is_not_tried_again(
    scheduler: Scheduler, client: Client, id: str, what: str, error: str
) -> None:
    assert scheduler.run(charging, id, what, id=id) == error
    assert kinds(client, id) == ["started", "begun", "begin", "step", "completed"]
    assert RAN[id] == 1


def test_many_beside_each_other_run_once_each(scheduler: Scheduler) -> None:
    assert scheduler.run(many, 100) == ["charged"] * 100
    assert set(RAN.values()) == {1}


@pytest.mark.parametrize("begun", [True, False])
def test_what_had_begun_when_its_scheduler_died_arrives_as_interrupted_and_what_had_not_runs(
    new_scheduler: Callable[..., Scheduler], id: str, begun: bool
) -> None:
    scheduler = new_scheduler(lease=0.5)
    with Desk(str(scheduler._named), lease=0.5) as dead:
        dead.commit(starts=(Start(id, of_the_desk.name, 1, None, *EMPTY),))
        if begun:
            dead.commit(Line(id, 1, 3, LONG_AGO, Row("begin", "0", "charge")))
    with scheduler:
        outcome = scheduler.result(id, timeout=20)
    assert RAN["of the desk"] == (0 if begun else 1)
    assert outcome == "charged" or ("may have happened" in outcome and "'charge'" in outcome)


def test_a_scheduler_that_lost_it_and_has_it_again_does_not_run_it_again(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(lease=1.5) as scheduler:
        handle = scheduler.start(held, id, id=id)
        assert RUNNING.acquire(timeout=20)
        with Desk(str(scheduler._named)) as heir:
            with heir.connection.transaction():  # or it might renew in between
                heir.connection.execute(EXPIRE_ALL_BUT, [heir.scheduler])
                assert eventually(heir.bury) == [(id, "suspended")]  # later, if a claim is in flight
        assert handle.result(timeout=20) == "charged"
        RELEASED.set()
        assert kinds(scheduler, id) == ["started", "begun", "begin", "step", "step", "completed"]  # type: ignore[arg-type]
    assert RAN[id] == 1


def test_what_waits_for_room_when_its_scheduler_is_lost_has_not_begun_and_runs(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(concurrency=1, grace=0) as first:
        handle = first.start(queue, id, id=id)
        assert RUNNING.acquire(timeout=20)
        assert [entry.kind for entry in handle.history()] == ["started", "begun", "begin"]
    with new_scheduler() as second:
        assert second.result(id, timeout=20) == ["interrupted", *["charged"] * 5]
    assert set(RAN.values()) == {1}


def test_one_that_is_cancelled_while_it_waits_for_room_leaves_no_trace_and_takes_none(
    new_scheduler: Callable[..., Scheduler], id: str
) -> None:
    with new_scheduler(concurrency=1) as scheduler:
        handle = scheduler.start(raced, id, id=id)
        assert RUNNING.acquire(timeout=20)
        performer = scheduler._engine._performer  # type: ignore[union-attr]
        eventually(lambda: [attempt.stage for attempt in performer._waiting] == [Stage.DISCARDED])
        RELEASED.set()
        assert handle.result(timeout=20) == "charged"
        assert [entry.name for entry in handle.history() if entry.kind == "begin"] == ["hold", "after"]
        eventually(lambda: not performer.running)
    assert RAN[id] == 0


def test_where_it_cannot_run_it_does_not_begin(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as scheduler:
        handle = scheduler.start(elsewhere)
        with pytest.raises(ExecutionBlocked, match="card reader"):
            handle.result(timeout=20)
        assert [entry.kind for entry in handle.history()] == ["started", "begun"]


def test_one_that_is_paused_before_it_begins_runs_when_it_is_resumed(
    scheduler: Scheduler, client: Client, database: str, id: str
) -> None:
    client.start(charging, id, id=id, delay="1h")
    client.pause(id)
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.executions SET due_at = now() WHERE id = %s", [id])
    client.resume(id)
    scheduler._engine.hint()  # type: ignore[union-attr]
    assert client.result(id, 20) == "charged"
    assert RAN[id] == 1


def test_what_runs_when_its_scheduler_closes_ends_there(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    first = new_scheduler(grace=20).__enter__()
    first.start(held, id, id=id)
    assert RUNNING.acquire(timeout=20)
    closing = threading.Thread(target=first.__exit__, args=[None, None, None])
    closing.start()
    eventually(lambda: first._engine is None or first._engine._stopping)
    RELEASED.set()
    closing.join(20)
    with new_scheduler() as second:
        assert second.result(id, timeout=20) == "hold"
