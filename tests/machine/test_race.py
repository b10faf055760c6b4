"""Several beside each other, the first of them wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, Winner, fork, gather, race, sleep, step, wait
from dataflows.errors import Mismatch
from dataflows.outcome import Error, Value
from interpreter.machine import Entry, Slept, Status, StopStep
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def answer_or_late() -> Flow[Any]:
    return (yield from race(answer=wait("go"), late=sleep("late", 60)))


def two_steps() -> Flow[Any]:
    return (yield from race(left=step("a", work), right=step("b", work)))


@pytest.mark.parametrize(("first", "second", "winner"), [("a", "b", "left"), ("b", "a", "right")])
def test_the_first_branch_to_end_wins_by_its_name(begin: Begin, first: str, second: str, winner: str) -> None:
    hand = begin(two_steps)
    hand.succeed(first, "first")
    hand.stop(second)
    assert hand.result == Winner(winner, "first")


def test_within_one_commit_the_lower_number_in_the_journal_wins_live_and_on_replay(begin: Begin) -> None:
    hand = begin(two_steps)
    hand.put(hand.ended("b", Value("first")), hand.ended("a", Value("second")))
    assert hand.result == Winner("right", "first")
    assert hand.replayed().outcome == hand.machine.outcome


def test_losing_timers_and_waits_are_gone_at_once(begin: Begin) -> None:
    hand = begin(answer_or_late)
    hand.signal("go", 1)
    assert hand.open == {"": "completed"}
    hand = begin(answer_or_late)
    hand.fire("late")
    assert hand.result == Winner("late", None)


def test_a_losing_step_comes_to_rest_before_the_race_is_answered_and_its_result_is_discarded(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        winner = yield from race(work=step("work", work), late=sleep("late", 60))
        yield step("after", work)
        return winner

    hand = begin(flow)
    hand.fire("late")
    assert hand.open == {"0.0.0": "work"}
    assert isinstance(hand.find("work"), StopStep)
    hand.succeed("work", "too late")
    assert hand.open == {"1": "after"}
    hand.succeed("after")
    assert hand.result == Winner("late", None)


def test_losers_clean_up_once_and_before_the_answer_is_seen(begin: Begin) -> None:
    seen: list[str] = []

    def loser() -> Flow[Any]:
        try:
            yield wait("never")
        except Cancelled:
            seen.append("cancelled")
            raise
        finally:
            yield step("cleanup", work)
            seen.append("cleaned up")

    def flow() -> Flow[Any]:
        yield race(loser=loser(), winner=step("a", work))
        seen.append("answered")

    hand = begin(flow)
    hand.succeed("a")
    hand.succeed("cleanup")
    assert seen == ["cancelled", "cleaned up", "answered"]


def test_a_branch_that_fails_first_wins_with_its_error_after_the_losers_cleanup(begin: Begin) -> None:
    hand = begin(two_steps)
    hand.fail("a", ValueError("a failed"))
    assert hand.machine.outcome is None
    hand.stop("b")
    with pytest.raises(ValueError, match="a failed"):
        assert hand.result


def test_a_losers_error_of_the_same_commit_is_a_result_that_nobody_wants(begin: Begin) -> None:
    hand = begin(two_steps)
    hand.put(hand.ended("a", Value(1)), hand.ended("b", Error(ValueError("b failed"))))
    assert hand.result == Winner("left", 1)


def test_a_branch_that_ends_at_once_wins_before_another_has_begun(begin: Begin) -> None:
    def immediate() -> Flow[Any]:
        return "at once"
        yield

    def flow() -> Flow[Any]:
        return (yield from race(slow=step("a", work), quick=immediate(), never=step("b", work)))

    hand = begin(flow)
    assert hand.open == {"0.0.0": "a"}
    hand.stop("a")
    assert hand.result == Winner("quick", "at once")


def test_reducing_a_list_of_tasks_with_race_in_a_loop_visits_each_once(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        pending = {}
        for name in "abcd":
            pending[name] = yield from fork(step(name, work))
        order = []
        while pending:
            winner = yield from race(**pending)
            order.append((winner.name, winner.value))
            del pending[winner.name]
        return order

    hand = begin(flow)
    for name in "cadb":
        hand.succeed(name, name.upper())
    assert hand.result == [("c", "C"), ("a", "A"), ("d", "D"), ("b", "B")]


def test_one_task_under_two_names_is_one_race_with_one_answer(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("a", work))
        winner = yield from race(x=task, y=task)
        after = yield from step("after", work)
        return winner, after

    hand = begin(flow)
    hand.succeed("a", 1)
    assert hand.open == {"2": "after"}
    hand.succeed("after", 2)
    assert hand.result == (Winner("x", 1), 2)


def test_a_race_leaves_a_task_alone_that_it_did_not_start(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        winner = yield from race(forked=task, late=sleep("late", 60))
        return winner.name, (yield from task)

    hand = begin(flow)
    hand.fire("late")
    assert not isinstance(hand.find("forked"), StopStep)
    hand.succeed("forked", "still wanted")
    assert hand.result == ("late", "still wanted")


def test_a_loser_that_swallows_its_cancellation_is_waited_for(begin: Begin) -> None:
    def stubborn() -> Flow[Any]:
        try:
            yield wait("never")
        except Cancelled:
            yield step("instead", work)
        return "ignored"

    def flow() -> Flow[Any]:
        return (yield from race(stubborn=stubborn(), quick=step("a", work)))

    hand = begin(flow)
    hand.succeed("a", 1)
    assert hand.names == ["instead"]
    hand.succeed("instead")
    assert hand.result == Winner("quick", 1)


# A timer of the same commit ---------------------------------------------------------------------


def test_a_timer_that_fired_in_the_same_commit_as_what_closed_it_is_ignored(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        winner = yield from answer_or_late()
        yield step("after", work)
        return winner.name

    hand = begin(flow)
    late = hand.fired("late")
    hand.signal("go")
    before = dict(hand.machine.open)
    hand.put(late)
    assert hand.machine.open == before
    hand.succeed("after")
    assert hand.result == "answer"
    assert hand.replayed().outcome == hand.machine.outcome


def test_a_deadline_that_passed_in_the_same_commit_as_the_signal_is_ignored(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from wait("go", timeout=60))

    hand = begin(flow)
    late = hand.fired("go")
    hand.signal("go", "in time")
    hand.put(late)
    assert hand.result == "in time"


def test_late_timers_are_ignored_in_branches_that_have_ended_and_after_the_workflows_end(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(quick=step("a", work), slow=gather(sleep("x", 1), wait("y", timeout=1)))

    hand = begin(flow)
    x, y = hand.fired("x"), hand.fired("y")
    hand.succeed("a")
    hand.put(x, y)
    assert hand.status is Status.COMPLETED
    hand.end()
    assert hand.open == {}


def test_only_a_timer_that_was_open_can_come_late(begin: Begin) -> None:
    hand = begin(answer_or_late)
    hand.signal("go")
    for stranger in (
        Slept((0, 1, 0), "other", "late"),
        Slept((0, 1, 0), "late", "other"),
        Slept((0, 2, 0), "late", "late"),
    ):
        with pytest.raises(Mismatch):
            hand.replayed().apply(Entry(len(hand.journal) + 1, hand.now, stranger))
