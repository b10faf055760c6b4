"""Code and journal that disagree: the execution is blocked, says where, harms no other, and can be rescued."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import ExecutionBlocked, Flow, Retry, Workflow, sleep, step, wait
from interpreter import Scheduler, Status
from tests.databases import opened
from tests.waiting import eventually

RAN: list[str] = []


def run(what: str) -> str:
    RAN.append(what)
    return what


def original() -> Flow[list[str]]:
    first = yield from step("charge", run, "charge")
    yield from wait("go")
    return [first, (yield from step("ship", run, "ship"))]


def renamed() -> Flow[Any]:
    yield from step("bill", run, "bill")
    yield from wait("go")


def another_kind() -> Flow[Any]:
    yield from sleep("charge", 0)
    yield from wait("go")


def inserted() -> Flow[Any]:
    yield from step("check", run, "check")
    yield from step("charge", run, "charge")
    yield from wait("go")


def removed() -> Flow[Any]:
    yield from wait("go")
    return "all done?"


def shortened() -> Flow[str]:
    """Ends before the journal does."""
    yield from ()
    return "nothing to do"


def innocent() -> Flow[str]:
    yield from wait("go")
    return "innocent"


def deployed(function: Callable[[], Flow[Any]]) -> Workflow[[], Any]:
    """The function as the workflow's code from now on; other code is registered under this name nowhere."""
    return Workflow(function, "deploys/order", retry=Retry(attempts=3, first=0))


INNOCENT = Workflow(innocent, "deploys/innocent")


@pytest.fixture
def served(new_scheduler: Callable[..., Scheduler]) -> Callable[[Callable[[], Flow[Any]]], Scheduler]:
    """A scheduler that serves this code, and what has nothing to do with it."""
    RAN.clear()
    return lambda function: new_scheduler(workflows=[deployed(function), INNOCENT])


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (renamed, "bill.*charge|charge.*bill"),
        (another_kind, "step 'charge'.*sleep|sleep 'charge'.*step"),
        (inserted, "check.*charge|charge.*check"),
        (removed, "charge"),
        (shortened, "charge"),
    ],
)
def test_code_that_contradicts_the_journal_blocks_and_after_the_revert_it_goes_on(
    served: Callable[..., Scheduler], function: Callable[[], Flow[Any]], complaint: str
) -> None:
    with served(original) as before:
        handle = before.start(deployed(original))
        beside = before.start(INNOCENT)
        eventually(lambda: {handle.status(), beside.status()} == {Status.SUSPENDED})
    with served(function) as broken:
        broken.signal(handle.id, "go")
        with pytest.raises(ExecutionBlocked, match=f"(?s){complaint}") as raised:
            broken.result(handle.id)
        assert "test_deploys.py:" in str(raised.value)
        assert broken.status(handle.id) == Status.BLOCKED
        broken.signal(beside.id, "go")
        assert broken.result(beside.id) == "innocent"
        history = [entry.kind for entry in broken.history(handle.id)]
    assert history.count("attempt") == 0, "no retry was spent on it"
    with served(original) as reverted:
        reverted.resume(handle.id)
        assert reverted.result(handle.id) == ["charge", "ship"]
    assert RAN == ["charge", "ship"]


def test_a_blocked_execution_keeps_what_is_sent_to_it(served: Callable[..., Scheduler]) -> None:
    with served(original) as before:
        handle = before.start(deployed(original))
        eventually(lambda: handle.status() == Status.SUSPENDED)
    with served(renamed) as broken:
        with opened(str(broken._named)) as connection:
            connection.execute("UPDATE dataflows.executions SET due_at = now()")
        eventually(lambda: broken.status(handle.id) == Status.BLOCKED)
        assert broken.signal(handle.id, "go", "while it was blocked")
        assert broken.status(handle.id) == Status.BLOCKED
    with served(original) as reverted:
        reverted.resume(handle.id)
        assert reverted.result(handle.id) == ["charge", "ship"]


