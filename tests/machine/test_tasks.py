"""Tasks: what was forked, asked for, or forgotten."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, TaskCancelled, fork, gather, race, step, wait
from dataflows.commands import Task
from interpreter.machine import Status, StopStep
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def test_fork_answers_a_task_at_once_and_the_flow_goes_on_beside_it(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        beside = yield from step("beside", work)
        return beside, (yield from task)

    hand = begin(flow)
    assert hand.names == ["beside", "forked"]
    hand.succeed("beside", 1)
    hand.succeed("forked", 2)
    assert hand.result == (1, 2)


def test_a_task_can_be_yielded_gathered_and_raced_any_number_of_times_and_runs_once(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        first = yield from task
        second = yield task
        both = yield from gather(task, task)
        winner = yield from race(only=task)
        return first, second, both, winner.value

    hand = begin(flow)
    hand.succeed("forked", 7)
    assert hand.result == (7, 7, (7, 7), 7)
    assert len(hand.journal) == 3


def test_a_failed_task_raises_each_time_it_is_asked_for_and_its_traceback_does_not_grow(begin: Begin) -> None:
    tracebacks = []

    def failing() -> Flow[Any]:
        yield step("forked", work)

    def flow() -> Flow[Any]:
        task = yield from fork(failing())
        for _ in range(50):
            try:
                yield task
            except ValueError as error:
                tracebacks.append([frame.name for frame in traceback.extract_tb(error.__traceback__)])

    hand = begin(flow)
    hand.fail("forked", ValueError("failed"))
    assert hand.status is Status.COMPLETED
    assert tracebacks == [tracebacks[0]] * 50
    assert "failing" in tracebacks[0]


def test_several_can_ask_for_one_task(begin: Begin) -> None:
    def ask(task: Task[int]) -> Flow[int]:
        return (yield from task) + 1

    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        return (yield from gather(ask(task), task, ask(task)))

    hand = begin(flow)
    hand.succeed("forked", 1)
    assert hand.result == (2, 1, 2)


def test_a_failed_task_gathered_twice_fails_the_gather_once(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        try:
            yield gather(task, task, step("beside", work))
        except ValueError:
            return (yield from step("after", work))

    hand = begin(flow)
    hand.fail("forked", ValueError("failed"))
    hand.stop("beside")
    assert hand.open == {"2": "after"}
    hand.succeed("after", 1)
    assert hand.result == 1


def test_a_task_asked_for_in_parallel_by_branches_and_failing_raises_in_each(begin: Begin) -> None:
    def ask(task: Task[str]) -> Flow[str]:
        try:
            return (yield from task)
        except ValueError as error:
            return str(error)

    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        return (yield from gather(ask(task), ask(task)))

    hand = begin(flow)
    hand.fail("forked", ValueError("failed"))
    assert hand.result == ("failed", "failed")


# The end of the fiber that forked it ------------------------------------------------------------


def test_a_task_is_cancelled_and_cleaned_up_before_its_forkers_outcome_counts(begin: Begin) -> None:
    def careful() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield fork(careful())
        return (yield from step("a", work))

    hand = begin(flow)
    hand.succeed("a", 1)
    assert hand.machine.outcome is None
    assert hand.names == ["cleanup"]
    hand.succeed("cleanup")
    assert hand.result == 1


def test_a_task_forked_in_a_branch_ends_with_that_branch(begin: Begin) -> None:
    def branch() -> Flow[Any]:
        yield fork(step("forked", work))
        return (yield from step("a", work))

    def flow() -> Flow[Any]:
        return (yield from gather(branch(), step("b", work)))

    hand = begin(flow)
    hand.succeed("a", 1)
    assert isinstance(hand.find("forked"), StopStep)
    hand.succeed("b", 2)
    assert hand.machine.outcome is None
    hand.stop("forked")
    assert hand.result == (1, 2)


def test_an_error_that_nobody_asked_for_fails_the_workflow_where_the_forker_ends(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(step("forked", work))
        yield step("a", work)
        return "done"

    hand = begin(flow)
    hand.fail("forked", ValueError("nobody looked"))
    assert hand.names == ["a"]
    hand.succeed("a")
    with pytest.raises(ValueError, match="nobody looked"):
        assert hand.result


def test_an_error_that_somebody_asked_for_does_not_count_again(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        with pytest.raises(ValueError, match="seen"):
            yield task
        return "done"

    hand = begin(flow)
    hand.fail("forked", ValueError("seen"))
    assert hand.result == "done"


def test_an_error_that_nobody_asked_for_does_not_take_the_place_of_the_forkers_own(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(step("forked", work))
        yield step("a", work)

    hand = begin(flow)
    hand.fail("forked", ValueError("nobody looked"))
    hand.fail("a", KeyError("its own"))
    with pytest.raises(KeyError, match="its own"):
        assert hand.result


def test_an_error_that_nobody_asked_for_fails_a_cancelled_workflow_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(step("forked", work))
        yield wait("never")

    hand = begin(flow)
    hand.fail("forked", ValueError("nobody looked"))
    hand.cancel()
    assert hand.status is Status.FAILED
    with pytest.raises(ValueError, match="nobody looked") as raised:
        assert hand.result
    assert isinstance(raised.value.__context__, Cancelled)


def test_an_error_in_the_cleanup_of_a_forgotten_task_fails_the_workflow(begin: Begin) -> None:
    def careful() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield fork(careful())
        yield step("a", work)

    hand = begin(flow)
    hand.succeed("a", 1)
    hand.fail("cleanup", OSError("cleanup failed"))
    with pytest.raises(OSError, match="cleanup failed"):
        assert hand.result


def test_a_task_that_has_outlived_its_forkers_branch_answers_that_it_was_cancelled(begin: Begin) -> None:
    def branch() -> Flow[Any]:
        return (yield from fork(wait("never")))

    def flow() -> Flow[Any]:
        (task,) = yield from gather(branch())
        yield task

    hand = begin(flow)
    with pytest.raises(TaskCancelled, match="forked at 0.0.0 was cancelled"):
        assert hand.result
