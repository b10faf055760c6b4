"""How a cancelled execution ends, and that an ended one is never flipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, gather, now, sleep, step, wait
from dataflows.errors import Mismatch
from interpreter.machine import Status, StepStopped
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def slow_cleanup() -> Flow[Any]:
    try:
        yield wait("never")
    finally:
        yield step("cleanup", work)


def test_a_second_cancel_changes_nothing_not_even_during_cleanup(begin: Begin) -> None:
    hand = begin(slow_cleanup)
    hand.cancel()
    hand.cancel()
    assert hand.open == {"1": "cleanup"}
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_a_cleanup_of_many_branches_is_not_disturbed_by_a_second_cancel(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield gather(step("x", work), sleep("y", 1))

    hand = begin(flow)
    hand.cancel()
    hand.cancel()
    hand.fire("y")
    hand.succeed("x")
    assert hand.status is Status.CANCELLED


def test_who_swallows_the_cancellation_completes(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield wait("never")
        except Cancelled:
            return (yield from step("instead", work))

    hand = begin(flow)
    hand.cancel()
    hand.succeed("instead", "done all the same")
    assert hand.result == "done all the same"
    assert hand.status is Status.COMPLETED


def test_who_fails_while_cleaning_up_fails_with_the_cancellation_as_context(begin: Begin) -> None:
    hand = begin(slow_cleanup)
    hand.cancel()
    hand.fail("cleanup", OSError("cleanup failed"))
    assert hand.status is Status.FAILED
    with pytest.raises(OSError, match="cleanup failed") as raised:
        assert hand.result
    assert isinstance(raised.value.__context__, Cancelled)


def test_a_broad_except_exception_does_not_swallow_a_cancellation(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield wait("never")
        except Exception:
            return "swallowed"

    hand = begin(flow)
    hand.cancel()
    assert hand.status is Status.CANCELLED


@pytest.mark.parametrize("fails", [False, True])
def test_an_ended_workflow_is_never_flipped_by_a_cancellation(begin: Begin, fails: bool) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    hand = begin(flow)
    if fails:
        hand.fail("a", ValueError())
    else:
        hand.succeed("a")
    ended = dict(hand.machine.open)
    hand.cancel()
    assert hand.machine.open == ended


def test_nothing_moves_an_execution_whose_end_is_journaled(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield wait("go")
        return "done"

    hand = begin(flow)
    hand.signal("go")
    hand.end()
    outcome = hand.machine.outcome
    hand.signal("go")
    hand.cancel()
    assert hand.open == {}
    assert hand.machine.outcome is outcome


def test_a_loop_that_swallows_every_cancellation_is_cancelled_once_and_goes_on(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        while True:
            try:
                yield from step("again", work)
                yield now()
            except BaseException:
                pass

    hand = begin(flow)
    for _ in range(3):
        hand.cancel()
    hand.stop("again")
    assert hand.open == {"1": "again"}
    hand.succeed("again")
    assert hand.open == {"3": "again"}


def test_only_a_cancelled_step_can_be_stopped(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    hand = begin(flow)
    with pytest.raises(Mismatch, match="the journal has:  cancelled step 'a'\n  the code has:     step 'a'"):
        hand.put(StepStopped((0,), "a"))
