"""``step(..., once=True)``: its start is journaled first, and it never starts again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, Retry, RetryAfter, StepInterrupted, race, sleep, step
from dataflows.errors import Mismatch
from dataflows.outcome import Error
from interpreter.machine import (
    BeginStep,
    CancelRequested,
    RunStep,
    Slept,
    Status,
    StepBegun,
    StepEnded,
    StopStep,
    after_failure,
)
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def charging() -> Flow[Any]:
    try:
        return (yield from step("charge", work, once=True))
    except StepInterrupted:
        return (yield from step("look", work))
    finally:
        yield step("cleanup", work)


def test_it_runs_only_when_its_start_is_journaled(begin: Begin) -> None:
    hand = begin(charging)
    assert isinstance(hand.find("charge"), BeginStep)
    hand.begin_step("charge")
    assert isinstance(hand.find("charge"), RunStep)
    hand.succeed("charge", "paid")
    hand.succeed("cleanup")
    assert hand.result == "paid"


def test_that_it_was_begun_is_seen_on_replay_and_what_it_came_to_then_arrives_as_interrupted(begin: Begin) -> None:
    hand = begin(charging)
    hand.begin_step("charge")
    found = hand.replayed().open[(0,)]
    assert isinstance(found, RunStep) and found.command.once
    hand.fail("charge", StepInterrupted("it may have happened"))
    hand.succeed("look", "it had not happened")
    hand.succeed("cleanup")
    assert hand.result == hand.replayed().outcome.value == "it had not happened"  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [OSError(), RetryAfter(1), TimeoutError()], ids=repr)
def test_it_is_never_tried_again_whatever_it_raises_and_whatever_the_workflows_policy(
    begin: Begin, error: Exception
) -> None:
    hand = begin(charging, retry=Retry(attempts=None))
    hand.begin_step("charge")
    ended = after_failure(hand.find("charge"), error, hand.now)
    assert isinstance(ended, StepEnded) and ended.outcome == Error(error)


def test_cancelled_before_its_start_is_journaled_it_never_runs(begin: Begin) -> None:
    hand = begin(charging)
    hand.cancel()
    assert hand.open == {"1": "cleanup"}
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_a_start_that_stands_after_the_cancellation_in_the_same_commit_is_ignored(begin: Begin) -> None:
    hand = begin(charging)
    hand.put(CancelRequested(), hand.begun("charge"))
    assert hand.open == {"1": "cleanup"}
    assert hand.replayed().open.keys() == {(1,)}


def test_a_start_that_stands_before_the_cancellation_in_the_same_commit_is_stopped_like_any_step(begin: Begin) -> None:
    hand = begin(charging)
    hand.put(hand.begun("charge"), CancelRequested())
    assert isinstance(hand.find("charge"), StopStep)
    hand.stop("charge")
    assert hand.open == {"1": "cleanup"}


def test_of_a_race_that_is_decided_in_the_same_commit_it_is_ignored_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from race(charge=step("charge", work, once=True), late=sleep("late", 1)))

    hand = begin(flow)
    hand.pass_time(1)
    fired = hand.fired("late")
    assert isinstance(fired, Slept)
    hand.put(fired, hand.begun("charge"))
    assert hand.result.name == "late"
    assert hand.replayed().outcome == hand.machine.outcome


def test_the_start_of_a_step_that_is_no_longer_once_is_a_disagreement(begin: Begin) -> None:
    def flow(once: bool = True) -> Flow[Any]:
        yield step("charge", work, once=once)

    hand = begin(flow)
    hand.begin_step("charge")
    with pytest.raises(Mismatch, match="has:  start of step 'charge'\n  the code has:     step 'charge'"):
        hand.replayed(lambda: flow(False))


def test_a_start_that_nobody_waits_for_is_a_disagreement(begin: Begin) -> None:
    hand = begin(charging)
    hand.begin_step("charge")
    with pytest.raises(Mismatch, match="start of step 'charge'"):
        hand.put(StepBegun((0,), "charge"))


def test_cancelled_while_it_runs_it_comes_to_rest_first(begin: Begin) -> None:
    hand = begin(charging)
    hand.begin_step("charge")
    hand.cancel()
    hand.succeed("charge", "nobody sees this")
    hand.succeed("cleanup")
    with pytest.raises(Cancelled):
        assert hand.result
