"""``child`` and ``start``: other executions, waited for or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, ExecutionCancelled, Flow, IdInUse, child, gather, race, sleep, start, step, workflow
from dataflows.errors import Mismatch
from dataflows.outcome import Error, Value
from interpreter.machine import AwaitChild, CancelRequested, StartChild, Status, StopChild
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


@workflow("tests.machine.order")
def order(number: int) -> Flow[str]:
    yield from step("ship", work, number)
    return "shipped"


ORDER = order.name


def parent() -> Flow[Any]:
    try:
        return (yield from child(order, 7, id="order-7"))
    finally:
        yield step("cleanup", work)


def starter() -> Flow[Any]:
    try:
        return (yield from start(order, 7))
    finally:
        yield step("cleanup", work)


# child ------------------------------------------------------------------------------------------


def test_a_child_is_started_and_then_waited_for(begin: Begin) -> None:
    hand = begin(parent)
    action = hand.find(ORDER)
    assert isinstance(action, StartChild)
    assert (action.command.workflow, action.command.args, action.command.id) == (order, (7,), "order-7")
    hand.start_child(ORDER, "order-7")
    assert hand.find(ORDER) == AwaitChild((0,), ORDER, "", "order-7")
    hand.end_child(ORDER, "shipped")
    hand.succeed("cleanup")
    assert hand.result == "shipped"


def test_a_replay_waits_for_the_child_that_was_started_and_starts_no_second(begin: Begin) -> None:
    hand = begin(parent)
    hand.start_child(ORDER)
    assert hand.replayed().open == {(0,): AwaitChild((0,), ORDER, "", "the child")}


def test_a_child_that_ends_before_its_start_is_journaled_is_answered_and_its_start_comes_late(begin: Begin) -> None:
    hand = begin(parent)
    hand.put(hand.child_ended(ORDER, Value("shipped")), hand.child_started(ORDER))
    assert hand.open == {"1": "cleanup"}
    assert hand.replayed().open.keys() == {(1,)}


def test_an_id_of_others_arrives_as_it_is(begin: Begin) -> None:
    hand = begin(parent)
    hand.fail_child(ORDER, IdInUse("order-7 is another workflow's"))
    hand.succeed("cleanup")
    with pytest.raises(IdInUse) as raised:
        assert hand.result
    assert not hasattr(raised.value, "__notes__")


def test_a_childs_error_arrives_as_the_same_type_with_a_note_at_each_level(begin: Begin) -> None:
    hand = begin(parent)
    hand.start_child(ORDER, "order-7")
    error = KeyError("missing")
    error.add_note("in child execution 'order-7/1' of workflow 'ship'")
    hand.fail_child(ORDER, error)
    hand.succeed("cleanup")
    with pytest.raises(KeyError) as raised:
        assert hand.result
    assert raised.value.__notes__ == [
        "in child execution 'order-7/1' of workflow 'ship'",
        f"in child execution 'order-7' of workflow {ORDER!r}",
    ]


class Frozen(Exception):
    """Takes no attribute, so no note."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def test_an_error_that_takes_no_note_arrives_without(begin: Begin) -> None:
    hand = begin(parent)
    hand.start_child(ORDER)
    hand.put(hand.child_ended(ORDER, Error(Frozen("no"))))
    assert hand.open == {"1": "cleanup"}


@pytest.mark.parametrize("started", [True, False])
def test_a_child_that_others_have_cancelled_is_an_error_and_no_cancellation_of_the_parent(
    begin: Begin, started: bool
) -> None:
    hand = begin(parent)
    if started:
        hand.start_child(ORDER, "order-7")
    hand.fail_child(ORDER, Cancelled("cancelled"))
    hand.succeed("cleanup")
    assert hand.status is Status.FAILED
    with pytest.raises(ExecutionCancelled, match="of workflow 'tests.machine.order' was cancelled"):
        assert hand.result


@pytest.mark.parametrize(
    "outcome", [Value("shipped"), Error(Cancelled()), Error(OSError("in its cleanup"))], ids=lambda value: repr(value)
)
def test_a_cancelled_parent_cancels_its_child_and_waits_for_it_whatever_it_comes_to(
    begin: Begin, outcome: Value[str] | Error
) -> None:
    hand = begin(parent)
    hand.start_child(ORDER, "order-7")
    hand.cancel()
    assert hand.open == {"0": ORDER}
    assert hand.find(ORDER) == StopChild((0,), ORDER, "", "order-7")
    hand.put(hand.child_ended(ORDER, outcome))
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_a_parent_that_is_cancelled_while_its_child_is_being_started_cancels_it_when_it_has(begin: Begin) -> None:
    hand = begin(parent)
    hand.cancel()
    action = hand.find(ORDER)
    assert isinstance(action, StartChild) and action.stopping
    hand.start_child(ORDER)
    assert isinstance(hand.find(ORDER), StopChild)
    hand.end_child(ORDER)
    assert hand.open == {"1": "cleanup"}


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_start_and_a_cancellation_in_the_same_commit_have_the_child_cancelled_in_either_order(
    begin: Begin, cancelled_first: bool
) -> None:
    hand = begin(parent)
    facts = [hand.child_started(ORDER), CancelRequested()]
    hand.put(*(reversed(facts) if cancelled_first else facts))
    assert isinstance(hand.find(ORDER), StopChild)
    assert hand.replayed().open == hand.machine.open


def test_a_child_that_could_not_be_started_while_it_was_cancelled_is_a_cancellation(begin: Begin) -> None:
    hand = begin(parent)
    hand.cancel()
    hand.fail_child(ORDER, IdInUse("order-7"))
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_a_child_that_ended_before_the_cancellation_counts(begin: Begin) -> None:
    hand = begin(parent)
    hand.start_child(ORDER)
    hand.put(hand.child_ended(ORDER, Value("shipped")), CancelRequested())
    hand.stop("cleanup")
    assert hand.status is Status.CANCELLED


def test_children_run_beside_each_other_and_a_losing_one_is_cancelled_before_the_race_is_answered(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        both = yield from gather(child(order, 1), child(order, 2))
        winner = yield from race(order=child(order, 3), late=sleep("late", 60))
        return both, winner.name

    hand = begin(flow)
    for number in (0, 1):
        hand.start_child(f"0.{number}.0", f"order {number}")
    hand.end_child("0.1.0", "second")
    hand.end_child("0.0.0", "first")
    hand.start_child(ORDER, "order 3")
    assert hand.find(ORDER).branch == "order"
    hand.fire("late")
    assert isinstance(hand.find(ORDER), StopChild)
    hand.end_child(ORDER)
    assert hand.result == (("first", "second"), "late")


def test_a_child_of_another_workflow_is_a_disagreement(begin: Begin) -> None:
    hand = begin(parent)
    hand.start_child(ORDER)

    def changed() -> Flow[Any]:
        yield step(ORDER, work)

    with pytest.raises(Mismatch, match=f"has:  start of child '{ORDER}'\n  the code has:     step '{ORDER}'"):
        hand.replayed(changed)


def test_the_end_of_a_child_that_was_never_reached_is_a_disagreement(begin: Begin) -> None:
    hand = begin(starter)
    ended = hand.child_ended(ORDER, Value(None))
    hand.start_child(ORDER)
    with pytest.raises(Mismatch, match=f"the journal has:  child '{ORDER}'"):
        hand.put(ended)


# start ------------------------------------------------------------------------------------------


def test_start_answers_the_id_and_does_not_wait(begin: Begin) -> None:
    hand = begin(starter)
    hand.start_child(ORDER, "order-7")
    assert hand.open == {"1": "cleanup"}
    hand.succeed("cleanup")
    assert hand.result == "order-7"


def test_what_was_started_goes_on_when_its_starter_is_cancelled_meanwhile(begin: Begin) -> None:
    hand = begin(starter)
    hand.cancel()
    assert hand.open == {"0": ORDER}
    hand.start_child(ORDER)
    assert hand.open == {"1": "cleanup"}
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


def test_an_id_of_others_arrives_at_start_too(begin: Begin) -> None:
    hand = begin(starter)
    hand.fail_child(ORDER, IdInUse("order-7"))
    hand.succeed("cleanup")
    with pytest.raises(IdInUse):
        assert hand.result
