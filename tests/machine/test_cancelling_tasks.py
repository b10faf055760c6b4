"""cancel(task), and tasks that wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, TaskCancelled, cancel, fork, gather, race, sleep, step, wait
from dataflows.commands import Task
from dataflows.errors import WrongYield
from interpreter.machine import Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def test_cancel_goes_on_when_the_task_has_cleaned_up(begin: Begin) -> None:
    def careful() -> Flow[Any]:
        try:
            yield step("long", work)
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        task = yield from fork(careful())
        yield sleep("nap", 1)
        yield cancel(task)
        return "cancelled"

    hand = begin(flow)
    hand.fire("nap")
    hand.stop("long")
    hand.succeed("cleanup")
    assert hand.result == "cancelled"


def test_who_asks_for_a_cancelled_task_gets_task_cancelled(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(sleep("nap", 1))
        yield cancel(task)
        with pytest.raises(TaskCancelled):
            yield task
        with pytest.raises(TaskCancelled):
            yield gather(task)
        yield race(only=task)

    hand = begin(flow)
    assert hand.status is Status.FAILED
    with pytest.raises(TaskCancelled):
        assert hand.result


def test_cancel_raises_an_error_in_the_tasks_cleanup(begin: Begin) -> None:
    def careful() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        task = yield from fork(careful())
        yield sleep("nap", 1)
        with pytest.raises(OSError, match="cleanup failed"):
            yield cancel(task)
        return "seen"

    hand = begin(flow)
    hand.fire("nap")
    hand.fail("cleanup", OSError("cleanup failed"))
    assert hand.result == "seen"


def test_cancelling_a_task_that_has_ended_does_nothing_not_even_raise_its_error(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        good, bad = (yield from fork(step("good", work))), (yield from fork(step("bad", work)))
        yield wait("go")
        yield cancel(good)
        yield cancel(bad)
        with pytest.raises(ValueError, match="bad failed"):
            yield bad
        return (yield from good)

    hand = begin(flow)
    hand.succeed("good", 1)
    hand.fail("bad", ValueError("bad failed"))
    hand.signal("go")
    assert hand.result == 1


def test_cancelling_twice_and_from_two_sides_cancels_once(begin: Begin) -> None:
    cancellations = []

    def counting() -> Flow[Any]:
        try:
            yield step("long", work)
        except Cancelled:
            cancellations.append("thrown")
            raise

    def flow() -> Flow[Any]:
        task = yield from fork(counting())
        yield sleep("nap", 1)
        yield gather(cancel(task), cancel(task))

    hand = begin(flow)
    hand.fire("nap")
    hand.stop("long")
    assert hand.status is Status.COMPLETED
    assert cancellations == ["thrown"]


def test_a_task_may_swallow_its_cancellation_and_answer(begin: Begin) -> None:
    def stubborn() -> Flow[Any]:
        try:
            yield wait("never")
        except Cancelled:
            return "answered all the same"

    def flow() -> Flow[Any]:
        task = yield from fork(stubborn())
        yield sleep("nap", 1)
        yield cancel(task)
        return (yield from task)

    hand = begin(flow)
    hand.fire("nap")
    assert hand.result == "answered all the same"


def test_a_task_that_is_cancelled_before_it_has_begun_never_runs(begin: Begin) -> None:
    ran = []

    def never() -> Flow[Any]:
        ran.append("begun")
        yield step("never", work)

    def flow() -> Flow[Any]:
        task = yield from fork(never())
        yield cancel(task)

    hand = begin(flow)
    assert hand.status is Status.COMPLETED
    assert ran == []


def test_a_task_may_cancel_itself(begin: Begin) -> None:
    tasks: list[Task[Any]] = []

    def weary() -> Flow[Any]:
        yield step("a", work)
        yield cancel(tasks[-1])

    def flow() -> Flow[Any]:
        tasks.append((yield from fork(weary())))
        yield tasks[-1]

    hand = begin(flow)
    hand.succeed("a")
    with pytest.raises(TaskCancelled):
        assert hand.result


# Tasks that wait for each other -----------------------------------------------------------------


def test_tasks_that_wait_for_each_other_for_ever_are_told_so_with_file_and_line(begin: Begin) -> None:
    tasks: list[Task[Any]] = []

    def ask(number: int) -> Flow[Any]:
        yield step(f"s{number}", work)
        yield tasks[1 - number]

    def flow() -> Flow[Any]:
        tasks[:] = [(yield from fork(ask(0))), (yield from fork(ask(1)))]
        yield gather(*tasks)

    hand = begin(flow)
    hand.succeed("s0")
    assert hand.names == ["s1"]
    hand.succeed("s1")
    with pytest.raises(
        WrongYield, match=r"waits for itself(?s:.*)test_cancelling_tasks\.py:\d+: yield tasks\[1 - number\]"
    ):
        assert hand.result


def test_a_task_that_asks_for_itself_can_catch_that_and_go_on(begin: Begin) -> None:
    tasks: list[Task[Any]] = []

    def selfish() -> Flow[Any]:
        yield step("a", work)
        try:
            yield gather(*tasks)
        except WrongYield:
            return (yield from step("b", work))

    def flow() -> Flow[Any]:
        tasks[:] = [(yield from fork(selfish()))]
        return (yield from tasks[0])

    hand = begin(flow)
    hand.succeed("a")
    hand.succeed("b", 1)
    assert hand.result == 1
    assert hand.replayed().outcome == hand.machine.outcome


def test_a_task_of_another_execution_is_refused(begin: Begin) -> None:
    stranger: Task[Any] = Task((7,))

    def flow() -> Flow[Any]:
        for command in (stranger, cancel(stranger), gather(stranger), race(only=stranger)):
            with pytest.raises(WrongYield, match="is no task of this execution"):
                yield command
        return "refused"

    assert begin(flow).result == "refused"
