"""What steps come to in a simulation, and the values that pass between them and the workflow."""

from __future__ import annotations

import asyncio
import functools
import logging
from datetime import timedelta
from typing import Any

import pytest

from dataflows import (
    CannotStore,
    Flow,
    RetryAfter,
    StepTimeout,
    Value,
    WrongArguments,
    cancelled,
    current_attempt,
    get_logger,
    sleep,
    step,
)
from interpreter import Status
from interpreter.testing import NEVER, REAL, in_turn, simulate, takes
from tests.testing.shop import Declined, approval, mistaken_order, order, parcel, ship


def test_a_step_is_tried_again_on_the_virtual_clock() -> None:
    simulation = simulate(order, "A-1", steps={"charge": TimeoutError("bank")})
    assert isinstance(simulation.error, TimeoutError)
    assert [(call.number, call.at.seconds) for call in simulation.steps] == [(1, 0), (2, 10), (3, 30)]


def test_an_error_class_is_raised_as_an_instance_of_it() -> None:
    assert isinstance(simulate(order, "A-1", steps={"charge": Declined}).error, Declined)


def test_a_rate_limit_is_waited_for() -> None:
    simulation = simulate(order, "A-1", steps={"charge": in_turn(RetryAfter(3600), "c-1"), "ship": "t-1"})
    assert simulation.elapsed == timedelta(hours=1)


def test_an_attempt_that_takes_too_long_times_out() -> None:
    simulation = simulate(order, "A-1", steps={"charge": in_turn(takes("45s", "late"), "c-1"), "ship": "t-1"})
    assert simulation.result == "t-1"
    assert isinstance(simulation.steps[0].outcome.exception, StepTimeout)  # type: ignore[union-attr]
    assert simulation.elapsed == timedelta(seconds=30 + 10)


def test_an_attempt_that_hangs_times_out() -> None:
    simulation = simulate(order, "A-1", steps={"charge": NEVER})
    assert isinstance(simulation.error, StepTimeout)
    assert simulation.elapsed == timedelta(seconds=30 + 10 + 30 + 20 + 30)


def test_the_slower_step_of_a_race_is_stopped() -> None:
    simulation = simulate(parcel, "A-1", steps={"left": "l", "right": NEVER})
    assert simulation.result == "late"
    assert [call.outcome for call in simulation.steps] == [Value("l"), None]


def test_steps_beside_each_other_take_the_time_of_the_longest() -> None:
    simulation = simulate(parcel, "A-1", steps={"left": takes("1d", "l"), "right": takes("3d", "r")})
    assert simulation.result == "l and r"
    assert simulation.elapsed == timedelta(days=3)


def test_the_steps_own_functions_run_if_that_is_asked_for() -> None:
    assert isinstance(simulate(order, "A-1", otherwise=REAL).error, ConnectionError)
    assert simulate(order, "A-1", steps={"charge": "c-1", "ship": REAL, "refund": None}).steps[1].number == 1


def test_async_functions_are_awaited_also_when_the_test_is_async() -> None:
    async def slowly(order_id: str, amount: int) -> str:
        await asyncio.sleep(0)
        return f"charge of {order_id}"

    async def test() -> str:
        return simulate(order, "A-1", steps={"charge": slowly, "ship": "t-1"}).calls("charge")[0].outcome.value  # type: ignore[union-attr]

    assert asyncio.run(test()) == "charge of A-1"


def test_a_function_sees_which_attempt_it_is() -> None:
    seen: list[Any] = []

    def look(order_id: str, amount: int) -> str:
        seen.append((current_attempt().name, current_attempt().number, cancelled()))
        return "c-1" if len(seen) == 2 else 1 / 0  # type: ignore[return-value]

    simulate(order, "A-1", steps={"charge": look, "ship": "t-1"})
    assert seen == [("charge", 1, False), ("charge", 2, False)]


def test_what_a_function_asserts_the_test_asserts() -> None:
    def look(order_id: str, amount: int) -> str:
        assert amount == 7, "not the amount that was asked for"
        return "c-1"

    with pytest.raises(AssertionError, match="not the amount"):
        simulate(order, "A-1", 8, steps={"charge": look})


