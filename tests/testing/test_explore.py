"""``explore``: everything that can happen, and what must hold whatever does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dataflows import Cancelled, Flow, StepTimeout, Value, WrongArguments, gather, race, sleep, step, wait
from interpreter import Status
from interpreter.testing import NEVER, Simulation, explore, in_turn, takes
from tests.testing.shop import Declined, OutOfStock, careless_order, mistaken_order, order, parcel, refund, ship

SHOP: dict[str, Any] = {"charge": ["c-1", Declined], "ship": ["t-1", OutOfStock], "refund": [None]}


def every_charge_is_shipped_or_refunded(simulation: Simulation[Any]) -> None:
    done = [call.name for call in simulation.steps if isinstance(call.outcome, Value)]
    if "charge" in done:
        assert "ship" in done or "refund" in done, "charged for nothing"


def whatever(simulation: Simulation[Any]) -> None:
    """Nothing is asked."""


def test_an_order_that_nobody_cancels_is_shipped_or_refunded() -> None:
    exploration = explore(order, "A-1", steps=SHOP, cancel=False, invariant=every_charge_is_shipped_or_refunded)
    assert str(exploration) == "4 traces walked, and there are no others"


def test_a_cancelled_order_that_is_neither_is_found_with_its_shortest_trace() -> None:
    with pytest.raises(AssertionError) as failed:
        explore(order, "A-1", steps=SHOP, invariant=every_charge_is_shipped_or_refunded)
    text = str(failed.value)
    assert text.startswith("not everything that can happen is well: AssertionError: charged for nothing\n")
    assert text[text.index("  the shortest") :].splitlines() == [
        "  the shortest trace that shows it, with 1 surprise",
        "    +0s     started with 'A-1'",
        "    +0s  0  step charge → 'c-1'",
        "    +0s     cancel requested",
        "    +0s  1  step ship stopped",
        "    +0s     cancelled raised Cancelled: cancelled",
        "",
        "  6 traces walked, at least 1 more not walked; to walk this one again: only=(0, 2)",
    ]


def test_a_trace_can_be_walked_alone() -> None:
    seen: list[list[str]] = []
    exploration = explore(
        order, "A-1", steps=SHOP, invariant=lambda simulation: seen.append(simulation.history), only=(0, 2)
    )
    assert exploration.traces == 1
    assert seen[0][2] == "+0s     cancel requested"


def test_a_path_that_is_no_longer_there_is_refused() -> None:
    with pytest.raises(ValueError, match="decision 2 has 3 options"):
        explore(order, "A-1", steps=SHOP, invariant=whatever, only=(0, 3))


def test_a_forgotten_deadline_is_found() -> None:
    with pytest.raises(AssertionError, match=r"charged for nothing(\n.*)+\+7d  1  wait address timed out"):
        explore(
            careless_order,
            "A-1",
            steps=SHOP,
            waits={"address": ["Main Street 1"]},
            cancel=False,
            invariant=every_charge_is_shipped_or_refunded,
        )


# What is walked ---------------------------------------------------------------------------------


def ends(workflow: Any, *args: Any, **settings: Any) -> list[str]:
    """What each trace came to, sorted."""
    seen: list[str] = []

    def look(simulation: Simulation[Any]) -> None:
        seen.append(repr(simulation.result) if simulation.error is None else type(simulation.error).__name__)

    exploration = explore(workflow, *args, invariant=look, **settings)
    assert exploration.is_complete
    assert exploration.traces == len(seen)
    return sorted(seen)


def one() -> Flow[str]:
    return (yield from step("one", ship, "A-1"))


def test_each_outcome_of_a_step_and_a_cancel_are_walked() -> None:
    assert ends(one, steps={"one": ["a", "b", Declined]}) == ["'a'", "'b'", "Cancelled", "Declined"]


def test_a_steps_time_may_run_out() -> None:
    def limited() -> Flow[str]:
        return (yield from step("one", ship, "A-1", timeout="30s"))

    assert ends(limited, otherwise=["a"], cancel=False) == ["'a'", "StepTimeout"]


def test_a_signal_may_come_and_a_deadline_may_pass() -> None:
    def waits() -> Flow[Any]:
        return (yield from wait("news", timeout="1d", default="none"))

    assert ends(waits, waits={"news": ["good", "bad"]}, cancel=False) == ["'bad'", "'good'", "'none'"]
    assert ends(waits, cancel=False) == ["'none'"]


def test_any_branch_of_a_race_may_win() -> None:
    def races() -> Flow[str]:
        first = yield from race(a=step("a", ship, "A"), b=step("b", ship, "B"), c=sleep("c", "1d"), d=sleep("d", "2d"))
        return first.name

    assert ends(races, otherwise=["x"], cancel=False) == ["'a'", "'b'", "'c'"]  # c is always before d


def orders_of(count: int) -> int:
    """In how many ways so many steps can end, each well or badly, if the first that fails stops the others."""
    return 1 if count == 0 else count * (orders_of(count - 1) + 1)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_steps_beside_each_other_end_in_every_order(count: int) -> None:
    def fan_out() -> Flow[Any]:
        return (yield from gather(*(step(f"step {number}", ship, "A") for number in range(count))))

    assert len(ends(fan_out, otherwise=["x", Declined], cancel=False)) == orders_of(count)
    assert len(ends(fan_out, otherwise=["x", Declined], cancel=False, any_order=False)) == count + 1


def test_an_order_in_which_only_one_trace_fails_is_found() -> None:
    def careless() -> Flow[list[str]]:
        seen: list[str] = []
        yield from gather(*(branch(name, seen) for name in "abc"))
        return seen

    def branch(name: str, seen: list[str]) -> Flow[None]:
        yield from step(name, ship, name)
        seen.append(name)

    with pytest.raises(AssertionError, match="it returned False") as failed:
        explore(
            careless, otherwise=["x"], invariant=lambda simulation: simulation.error or simulation.result != list("cba")
        )
    steps = [line.split()[2:4] for line in str(failed.value).splitlines() if " step " in line]
    assert steps == [["step", "c"], ["step", "b"], ["step", "a"]]


def test_cleanup_after_a_cancel_is_walked_too_and_a_cancel_comes_once() -> None:
    def careful() -> Flow[str]:
        try:
            return (yield from step("do", ship, "A"))
        except Cancelled:
            yield from step("undo", refund, "A")
            raise

    assert ends(careful, steps={"do": ["done"], "undo": [None, Declined]}) == ["'done'", "Cancelled", "Declined"]


def test_a_stopped_step_has_no_outcome() -> None:
    stopped: list[Any] = []
    explore(one, otherwise=["x"], invariant=lambda simulation: stopped.append(simulation.steps[0].outcome))
    assert stopped == [Value("x"), None]


def test_the_least_surprising_trace_comes_first() -> None:
    statuses: list[Status] = []
    explore(parcel, "A-1", otherwise=["x", OutOfStock], invariant=lambda simulation: statuses.append(simulation.status))
    assert statuses[0] is Status.COMPLETED


def test_timers_fire_in_the_order_of_time_and_a_steps_limit_is_one() -> None:
    def beside() -> Flow[Any]:
        first = yield from race(step=step("a", ship, "A", timeout="1h"), sleep=sleep("b", "2h"))
        return first.name

    assert ends(beside, otherwise=["x"], cancel=False) == ["'step'", "StepTimeout"]


# Bounds -----------------------------------------------------------------------------------------


def test_the_bound_is_kept_and_what_it_left_out_is_told() -> None:
    exploration = explore(order, "A-1", steps=SHOP, invariant=whatever, bound=3)
    assert (exploration.traces, exploration.is_complete) == (3, False)
    assert str(exploration) == f"3 traces walked, at least {exploration.left} more not walked"
    every = explore(order, "A-1", steps=SHOP, invariant=whatever)
    assert exploration.left <= every.traces - 3
    with pytest.raises(ValueError, match="1 or more"):
        explore(order, "A-1", steps=SHOP, invariant=whatever, bound=0)


def test_a_trace_that_never_ends_is_given_up_and_told() -> None:
    def for_ever() -> Flow[None]:
        while (yield from step("poll", ship, "A")) == "pending":
            yield from sleep("a while", "1m")

    exploration = explore(for_ever, steps={"poll": ["pending", "done"]}, invariant=whatever, cancel=False, longest=10)
    assert str(exploration) == "5 traces walked, 1 of them given up as too long"
    assert not exploration.is_complete


def test_a_step_without_an_answer_is_named_with_the_trace_that_leads_to_it() -> None:
    with pytest.raises(AssertionError, match=r"the test says nothing of these steps.*\n  'refund'") as failed:
        explore(order, "A-1", steps={"charge": ["c-1"], "ship": ["t-1", OutOfStock]}, invariant=whatever, cancel=False)
    assert "step ship raised OutOfStock" in str(failed.value)


def test_a_wait_that_nothing_ends_is_named() -> None:
    def waits() -> Flow[Any]:
        return (yield from wait("adress"))

    with pytest.raises(AssertionError, match=r"waits=\{'adress': \[payload, …\]\} \(did you mean 'address'\?\)"):
        explore(waits, waits={"address": ["Main Street 1"]}, invariant=whatever)


def test_what_a_stand_in_asserts_is_shown_with_its_trace() -> None:
    def check(charge_id: str) -> None:
        assert charge_id == "c-2", "refunded something else"

    with pytest.raises(AssertionError, match="refunded something else") as failed:
        explore(order, "A-1", steps=SHOP | {"refund": check}, cancel=False, invariant=whatever)
    assert "only=(0, 1)" in str(failed.value)


@pytest.mark.parametrize("answer", [in_turn("a"), takes("1s", "a"), [takes("1s", "a")], [NEVER]])
def test_answers_that_only_a_simulation_can_give_are_refused(answer: Any) -> None:
    with pytest.raises(TypeError, match="explore takes a list of what may happen"):
        explore(one, steps={"one": answer}, invariant=whatever)


def test_an_error_in_the_invariant_is_shown_with_its_trace() -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError") as failed:
        explore(one, otherwise=["x"], invariant=lambda simulation: 1 / 0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_timeout_is_an_error_like_the_others() -> None:
    seen: set[str] = set()

    def look(simulation: Simulation[Any]) -> None:
        seen.add(type(simulation.error).__name__)

    explore(order, "A-1", steps=SHOP, invariant=look)
    assert seen == {"NoneType", "Declined", "Cancelled", StepTimeout.__name__}


def test_a_step_whose_function_takes_other_arguments_comes_to_nothing_else() -> None:
    seen: list[BaseException | None] = []
    exploration = explore(
        mistaken_order,
        "A-1",
        steps={"ship": ["t-1", OutOfStock]},
        invariant=lambda simulation: seen.append(simulation.error),
        cancel=False,
    )
    assert exploration.traces == 1
    assert [type(error) for error in seen] == [WrongArguments]


@pytest.mark.parametrize("answer", [[], 0, ""])
def test_an_invariant_that_answers_something_false_is_broken(answer: object) -> None:
    with pytest.raises(AssertionError, match=f"AssertionError: it returned {re.escape(repr(answer))}\n"):
        explore(one, otherwise=["x"], invariant=lambda simulation: answer)


@pytest.mark.parametrize("answer", [None, True, ["charge"]])
def test_an_invariant_that_answers_nothing_or_something_true_holds(answer: object) -> None:
    assert explore(one, otherwise=["x"], invariant=lambda simulation: answer).traces > 1


def test_an_invariant_that_reads_the_result_of_a_cancelled_simulation_is_shown_with_its_trace() -> None:
    with pytest.raises(AssertionError, match=r"is well: Cancelled: cancelled(\n.*)+cancel requested") as failed:
        explore(one, otherwise=["x"], invariant=lambda simulation: simulation.result == "x")
    assert isinstance(failed.value.__cause__, Cancelled)
