"""Children, signals between executions, published values, renewal, patches and compensation, in the testing kit."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from dataflows import (
    Cancelled,
    CannotStore,
    ExecutionCancelled,
    Flow,
    NotFound,
    Retry,
    StepInterrupted,
    Value,
    child,
    continue_as_new,
    current_attempt,
    defer,
    patched,
    publish,
    race,
    signal,
    sleep,
    start,
    step,
    transaction,
    wait,
    workflow,
)
from interpreter import Status
from interpreter.testing import (
    NEVER,
    REAL,
    Sent,
    Simulation,
    crash_everywhere,
    explore,
    in_turn,
    rehearse,
    simulate,
    takes,
)
from tests.testing.shop import Declined, OutOfStock, charge, refund, ship


@workflow("kit-delivery")
def delivery(order_id: str) -> Flow[str]:
    try:
        yield from sleep("on its way", "2d")
        return (yield from step("deliver", ship, order_id))
    except Cancelled:
        yield from step("call back", ship, order_id)
        raise


@workflow("kit-purchase")
def purchase(order_id: str) -> Flow[str]:
    first = yield from race(delivery=child(delivery, order_id), late=sleep("late", "5d"))
    return str(first.value) if first.name == "delivery" else "late"


# Children ---------------------------------------------------------------------------------------


def test_children_are_simulated_by_their_own_code_on_the_same_clock() -> None:
    simulation = crash_everywhere(purchase, "A-1", steps={"deliver": takes("1d", "delivered")})
    assert simulation.result == "delivered"
    assert simulation.elapsed == timedelta(days=3)
    assert [(call.name, call.execution_id) for call in simulation.steps] == [("deliver", "simulation/1/0.0.0")]
    assert [(launch.workflow, launch.args, launch.is_child) for launch in simulation.launches] == [
        (delivery, ("A-1",), True)
    ]


def test_a_child_can_be_given_its_result() -> None:
    assert simulate(purchase, "A-1", children={"kit-delivery": "given"}).result == "given"
    assert simulate(purchase, "A-1", children={"kit-delivery": str.lower}).result == "a-1"
    assert simulate(purchase, "A-1", children={"kit-delivery": takes("6d", "given")}).result == "late"
    assert simulate(purchase, "A-1", children={"kit-delivery": NEVER}).result == "late"


def test_the_error_of_a_child_arrives_with_a_note() -> None:
    error = simulate(purchase, "A-1", children={"kit-delivery": OutOfStock}).error
    assert isinstance(error, OutOfStock)
    assert error.__notes__[0] == "in child execution 'simulation/1/0.0.0' of workflow 'kit-delivery'"
    assert isinstance(simulate(purchase, "A-1", steps={"deliver": OutOfStock}).error, OutOfStock)


def test_a_child_that_is_cancelled_cleans_up_before_its_parent_goes_on() -> None:
    simulation = simulate(purchase, "A-1", steps={"deliver": NEVER, "call back": takes("1h", None)})
    assert simulation.result == "late"
    assert simulation.elapsed == timedelta(days=5, hours=1)
    assert [call.name for call in simulation.steps] == ["deliver", "call back"]


def test_a_simulation_with_children_may_be_looked_at_in_between() -> None:
    simulation = simulate(purchase, "A-1", otherwise="delivered", until="1d")
    assert simulation.status is Status.SUSPENDED
    assert simulation.go_on().result == "delivered"
    assert simulation.elapsed == timedelta(days=2)


def test_a_child_that_somebody_else_has_cancelled_is_an_error() -> None:
    assert isinstance(simulate(purchase, "A-1", children={"kit-delivery": Cancelled("x")}).error, ExecutionCancelled)


def test_what_is_not_waited_for_is_told_and_not_run() -> None:
    def starts() -> Flow[str]:
        return (yield from start(delivery, "A-1", id="delivery-A-1"))

    simulation = simulate(starts)
    assert simulation.result == "delivery-A-1"
    assert [launch.is_child for launch in simulation.launches] == [False]


# Messages ---------------------------------------------------------------------------------------


@workflow("kit-worker")
def worker(boss: str) -> Flow[str]:
    task = yield from wait("task", str)
    yield from signal(boss, "report", f"{task} is begun")
    yield from sleep("work", "1d")
    return f"{task} is done"


def boss() -> Flow[Any]:
    own_id = yield from step("who am I", lambda: current_attempt().execution_id)
    first = yield from race(child=child(worker, own_id, id="worker"), talk=talk())
    return first.name, (yield from wait("report", timeout=0, default="nothing more"))


def talk() -> Flow[None]:
    yield from signal("worker", "task", "the roof")
    report = yield from wait("report", str)
    yield from publish("state", report)
    yield from sleep("pause", "2d")


def test_parent_and_child_send_signals_to_each_other() -> None:
    simulation = crash_everywhere(boss, otherwise=REAL)
    assert simulation.result == ("child", "nothing more")
    assert simulation.elapsed == timedelta(days=1)
    assert simulation.sent == [
        Sent("worker", "task", "the roof"),
        Sent("simulation", "report", "the roof is begun"),
    ]
    assert simulation.published == {"state": "the roof is begun"}


def test_a_value_that_cannot_be_published_arrives_as_an_error() -> None:
    def publishes() -> Flow[None]:
        yield from publish("state", lambda: None)

    assert isinstance(simulate(publishes).error, CannotStore)


def payment(order_id: str) -> Flow[Any]:
    return (yield from wait("payment", key=order_id, timeout="1d", default="unpaid"))


def test_a_wait_by_key_takes_the_signal_of_its_key() -> None:
    signals = [("payment", 7, "1h", "A-2"), ("payment", 8, "2h", "A-1")]
    assert simulate(payment, "A-1", signals=signals).result == 8
    assert simulate(payment, "A-3", signals=signals).result == "unpaid"
    assert simulate(payment, "A-3", waits={"payment": 9}).result == 9
    assert simulate(payment, "A-3", until="1h").signal("payment", 10, key="A-3").result == 10


# Renewal, patches, and what runs once -----------------------------------------------------------


@workflow("kit-subscription")
def subscription(customer: str, month: int = 1) -> Flow[str]:
    yield from step("charge", charge, customer, month)
    stop = yield from wait("stop", timeout="30d", default=None)
    if stop is not None:
        return f"stopped in month {month}"
    return (yield from continue_as_new(customer, month + 1))


def test_a_year_of_a_workflow_that_continues_as_new_passes_in_no_time() -> None:
    simulation = crash_everywhere(subscription, "Ada", otherwise="paid", signals=[("stop", "enough", "350d")])
    assert simulation.result == "stopped in month 12"
    assert [call.args[1] for call in simulation.steps] == list(range(1, 13))
    assert simulation.elapsed == timedelta(days=350)
    assert sum("continues as new" in line for line in simulation.history) == 11


def test_what_continues_as_new_for_ever_is_looked_at_until_then() -> None:
    simulation = simulate(subscription, "Ada", otherwise="paid", until="3650d")
    assert len(simulation.steps) == 122
    assert simulation.cancel().status is Status.CANCELLED


def test_what_does_not_replay_is_found_in_a_later_generation() -> None:
    def changing(month: int) -> Flow[Any]:
        yield from sleep(f"month {random.random()}" if month == 3 else "month", "30d")
        return (yield from continue_as_new(month + 1)) if month < 4 else month

    with pytest.raises(AssertionError, match=r"first   sleep\('month 0\.\d+', '30d'\)"):
        crash_everywhere(changing, 1)


def test_new_code_and_code_that_has_passed_a_change_are_both_simulated() -> None:
    def changed() -> Flow[str]:
        if (yield from patched("ask first")):
            yield from sleep("ask", "1d")
            return "new"
        return "old"

    assert crash_everywhere(changed).result == "new"
    assert crash_everywhere(changed, passed=["ask first"]).result == "old"


def test_what_was_deferred_runs_last_in_first_out() -> None:
    def travels() -> Flow[None]:
        for name in ("hotel", "flight"):
            booked = yield from step(f"book {name}", ship, name)
            yield from defer(f"cancel {name}", refund, booked)
        yield from step("pay", charge, "A-1", 20)

    simulation = crash_everywhere(travels, steps={"pay": Declined}, otherwise=lambda *args: args[0], fails=Declined)
    assert [(call.name, *call.args) for call in simulation.steps[-2:]] == [
        ("cancel flight", "flight"),
        ("cancel hotel", "hotel"),
    ]
    rehearse(travels(), [("book hotel", "h"), defer("cancel hotel", refund, "h"), ...])


def move_money(connection: Any, amount: int) -> str:
    return f"{amount} on {connection}"


def test_a_transaction_has_no_database_here_and_is_given_an_answer() -> None:
    def moves() -> Flow[str]:
        return (yield from transaction("move", move_money, 20))

    assert simulate(moves, steps={"move": lambda amount: f"moved {amount}"}).result == "moved 20"
    with pytest.raises(AssertionError, match=r"step 'move' is a transaction(.*\n)+.*transaction\(\"move\""):
        simulate(moves, otherwise=REAL)
    rehearse(moves(), [(transaction("move", move_money, 20), "moved")], returns="moved")


def launches() -> Flow[str]:
    try:
        return (yield from step("launch", ship, "rocket", once=True))
    except StepInterrupted:
        return (yield from step("look", ship, "rocket"))


def test_a_step_that_runs_at_most_once_is_journaled_first_and_may_be_interrupted() -> None:
    simulation = crash_everywhere(launches, steps={"launch": "up"})
    assert simulation.history[1].endswith("step launch may have begun")
    interrupted = simulate(launches, steps={"launch": StepInterrupted("dead"), "look": "it is up"})
    assert interrupted.result == "it is up"
    assert isinstance(simulate(launches, steps={"launch": in_turn(OSError("x"), "up")}).error, OSError)


# Explored ---------------------------------------------------------------------------------------


def results(workflow: Any, *args: Any, **settings: Any) -> list[Any]:
    seen: list[Any] = []

    def look(simulation: Simulation[Any]) -> None:
        seen.append(simulation.result if simulation.error is None else type(simulation.error).__name__)

    assert explore(workflow, *args, invariant=look, cancel=False, **settings).is_complete
    return sorted(seen)


def test_what_a_child_comes_to_is_walked() -> None:
    children = {"kit-delivery": ["delivered", OutOfStock]}
    assert results(purchase, "A-1", children=children) == ["OutOfStock", "delivered", "late"]
    with pytest.raises(AssertionError, match=r"says nothing of child 'kit-delivery'"):
        results(purchase, "A-1")


def test_a_signal_that_is_sent_may_find_nobody() -> None:
    def sends() -> Flow[str]:
        try:
            yield from signal("other", "news", 7)
        except NotFound:
            return "nobody"
        return "sent"

    assert results(sends) == ["nobody", "sent"]


def test_the_interruption_of_a_step_that_runs_at_most_once_is_walked() -> None:
    assert results(launches, steps={"launch": ["up", OSError("x")], "look": ["on the ground"]}) == [
        "OSError",
        "on the ground",
        "up",
    ]


def test_compensations_are_walked_and_their_own_failures_too() -> None:
    def travels() -> Flow[None]:
        yield from defer("cancel hotel", refund, "h", retry=Retry(attempts=1))
        yield from step("pay", charge, "A-1", 20)

    undone: list[Any] = []

    def look(simulation: Simulation[Any]) -> None:
        if simulation.status is not Status.COMPLETED:
            undone.extend(call.outcome for call in simulation.calls("cancel hotel"))

    exploration = explore(travels, steps={"pay": ["p", Declined], "cancel hotel": [None, OSError]}, invariant=look)
    assert exploration.traces == 7  # cancelling once more, while it is undone, changes nothing
    assert sum(isinstance(outcome, Value) for outcome in undone) == 3