def test_arguments_are_shown_as_they_were_when_the_step_was_called() -> None:
    def grow() -> Flow[int]:
        items: list[int] = []
        for number in range(3):
            items.append(number)
            yield from step("keep", ship, items)  # type: ignore[arg-type]
        return len(items)

    assert [call.args for call in simulate(grow, otherwise=None).steps] == [([0],), ([0, 1],), ([0, 1, 2],)]


def test_what_looks_like_an_answer_of_another_kind_can_be_a_value() -> None:
    def one() -> Flow[Any]:
        return (yield from step("one", ship, "A-1"))

    assert simulate(one, steps={"one": Value(len)}).result is len
    assert simulate(one, steps={"one": [1, 2]}).result == [1, 2]
    assert str(simulate(one, steps={"one": Value(OSError("no"))}).result) == "no"


# Values -----------------------------------------------------------------------------------------


def test_the_workflow_sees_what_it_would_see_live() -> None:
    given = {"list": [1, (2, 3)]}

    def change(value: Any) -> Flow[Any]:
        fetched = yield from step("fetch", ship, "A-1")
        value["list"].append(4)
        return fetched is not given, fetched, value  # type: ignore[comparison-overlap]

    mine = {"list": [3]}
    assert simulate(change, mine, steps={"fetch": given}).result == (True, given, {"list": [3, 4]})
    assert mine == {"list": [3]}


def test_what_cannot_be_stored_fails_its_step_by_name() -> None:
    error = simulate(order, "A-1", steps={"charge": Value(lambda: None)}).error
    assert isinstance(error, CannotStore)
    assert "the result of step 'charge'" in str(error)


def test_a_result_that_cannot_be_stored_fails_the_workflow() -> None:
    def careless() -> Flow[Any]:
        yield from sleep("a", 1)
        return lambda: None

    simulation = simulate(careless)
    assert simulation.status is Status.FAILED
    with pytest.raises(CannotStore, match="the result of the workflow"):
        _ = simulation.result


def test_arguments_and_payloads_that_cannot_be_stored_are_refused() -> None:
    with pytest.raises(CannotStore, match="an argument of the workflow"):
        simulate(order, (part for part in "A-1"))  # type: ignore[arg-type]
    with pytest.raises(CannotStore, match="the payload of signal 'decision'"):
        simulate(approval, "a", "b", otherwise=None, waits={"decision": Value(lambda: None)})


def test_an_error_of_the_workflows_own_is_raised_with_its_traceback() -> None:
    def faulty() -> Flow[None]:
        yield from sleep("a", 1)
        raise LookupError("here")

    simulation = simulate(faulty)
    with pytest.raises(LookupError, match="here") as raised:
        _ = simulation.result
    assert raised.traceback[-1].name == "faulty"


def test_keywords_go_by_partial() -> None:
    simulation = simulate(functools.partial(order, amount=7), "A-1", steps={"charge": "c-1", "ship": "t-1"})
    assert simulation.steps[0].args == ("A-1", 7)


def test_a_workflows_logger_says_each_line_once(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("tests.testing")

    def talkative() -> Flow[None]:
        logger.info("first")
        yield from sleep("a", "1d")
        logger.info("second")

    with caplog.at_level(logging.INFO):
        simulate(talkative, until="1h").go_on()
    assert caplog.messages == ["first", "second"]


@pytest.mark.parametrize("answer", ["t-1", NEVER, REAL, takes("1h", "t-1"), lambda *_: "t-1", OSError])
def test_a_step_whose_function_takes_other_arguments_fails_whatever_the_test_answers(answer: Any) -> None:
    simulation = simulate(mistaken_order, "A-1", steps={"ship": answer})
    with pytest.raises(WrongArguments, match=r"step\('ship'\): too many positional arguments, for ship\(order_id\)"):
        _ = simulation.result
    assert [(call.name, call.number) for call in simulation.steps] == [("ship", 1)], "as live, it is tried once"
    assert simulation.elapsed == timedelta(0)
