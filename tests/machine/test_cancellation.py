"""Cancelling an execution, in every state that it can be in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, Retry, cancel, fork, gather, race, sleep, step, wait
from dataflows.commands import Command
from interpreter.machine import CancelRequested, Machine, SignalReceived, Status, StopStep, after_failure
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def careful(blocked: Callable[[], Command[Any]]) -> Flow[Any]:
    """Blocked on that; cleans up with a step."""
    try:
        yield blocked()
    finally:
        yield step("cleanup", work)


def slow_cleanup() -> Flow[Any]:
    return (yield from careful(lambda: wait("never")))


BLOCKED: dict[str, Callable[[], Command[Any]]] = {
    "sleep": lambda: sleep("nap", 60),
    "wait": lambda: wait("go"),
    "wait with timeout": lambda: wait("go", timeout=60),
    "gather of timers": lambda: gather(sleep("a", 1), wait("b"), gather(sleep("c", 1))),
    "race of timers": lambda: race(a=sleep("a", 1), b=wait("b")),
}


@pytest.mark.parametrize("blocked", BLOCKED.values(), ids=BLOCKED)
def test_cancel_arrives_where_the_workflow_is_blocked_and_cleanup_steps_still_run(
    begin: Begin, blocked: Callable[[], Command[Any]]
) -> None:
    hand = begin(careful, blocked)
    hand.cancel()
    assert hand.open == {"1": "cleanup"}
    hand.succeed("cleanup")
    assert hand.open == {"": "cancelled"}
    with pytest.raises(Cancelled):
        assert hand.result


def test_cancel_of_a_running_step_stops_it_first_and_cleans_up_when_it_has_come_to_rest(begin: Begin) -> None:
    hand = begin(careful, lambda: step("long", work))
    hand.cancel()
    assert isinstance(hand.find("long"), StopStep)
    hand.stop("long")
    assert hand.open == {"1": "cleanup"}


RESTS: dict[str, Callable[[ByHand], None]] = {
    "it ended well": lambda hand: hand.succeed("long", "discarded"),
    "it failed": lambda hand: hand.fail("long", ValueError("discarded")),
    "it was stopped": lambda hand: hand.stop("long"),
}


@pytest.mark.parametrize("rest", RESTS.values(), ids=RESTS)
def test_whatever_a_cancelled_step_comes_to_cancelled_is_thrown(begin: Begin, rest: Callable[[ByHand], None]) -> None:
    def flow() -> Flow[Any]:
        yield step("long", work)

    hand = begin(flow)
    hand.cancel()
    rest(hand)
    assert hand.status is Status.CANCELLED


def test_an_attempt_that_failed_in_the_same_commit_as_the_cancellation_is_its_rest(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("long", work)

    hand = begin(flow)
    hand.put(CancelRequested(), after_failure(hand.find("long"), OSError(), hand.now))
    assert hand.status is Status.CANCELLED


@pytest.mark.parametrize("first", ["signal", "cancel"])
def test_a_signal_in_the_same_commit_counts_if_it_was_journaled_before_the_cancellation(
    begin: Begin, first: str
) -> None:
    seen = []

    def flow() -> Flow[Any]:
        seen.append((yield from wait("go")))
        yield wait("never")

    hand = begin(flow)
    facts = [SignalReceived("go", "payload", hand.now), CancelRequested()]
    hand.put(*(facts if first == "signal" else reversed(facts)))
    assert hand.status is Status.CANCELLED
    assert seen == (["payload"] if first == "signal" else [])


def test_branches_that_wait_for_their_turn_never_begin(begin: Begin) -> None:
    ran = []

    def branch(number: int) -> Flow[Any]:
        ran.append(number)
        yield sleep("nap", 1)

    def flow() -> Flow[Any]:
        yield gather(*map(branch, range(5)), limit=2)

    hand = begin(flow)
    hand.cancel()
    assert hand.status is Status.CANCELLED
    assert ran == [0, 1]


def test_a_step_in_back_off_is_cancelled_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("flaky", work, retry=Retry(first="1h"))

    hand = begin(flow)
    hand.fail_attempt("flaky", OSError())
    hand.cancel()
    hand.stop("flaky")
    assert hand.status is Status.CANCELLED


def test_a_cancellation_that_was_journaled_before_the_step_ended_wins_on_every_replay(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("long", work)
        yield step("after", work)

    hand = begin(flow)
    hand.cancel()
    assert isinstance(hand.replayed().open[(0,)], StopStep)
    hand.succeed("long")
    assert hand.replayed().outcome is not None


def test_a_step_that_ended_before_the_cancellation_was_journaled_counts(begin: Begin) -> None:
    seen = []

    def flow() -> Flow[Any]:
        seen.append((yield from step("a", work)))
        yield step("b", work)

    hand = begin(flow)
    hand.succeed("a", "kept")
    hand.cancel()
    hand.stop("b")
    assert seen == ["kept"]
    assert hand.status is Status.CANCELLED


def test_every_branch_is_cancelled_and_the_workflow_waits_for_all_of_them(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield gather(slow_cleanup(), race(a=slow_cleanup(), b=step("long", work)))

    hand = begin(flow)
    hand.cancel()
    assert hand.names == ["long", "cleanup", "cleanup"]
    hand.succeed("0.0.1")
    hand.stop("long")
    assert hand.machine.outcome is None
    hand.succeed("0.1.0.0.1")
    assert hand.status is Status.CANCELLED


def test_tasks_are_cancelled_too_those_that_nobody_asks_for_and_those_that_are_asked_for(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(slow_cleanup())
        task = yield from fork(step("long", work))
        yield task

    hand = begin(flow)
    hand.cancel()
    assert hand.names == ["long", "cleanup"]
    hand.stop("long")
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_cancel_while_a_task_is_being_cancelled(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(slow_cleanup())
        yield sleep("nap", 1)
        yield cancel(task)

    hand = begin(flow)
    hand.fire("nap")
    hand.cancel()
    assert hand.machine.outcome is None
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_cancel_while_the_tasks_of_a_workflow_that_has_returned_are_cleaned_up_changes_nothing(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(slow_cleanup())
        yield sleep("nap", 1)
        return "done"

    hand = begin(flow)
    hand.fire("nap")
    hand.cancel()
    hand.succeed("cleanup")
    assert hand.result == "done"


def test_cancel_before_the_first_entry_runs_no_code_of_the_workflow(begin: Begin) -> None:
    ran = []

    def flow() -> Flow[Any]:
        ran.append("begun")
        yield step("a", work)

    hand = begin(flow)
    ran.clear()
    started, begun = hand.journal
    hand.journal, hand.machine = [], Machine(hand.workflow)
    hand.put(started.fact, CancelRequested(), begun.fact)
    assert hand.status is Status.CANCELLED
    assert ran == []


def test_cancel_of_a_race_that_is_decided_but_still_cleans_up_throws_its_answer_away(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(loser=slow_cleanup(), winner=sleep("nap", 1))

    hand = begin(flow)
    hand.fire("nap")
    hand.cancel()
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED
