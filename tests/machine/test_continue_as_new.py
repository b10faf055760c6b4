"""``continue_as_new``: the same workflow again, with an empty journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import CannotStore, Flow, continue_as_new, defer, fork, gather, now, sleep, step, wait
from dataflows.commands import ContinueAsNew
from dataflows.errors import Mismatch, WrongYield
from dataflows.outcome import Error, Value
from interpreter.machine import CancelRequested, Ended, Renew, Renewed, SignalReceived, Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def monthly(month: int) -> Flow[int]:
    yield from step("bill", work)
    return (yield from continue_as_new(month + 1))


def test_it_begins_again_with_these_arguments_and_nothing_else_follows(begin: Begin) -> None:
    hand = begin(monthly, 1)
    hand.succeed("bill")
    assert hand.machine.open == {(): Renew((2,), (), False)}
    hand.renew()
    assert hand.open == {}
    assert hand.machine.outcome == Value(ContinueAsNew((2,)))
    assert hand.replayed().outcome == hand.machine.outcome


def test_the_generator_is_let_go_and_its_cleanup_yields_nothing(begin: Begin) -> None:
    ran = []

    def flow() -> Flow[Any]:
        try:
            return (yield from continue_as_new())
        except BaseException as error:
            ran.append(type(error).__name__)
            raise
        finally:
            ran.append("finally")
            yield step("never", work)

    hand = begin(flow)
    assert hand.open == {"": "renewed"}
    assert ran == ["GeneratorExit", "finally"]


def test_its_tasks_are_cancelled_and_cleaned_up_first_as_on_return(begin: Begin) -> None:
    def task() -> Flow[Any]:
        try:
            yield sleep("nap", 60)
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield fork(task())
        yield sleep("a while", 1)
        yield continue_as_new(1)

    hand = begin(flow)
    hand.fire("a while")
    assert hand.names == ["cleanup"]
    hand.succeed("cleanup")
    assert hand.renew().args == (1,)


def test_an_error_in_the_cleanup_of_a_task_fails_it_instead(begin: Begin) -> None:
    def task() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield fork(task())
        yield sleep("a while", 1)
        yield continue_as_new(1)

    hand = begin(flow)
    hand.fire("a while")
    hand.fail("cleanup", OSError("in the cleanup"))
    assert hand.status is Status.FAILED
    with pytest.raises(OSError, match="in the cleanup"):
        assert hand.result


# Signals ----------------------------------------------------------------------------------------


def renewed_with(*payloads: str, at: Any) -> tuple[SignalReceived, ...]:
    return tuple(SignalReceived(payload[0], payload, at) for payload in payloads)


def test_signals_that_nobody_has_consumed_go_with_it_in_their_order(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield wait("a")
        yield step("work", work)
        yield continue_as_new()

    hand = begin(flow)
    for payload in ("b1", "a1", "a2", "c1", "b2", "a3"):
        hand.signal(payload[0], payload)
    hand.succeed("work")
    assert hand.renew().signals == renewed_with("b1", "a2", "c1", "b2", "a3", at=hand.now)


def test_one_with_a_key_keeps_it(begin: Begin) -> None:
    hand = begin(monthly, 1)
    hand.signal("payment", 5, key="order 1")
    hand.succeed("bill")
    assert hand.renew().signals == (SignalReceived("payment", 5, hand.now, "order 1"),)


def test_a_signal_that_is_journaled_before_it_has_begun_again_goes_with_it_too(begin: Begin) -> None:
    hand = begin(monthly, 1)
    hand.signal("a", "a1")
    hand.put(hand.ended("bill", Value(None)), *renewed_with("b1", "a2", at=hand.now))
    hand.machine.actions()
    hand.signal("c", "c1")
    [action] = hand.machine.actions()
    assert action == hand.renew()
    assert isinstance(action, Renew) and action.signals == renewed_with("a1", "b1", "a2", "c1", at=hand.now)


# Cancellation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["after", "in the same commit", "while a task is cleaned up"])
def test_a_cancellation_that_comes_before_it_has_begun_again_is_for_the_fresh_journal_to_tell(
    begin: Begin, when: str
) -> None:
    def task() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        if when == "while a task is cleaned up":
            yield fork(task())
        yield step("bill", work)
        yield continue_as_new()

    hand = begin(flow)
    if when == "after":
        hand.succeed("bill")
        hand.cancel()
    elif when == "in the same commit":
        hand.put(hand.ended("bill", Value(None)), CancelRequested())
    else:
        hand.succeed("bill")
        hand.cancel()
        hand.succeed("cleanup")
    assert hand.replayed().open == hand.machine.open
    assert hand.renew() == Renew((), (), True)


def test_a_cancellation_that_the_workflow_has_swallowed_before_is_not_told_again(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield wait("never")
        except BaseException:
            yield continue_as_new()

    hand = begin(flow)
    hand.cancel()
    assert hand.renew() == Renew((), (), False)


# Where it is refused ----------------------------------------------------------------------------


def test_only_the_workflow_itself_can_do_it_and_a_branch_is_told_at_its_yield(begin: Begin) -> None:
    def branch() -> Flow[Any]:
        yield continue_as_new(1)

    def flow() -> Flow[Any]:
        yield gather(branch(), sleep("nap", 1))

    with pytest.raises(WrongYield, match=f"no branch and no task\n  at {__file__}:.*yield continue_as_new"):
        assert begin(flow).result


def test_with_something_deferred_it_is_told_and_what_was_deferred_runs(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work)
        yield continue_as_new(1)

    hand = begin(flow)
    hand.succeed("undo")
    with pytest.raises(WrongYield, match=f"would be forgotten.*\n  at {__file__}:.*yield continue_as_new"):
        assert hand.result


def test_a_task_cannot_defer_while_its_workflow_begins_again(begin: Begin) -> None:
    def task() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield defer("undo", work)

    def flow() -> Flow[Any]:
        yield fork(task())
        yield sleep("a while", 1)
        yield continue_as_new()

    hand = begin(flow)
    hand.fire("a while")
    with pytest.raises(WrongYield, match="continues as new, and would forget it"):
        assert hand.result


# Disagreements ----------------------------------------------------------------------------------


def test_an_argument_that_could_not_be_stored_has_failed_it(begin: Begin) -> None:
    hand = begin(monthly, 1)
    hand.succeed("bill")
    hand.put(Ended(Status.FAILED, Error(CannotStore("a lock"))))
    assert hand.open == {}
    assert hand.replayed().open == {}


def test_code_that_no_longer_begins_again_is_a_disagreement(begin: Begin) -> None:
    hand = begin(monthly, 1)
    hand.succeed("bill")
    hand.renew()

    def changed(month: int) -> Flow[None]:
        yield from step("bill", work)

    with pytest.raises(Mismatch, match="has:  the workflow's beginning again\n  the code has:     its end: completed"):
        hand.replayed(changed)


def test_code_that_now_begins_again_is_a_disagreement(begin: Begin) -> None:
    def ending(month: int) -> Flow[Any]:
        yield step("bill", work)
        yield now()

    hand = begin(ending, 1)
    hand.succeed("bill")
    hand.end()
    with pytest.raises(Mismatch, match="has:  the workflow's end: completed\n  the code has:     its beginning again"):
        hand.replayed(monthly)


def test_it_cannot_have_begun_again_before_it_does(begin: Begin) -> None:
    hand = begin(monthly, 1)
    with pytest.raises(Mismatch, match="the workflow's beginning again"):
        hand.put(Renewed())
