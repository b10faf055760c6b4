"""``simulate``: what a workflow does, and how long it takes, without a server and without waiting."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import (
    Cancelled,
    Event,
    Flow,
    InvalidSignal,
    Step,
    WaitTimeout,
    WrongArguments,
    now,
    random,
    sleep,
    sleep_until,
    step,
    uuid,
    wait,
)
from examples.copy_to_clickup import Approval, copy_to_clickup
from interpreter import Status
from interpreter.testing import NEVER, START, crash_everywhere, explore, in_turn, simulate, takes
from tests.testing.shop import Decision, OutOfStock, approval, order, parcel, ship


def test_three_days_pass_in_no_time() -> None:
    item = {"url": "https://…/42", "fields": {"System.Title": "Total is wrong"}}
    simulation = simulate(
        copy_to_clickup,
        Event("1", "azure-devops", "workitem.created", {"resource": {"id": 42}}),
        steps={"fetch-item": item, "create-task": lambda item, approval: {"task": item["url"], "by": approval.by}},
        signals=[("approval", {"by": "Ada"}, "2d")],
    )
    assert simulation.result == {"task": "https://…/42", "by": "Ada"}
    assert simulation.elapsed == timedelta(days=3)
    assert simulation.calls("create-task")[0].args == (item, Approval(by="Ada"))


def test_somebody_who_does_not_answer_is_reminded_and_then_goes_to_the_boss() -> None:
    simulation = simulate(
        approval,
        "Ada",
        "Grace",
        otherwise=None,
        waits={"decision": in_turn(NEVER, NEVER, takes("1d", {"by": "Grace"}))},
    )
    assert simulation.result == Decision(by="Grace")
    assert [(call.name, *call.args, call.at.days) for call in simulation.steps] == [
        ("ask", "Ada", 0),
        ("remind", "Ada", 3),
        ("escalate", "Grace", 7),
    ]
    assert simulation.elapsed == timedelta(days=8)


def test_one_looks_at_a_workflow_in_between_and_lets_it_go_on() -> None:
    simulation = simulate(approval, "Ada", "Grace", otherwise=None, until="5d")
    assert simulation.status is Status.SUSPENDED
    assert simulation.waiting_at[0].endswith(
        'decision = yield from wait("decision", Decision, timeout="4d", default=None)'
    )
    simulation.signal("decision", {"by": "Ada", "approved": False})
    assert simulation.result == Decision("Ada", approved=False)
    assert simulation.elapsed == timedelta(days=5)


def test_time_passes_as_far_as_it_is_let() -> None:
    simulation = simulate(approval, "Ada", "Grace", otherwise=None, until="1d")
    assert [call.name for call in simulation.steps] == ["ask"]
    assert [call.name for call in simulation.go_on("2d").steps] == ["ask", "remind"]
    assert simulation.go_on().status is Status.SUSPENDED
    assert simulation.elapsed == timedelta(days=7)
    assert simulation.cancel().status is Status.CANCELLED
    with pytest.raises(AssertionError, match="it has ended already"):
        simulation.go_on()


def test_the_history_is_readable() -> None:
    simulation = simulate(
        order,
        "A-1",
        steps={"charge": in_turn(TimeoutError("bank"), "c-1"), "ship": OutOfStock("none left"), "refund": None},
    )
    assert simulation.history == [
        "+0s      started with 'A-1'",
        "+0s   0  step charge failed, to be tried again: TimeoutError: bank",
        "+10s  0  step charge → 'c-1'",
        "+10s  1  step ship raised OutOfStock: none left",
        "+10s  2  step refund → None",
        "+10s     completed → 'refunded'",
    ]


# Signals and time -------------------------------------------------------------------------------


def test_a_signal_that_comes_early_is_not_lost_and_one_that_comes_late_is_late() -> None:
    def patient() -> Flow[Any]:
        yield from sleep("first", "1d")
        first = yield from wait("news", timeout="1h")
        return first, (yield from wait("news", timeout="1h", default="none"))

    assert simulate(patient, signals=[("news", 1), ("news", 2, "25h")]).result == (1, 2)
    assert simulate(patient, signals=[("news", 1), ("news", 2, "26h")]).result == (1, "none")


def test_a_payload_is_read_as_the_type_that_the_wait_asks_for() -> None:
    assert isinstance(simulate(approval, "a", "b", otherwise=None, waits={"decision": 7}).error, InvalidSignal)


def test_the_answer_to_a_wait_can_be_computed() -> None:
    simulation = simulate(approval, "a", "b", otherwise=None, waits={"decision": lambda wait: {"by": wait.name}})
    assert simulation.result == Decision("decision")


def test_a_workflow_is_cancelled_when_the_test_says() -> None:
    def careful() -> Flow[None]:
        try:
            yield from sleep("long", "30d")
        finally:
            yield from step("clean", ship, "A-1")

    simulation = simulate(careful, steps={"clean": None}, cancel_at="10d")
    assert simulation.status is Status.CANCELLED
    assert isinstance(simulation.error, Cancelled)
    assert simulation.elapsed == timedelta(days=10)
    assert [call.name for call in simulation.steps] == ["clean"]


def test_a_simulation_begins_when_it_is_told() -> None:
    def tomorrow(when: datetime) -> Flow[datetime]:
        yield from sleep_until("then", when)
        return (yield from now())

    start, then = datetime(2031, 5, 5, tzinfo=UTC), datetime(2031, 5, 6, tzinfo=UTC)
    assert simulate(tomorrow, then, start=start).result == then
    assert simulate(tomorrow, START, start=then).elapsed == timedelta(0)


def test_chance_is_that_of_the_seed() -> None:
    def draw() -> Flow[Any]:
        return (yield from random()), (yield from uuid())

    assert simulate(draw, seed=1).result == simulate(draw, seed=1).result != simulate(draw, seed=2).result


# What is wrong ----------------------------------------------------------------------------------


def test_steps_without_an_answer_are_named_with_their_lines() -> None:
    with pytest.raises(AssertionError) as refused:
        simulate(parcel, "A-1", steps={"rigth": "r"})
    text = str(refused.value)
    assert "'left'\n" in text
    assert "'right' (did you mean 'rigth'?)\n" in text
    assert ': left, right = yield from gather(step("left", ship, order_id)' in text


def test_a_turn_too_many_is_named() -> None:
    with pytest.raises(AssertionError, match=r"step 'charge' asks for answer 2; in_turn\(\.\.\.\) has 1"):
        simulate(order, "A-1", steps={"charge": in_turn(OSError())})
    with pytest.raises(TypeError, match="at least one answer"):
        in_turn()


def test_a_workflow_that_waits_for_what_never_comes_has_no_result_and_says_where() -> None:
    def waits() -> Flow[Any]:
        return (yield from wait("godot"))

    simulation = simulate(waits)
    with pytest.raises(AssertionError, match=r'return \(yield from wait\("godot"\)\)'):
        _ = simulation.result
    assert simulation.error is None


def test_a_signal_of_no_shape_is_refused() -> None:
    with pytest.raises(TypeError, match="a signal is"):
        simulate(approval, "a", "b", signals=["decision"])


def test_a_workflow_that_never_ends_is_stopped() -> None:
    def for_ever() -> Flow[None]:
        while True:
            yield from sleep("a", "1d")

    def without_a_pause() -> Flow[None]:
        while True:
            yield from now()

    with pytest.raises(AssertionError, match=r"it goes on for ever.*\n.*\n.*sleep\('a', '1d'\)"):
        simulate(for_ever)
    with pytest.raises(AssertionError, match="it yields for ever"):
        simulate(without_a_pause)


def test_what_is_still_suspended_runs_no_cleanup_when_the_test_is_over() -> None:
    cleaned: list[int] = []

    def careful() -> Flow[None]:
        try:
            yield from wait("never")
        finally:
            yield from step("clean", cleaned.append, 1)
            cleaned.append(2)

    assert simulate(careful).status is Status.SUSPENDED
    assert cleaned == []


def test_a_timeout_without_a_default_arrives() -> None:
    def impatient() -> Flow[str]:
        try:
            return str((yield from wait("a", timeout="30d")))
        except WaitTimeout as late:
            return str(late)

    assert simulate(impatient).result == "no signal 'a' came within 30d"


def test_commands_can_be_yielded_bare() -> None:
    def bare() -> Flow[Any]:
        return (yield Step("a", ship, ("A-1",)))

    assert simulate(bare, otherwise=7).result == 7


@pytest.mark.parametrize("verb", [simulate, functools.partial(explore, invariant=bool), crash_everywhere])
@pytest.mark.parametrize("workflow", [order, order.function, functools.partial(order, amount=7)])
def test_who_gives_a_workflow_other_arguments_than_it_takes_is_told_at_the_line_that_does(
    verb: Callable[..., Any], workflow: Callable[..., Any]
) -> None:
    name = getattr(verb, "func", verb).__name__
    for arguments, problem in (((), "missing a required argument"), (("A", 1, 2), "too many|multiple values")):
        line = inspect.currentframe().f_lineno + 2  # type: ignore[union-attr]
        with pytest.raises(WrongArguments, match=problem) as refused:
            verb(workflow, *arguments, otherwise=[None])
        assert str(refused.value).startswith(f"{__file__}:{line}: {name}(")
