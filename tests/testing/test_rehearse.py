"""``rehearse``: a bare generator, against an ordered plan."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows import Error, Flow, Step, Value, WaitTimeout, gather, race, sleep, step, wait
from dataflows.commands import Sleep
from examples.copy_to_clickup import Approval
from interpreter.testing import ANY, Throw, rehearse
from tests.testing.shop import Declined, OutOfStock, approval, ask, charge, mistaken_order, order, parcel, refund, ship


def test_an_order_that_cannot_be_shipped_is_refunded() -> None:
    rehearse(
        order("A-1", 20),
        [
            (step("charge", charge, "A-1", 20), "charge-1"),
            (step("ship", ship, "A-1"), Throw(OutOfStock("none left"))),
            (step("refund", refund, "charge-1"), None),
        ],
        returns="refunded",
    )


def test_somebody_who_does_not_answer_is_reminded() -> None:
    rehearse(
        approval("Ada", "Grace"),
        [
            (step("ask", ask, "Ada"), None),
            ("decision", Throw(WaitTimeout("nobody"))),
            (step("remind", ask, "Ada"), None),
            ...,
        ],
    )


def test_a_command_alone_is_answered_nothing() -> None:
    def naps() -> Flow[str]:
        yield from sleep("first", "1d")
        yield from sleep("second", "2d")
        return "rested"

    rehearse(naps(), [sleep("first", "1d"), sleep("second", "2d")], returns="rested")
    with pytest.raises(TypeError, match=r"line 2 of the plan is not \(expected, answer\): \['second'\]"):
        rehearse(naps(), [sleep("first", "1d"), ["second"]])  # type: ignore[list-item]


def test_it_gives_what_the_workflow_returned() -> None:
    assert rehearse(order("A-1"), [("charge", "c-1"), ("ship", "t-1")]) == "t-1"


def test_an_error_of_the_workflow_goes_through() -> None:
    with pytest.raises(Declined):
        rehearse(order("A-1"), [(step("charge", charge, "A-1", 20), Declined("no"))])


@pytest.mark.parametrize(
    "expected",
    [
        "charge",
        Step,
        ANY,
        step("charge", ANY, "A-1", ANY),
        step("charge", charge, ANY, 20),
        Step("charge", charge, ANY),
    ],
)
def test_a_plan_can_be_as_loose_as_one_likes(expected: Any) -> None:
    rehearse(order("A-1"), [(expected, "c-1"), ("ship", "t-1")], returns="t-1")


def test_any_is_equal_to_everything_and_nothing_to_call() -> None:
    assert [7, step("a", ship, "A-1")] == [ANY, ANY]
    assert repr(ANY) == "ANY"
    with pytest.raises(TypeError, match="nothing to call"):
        ANY()


def test_an_answer_can_be_computed_from_the_command() -> None:
    plan = [(ANY, lambda command: f"{command.name} {command.args[0]}"), ("ship", "t-1")]
    assert rehearse(order("A-1"), plan) == "t-1"


def test_an_exception_is_thrown_and_a_value_can_be_anything() -> None:
    def one() -> Flow[Any]:
        try:
            return (yield step("one", ship, "A-1"))
        except OSError as error:
            return f"caught {error}"

    rehearse(one(), [(ANY, OSError("it"))], returns="caught it")
    rehearse(one(), [(ANY, Error(OSError("it")))], returns="caught it")
    thing = OSError("it")
    assert rehearse(one(), [(ANY, Value(thing))]) is thing


def delivery(order_id: str) -> Flow[str]:
    return (yield from step("deliver", ship, order_id))


def test_branches_are_compared_by_their_function_and_its_arguments() -> None:
    def fan_out() -> Flow[Any]:
        return (yield from gather(delivery("A-1"), step("ship", ship, "A-2"), limit=1))

    rehearse(fan_out(), [(gather(delivery("A-1"), step("ship", ship, "A-2"), limit=1), ("a", "b"))], returns=("a", "b"))
    rehearse(fan_out(), [(gather(ANY, ANY, limit=1), ("a", "b"))])
    with pytest.raises(AssertionError, match=r"branches\[0\]: expected delivery\(…\), yielded delivery\(…\)"):
        rehearse(fan_out(), [(gather(delivery("A-3"), ANY, limit=1), ())])


def test_a_race_is_planned_by_its_branches() -> None:
    plan = [(race(delivered=ANY, late=sleep("late", "14d")), Throw(Declined("x")))]
    with pytest.raises(Declined):
        rehearse(parcel("A-1"), plan)
    with pytest.raises(AssertionError, match=r"branches\[1\]\[1\]: expected sleep\('late', '15d'\), yielded sleep"):
        rehearse(parcel("A-1"), [(race(delivered=ANY, late=sleep("late", "15d")), None)])


# What is wrong ----------------------------------------------------------------------------------


def test_a_mismatch_shows_all_that_was_yielded_and_each_field_that_differs() -> None:
    with pytest.raises(AssertionError) as failed:
        rehearse(order("A-1"), [("charge", "c-1"), (step("ship", refund, "A-2"), None)])
    lines = [line.strip() for line in str(failed.value).splitlines()]
    assert lines[:6] == [
        "line 2 of the plan expects something else",
        "",
        "expected  step('ship', refund, 'A-2')",
        "yielded   step('ship', ship, 'A-1')",
        "fn: expected refund, yielded ship",
        "args[0]: expected 'A-2', yielded 'A-1'",
    ]
    assert lines[6].startswith("at        ") and lines[6].endswith('return (yield from step("ship", ship, order_id))')
    assert lines[8:10] == ["yielded so far", "1  step('charge', charge, 'A-1', 20)  → 'c-1'"]
    assert lines[10].endswith(': charge_id = yield from step("charge", charge, order_id, amount, timeout="30s")')
    assert lines[11] == "2  step('ship', ship, 'A-1')  ← here"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("ship", "expected  any command named 'ship'"),
        (Sleep, "expected  any Sleep"),
        (wait("approval", Approval, timeout="7d"), r"expected  wait\('approval', Approval, timeout='7d'\)"),
        (step("charge", charge, "A-1", 21), r"args\[1\]: expected 21, yielded 20"),
        (Step("charge", charge, ("A-1",)), r"args\[1\]: expected nothing, yielded 20"),
    ],
)
def test_what_was_expected_is_said_as_it_was_written(expected: Any, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        rehearse(order("A-1"), [(expected, None)])


def test_a_plan_that_is_too_short_is_noticed_and_one_that_is_too_long() -> None:
    with pytest.raises(AssertionError, match="the plan is over, but the workflow goes on"):
        rehearse(order("A-1"), [("charge", "c-1")])
    with pytest.raises(AssertionError, match="the workflow returned, where line 3 of the plan expects a command"):
        rehearse(order("A-1"), [("charge", "c-1"), ("ship", "t-1"), ("refund", None)])
    with pytest.raises(AssertionError, match="the workflow raised Declined: no, where line 2") as failed:
        rehearse(order("A-1"), [("charge", Declined("no")), ("ship", "t-1")])
    assert isinstance(failed.value.__cause__, Declined)


def test_another_result_is_noticed() -> None:
    with pytest.raises(AssertionError, match="expected  't-2'\n  returned  't-1'"):
        rehearse(order("A-1"), [("charge", "c-1"), ("ship", "t-1")], returns="t-2")


def test_dots_stand_at_the_end_of_a_plan() -> None:
    with pytest.raises(TypeError, match="at the end of a plan"):
        rehearse(order("A-1"), [..., ("ship", "t-1")])


def test_a_workflow_that_was_not_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"call it: workflow\(\.\.\.\)"):
        rehearse(order, [])  # type: ignore[arg-type]


def test_cleanup_does_not_act_when_a_rehearsal_ends_early() -> None:
    done: list[str] = []

    def careful() -> Flow[None]:
        try:
            yield from sleep("a", 1)
        finally:
            yield from step("clean", ship, "A-1")
            done.append("cleaned")

    rehearse(careful(), [...])
    assert done == []


def test_what_cannot_be_compared_is_different_and_breaks_nothing() -> None:
    class Strange:
        def __eq__(self, other: object) -> bool:
            raise ArithmeticError

        __hash__ = None  # type: ignore[assignment]

    def one() -> Flow[None]:
        yield from step("one", ship, Strange())  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match=r"args\[0\]: expected 'A-1', yielded"):
        rehearse(one(), [step("one", ship, "A-1")])


def test_a_wrong_yield_is_shown_for_what_it_is() -> None:
    def wrong() -> Flow[None]:
        yield 42  # type: ignore[misc]

    with pytest.raises(AssertionError, match="yielded   42"):
        rehearse(wrong(), [("ship", None)])


def test_a_step_whose_function_takes_other_arguments_is_told_and_not_answered() -> None:
    problem = r"step\('ship'\): too many positional arguments, for ship\(order_id\), which is defined at "
    as_it_is = step("ship", ship, "A-1", "by air", timeout="30s")  # type: ignore[call-overload]
    for line in (("ship", "t-1"), (as_it_is, "t-1"), (Step, "t-1"), (ANY, "t-1")):
        with pytest.raises(AssertionError, match="line 1 of the plan answers a step that can only fail") as failed:
            rehearse(mistaken_order("A-1"), [line])
        failed.match(problem)

    def beside() -> Flow[None]:
        yield from gather(step("ask", ask, "Ada"), step("ship", ship, "A-1", 2))  # type: ignore[call-overload]

    with pytest.raises(AssertionError, match=problem):
        rehearse(beside(), [(gather(ANY, ANY), (None, "t-1"))])


def test_a_plan_that_gives_a_function_other_arguments_than_it_takes_is_told_so() -> None:
    with pytest.raises(AssertionError, match=r"step\('charge'\): missing a required argument: 'amount', for charge\("):
        rehearse(order("A-1"), [(step("charge", charge, "A-1"), "c-1")])  # type: ignore[call-overload]
