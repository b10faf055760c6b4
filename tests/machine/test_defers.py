"""``defer``: what makes up for what was done, when the execution fails or is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, Retry, defer, fork, gather, sleep, step, wait
from dataflows.errors import Mismatch
from dataflows.outcome import Value
from interpreter.machine import CancelRequested, RunStep, Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def booking() -> Flow[str]:
    yield from defer("cancel hotel", work)
    yield from step("book hotel", work)
    yield from defer("cancel flight", work)
    yield from step("book flight", work)
    return "booked"


def failed(begin: Begin) -> ByHand:
    """It has failed, with two steps deferred."""
    hand = begin(booking)
    hand.succeed("book hotel")
    hand.fail("book flight", OSError("no seat"))
    return hand


def test_what_was_deferred_last_runs_first_and_the_error_stays_the_first(begin: Begin) -> None:
    hand = failed(begin)
    assert hand.open == {"4": "cancel flight"}
    hand.succeed("cancel flight")
    assert hand.open == {"5": "cancel hotel"}
    hand.succeed("cancel hotel")
    assert hand.status is Status.FAILED
    with pytest.raises(OSError, match="no seat") as raised:
        assert hand.result
    assert not hasattr(raised.value, "__notes__")


def test_it_is_the_same_on_every_replay(begin: Begin) -> None:
    hand = failed(begin)
    hand.succeed("cancel flight")
    assert hand.replayed().open == hand.machine.open
    hand.fail("cancel hotel", ValueError("too late"))
    hand.end()
    assert repr(hand.replayed().outcome) == repr(hand.machine.outcome)


def test_nothing_runs_when_it_completes(begin: Begin) -> None:
    hand = begin(booking)
    hand.succeed("book hotel")
    hand.succeed("book flight")
    assert hand.result == "booked"
    assert hand.status is Status.COMPLETED


def test_what_was_not_reached_is_not_made_up_for(begin: Begin) -> None:
    hand = begin(booking)
    hand.fail("book hotel", OSError())
    hand.succeed("cancel hotel")
    assert hand.status is Status.FAILED


def test_it_runs_when_the_execution_is_cancelled_after_the_workflows_own_cleanup(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work)
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    hand = begin(flow)
    hand.cancel()
    hand.succeed("cleanup")
    assert hand.open == {"3": "undo"}
    hand.succeed("undo")
    assert hand.status is Status.CANCELLED
    with pytest.raises(Cancelled):
        assert hand.result


def test_an_error_that_the_workflow_catches_is_none(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work)
        try:
            yield step("a", work)
        except OSError:
            return "caught"

    hand = begin(flow)
    hand.fail("a", OSError())
    assert hand.result == "caught"


def test_one_that_fails_for_good_is_noted_on_the_error_and_the_next_still_runs(begin: Begin) -> None:
    hand = failed(begin)
    hand.fail("cancel flight", ValueError("too late"))
    hand.fail("cancel hotel", SystemError("closed"))
    with pytest.raises(OSError, match="no seat") as raised:
        assert hand.result
    assert raised.value.__notes__ == [
        "deferred step 'cancel flight' failed: ValueError: too late",
        "deferred step 'cancel hotel' failed: SystemError: closed",
    ]


class Mute(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


def test_one_that_fails_with_an_exception_that_has_no_text_keeps_the_next_from_nothing(begin: Begin) -> None:
    hand = failed(begin)
    hand.fail("cancel flight", Mute())
    assert hand.names == ["cancel hotel"]
    hand.succeed("cancel hotel")
    with pytest.raises(OSError, match="no seat") as raised:
        assert hand.result
    assert raised.value.__notes__ == ["deferred step 'cancel flight' failed: Mute"]


def test_it_is_tried_again_by_its_own_policy(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work, retry=Retry(attempts=2))
        raise OSError

    hand = begin(flow)
    hand.fail_attempt("undo", ValueError("first"))
    undo = hand.find("undo")
    assert isinstance(undo, RunStep) and undo.number == 2
    hand.fail_attempt("undo", ValueError("second"))
    assert hand.status is Status.FAILED


def test_a_cancellation_that_comes_meanwhile_changes_nothing(begin: Begin) -> None:
    hand = failed(begin)
    before = dict(hand.machine.open)
    hand.cancel()
    assert hand.machine.open == before
    hand.put(hand.ended("cancel flight", Value(None)), CancelRequested())
    assert hand.open == {"5": "cancel hotel"}
    hand.succeed("cancel hotel")
    assert hand.status is Status.FAILED


def test_branches_and_tasks_defer_too_in_the_order_in_which_all_of_them_do(begin: Begin) -> None:
    def branch(name: str) -> Flow[Any]:
        yield step(f"do {name}", work)
        yield defer(f"undo {name}", work)

    def flow() -> Flow[Any]:
        yield fork(branch("task"))
        yield gather(branch("a"), branch("b"))
        raise OSError

    hand = begin(flow)
    for name in ("do b", "do task", "do a"):
        hand.succeed(name)
    undone = []
    while hand.names != [Status.FAILED]:
        undone += hand.names
        hand.succeed(hand.names[0])
    assert undone == ["undo a", "undo task", "undo b"]


def test_tasks_are_cleaned_up_before_anything_that_was_deferred_runs(begin: Begin) -> None:
    def task() -> Flow[Any]:
        try:
            yield wait("never")
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield defer("undo", work)
        yield fork(task())
        yield sleep("nap", 1)
        raise OSError

    hand = begin(flow)
    hand.fire("nap")
    assert hand.names == ["cleanup"]
    hand.succeed("cleanup")
    assert hand.names == ["undo"]


def test_an_error_of_a_task_that_nobody_asked_for_has_it_run(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work)
        yield fork(step("task", work))
        yield sleep("nap", 1)

    hand = begin(flow)
    hand.fail("task", OSError("unseen"))
    hand.fire("nap")
    hand.succeed("undo")
    with pytest.raises(OSError, match="unseen"):
        assert hand.result


def test_letting_go_among_what_was_deferred_issues_nothing(begin: Begin) -> None:
    hand = failed(begin)
    before = dict(hand.machine.open)
    hand.machine.abandon()
    assert hand.machine.open == before


def test_code_that_defers_something_else_is_a_disagreement_that_names_the_workflow(begin: Begin) -> None:
    hand = failed(begin)
    hand.succeed("cancel flight")

    def changed() -> Flow[Any]:
        yield from defer("cancel hotel", work)
        yield from step("book hotel", work)
        yield from defer("keep flight", work)
        yield from step("book flight", work)

    with pytest.raises(Mismatch) as raised:
        hand.replayed(changed)
    message = str(raised.value)
    assert "has:  step 'cancel flight'\n  the code has:     step 'keep flight'" in message
    assert f"what was deferred, after the end of {__file__}:" in message


def test_the_place_where_it_stands_is_told_meanwhile(begin: Begin) -> None:
    [place] = failed(begin).machine.where()
    assert place.startswith(f"what was deferred, after the end of {__file__}:")