DAMAGE = {
    "a missing entry": ("DELETE FROM dataflows.journal WHERE seq = 2 AND execution_id = %s", "gap"),
    "an unknown kind": (
        "UPDATE dataflows.journal SET kind = 'teleported' WHERE seq = 3 AND execution_id = %s",
        "entry 3 is of kind 'teleported'",
    ),
    "an unreadable value": (
        r"UPDATE dataflows.journal SET data = '{' WHERE seq = 3 AND execution_id = %s",
        "entry 3 .*cannot be read",
    ),
    "no entry at all": ("DELETE FROM dataflows.journal WHERE execution_id = %s", "journal"),
    "a time that no clock shows": (
        "UPDATE dataflows.journal SET at = 'infinity' WHERE seq = 3 AND execution_id = %s",
        "entry|time",
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_journal_that_somebody_has_damaged_blocks_its_execution_and_no_other(
    served: Callable[..., Scheduler], what: str
) -> None:
    damage, complaint = DAMAGE[what]
    with served(original) as before:
        handles = [before.start(deployed(original)) for _ in range(5)]
        eventually(lambda: {handle.status() for handle in handles} == {Status.SUSPENDED})
    with opened(str(before._named)) as connection:
        connection.execute(damage.encode(), [handles[2].id])
        connection.execute("UPDATE dataflows.executions SET due_at = now()")
    with served(original) as after:
        with pytest.raises(ExecutionBlocked, match=complaint):
            after.result(handles[2].id, timeout=20)
        for handle in (*handles[:2], *handles[3:]):
            after.signal(handle.id, "go")
            assert after.result(handle.id, timeout=20) == ["charge", "ship"]


# Drives that never yield ------------------------------------------------------------------------

STUCK = threading.Event()


def loops() -> Flow[None]:
    yield from step("before", run, "before")
    while not STUCK.is_set():
        pass


def blocks() -> Flow[None]:
    yield from step("before", run, "before")
    STUCK.wait(30)


def works() -> Flow[list[str]]:
    first = yield from step("first", run, "first")
    return [first, (yield from step("second", run, "second"))]


WORKING = Workflow(works, "deploys/working")


@pytest.mark.parametrize("function", [loops, blocks])
def test_a_workflow_that_never_yields_is_blocked_with_its_stack_and_the_others_go_on(
    new_scheduler: Callable[..., Scheduler], function: Callable[[], Flow[None]]
) -> None:
    STUCK.clear()
    stuck = Workflow(function, "deploys/stuck")
    try:
        with new_scheduler(workflows=[stuck, INNOCENT], drive_limit=0.3) as scheduler:
            handle, beside = scheduler.start(stuck), scheduler.start(INNOCENT)
            with pytest.raises(ExecutionBlocked, match=f"(?s)without yielding.*in {function.__name__}"):
                handle.result(timeout=20)
            beside.signal("go")
            assert beside.result(timeout=20) == "innocent"
            STUCK.set()
            assert scheduler.run(INNOCENT, id=beside.id) == "innocent"
    finally:
        STUCK.set()


@pytest.mark.parametrize("function", [loops, blocks])
def test_one_that_gets_stuck_on_the_thread_of_its_step_leaves_that_steps_room_to_others(
    new_scheduler: Callable[..., Scheduler], function: Callable[[], Flow[None]]
) -> None:
    STUCK.clear()
    stuck = Workflow(function, "deploys/stuck")
    try:
        with new_scheduler(workflows=[stuck, WORKING], drive_limit=0.3, concurrency=1) as scheduler:
            handle = scheduler.start(stuck)
            with pytest.raises(ExecutionBlocked, match=f"(?s)without yielding.*in {function.__name__}"):
                handle.result(timeout=20)
            assert scheduler.start(WORKING).result(timeout=20) == ["first", "second"]
            STUCK.set()
            for _ in range(5):
                assert scheduler.start(WORKING).result(timeout=20) == ["first", "second"]
            eventually(lambda: not scheduler._engine._performer.running)  # type: ignore[union-attr]
    finally:
        STUCK.set()
