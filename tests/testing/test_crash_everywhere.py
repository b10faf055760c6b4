"""``crash_everywhere``: one call finds what would not replay."""

from __future__ import annotations

import itertools
import logging
import random
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given

from dataflows import Cancelled, Flow, RetryAfter, WrongArguments, current_attempt, get_logger, now, sleep, step, wait
from dataflows import random as drawn
from dataflows import uuid as drawn_uuid
from interpreter import Status
from interpreter.testing import NEVER, crash_everywhere, in_turn, takes
from tests.machine.player import Program
from tests.machine.strategies import PROGRAMS
from tests.testing.shop import Decision, OutOfStock, approval, ask, mistaken_order, order, parcel, ship


def test_an_order_may_be_crashed_anywhere() -> None:
    crash_everywhere(order, "A-1", steps={"charge": in_turn(OSError, "c-1"), "ship": OutOfStock, "refund": None})


def test_it_gives_the_simulation_to_go_on_with() -> None:
    simulation = crash_everywhere(
        approval, "Ada", "Grace", otherwise=None, waits={"decision": in_turn(NEVER, takes("1d", {"by": "Ada"}))}
    )
    assert simulation.result == Decision("Ada")


def test_branches_may_be_crashed_and_what_is_still_open_too() -> None:
    crash_everywhere(parcel, "A-1", steps={"left": takes("1d", "l"), "right": takes("2d", "r")})
    crash_everywhere(parcel, "A-1", steps={"left": takes("1d", "l"), "right": NEVER}, until="5d")
    crash_everywhere(parcel, "A-1", steps={"left": takes("1d", "l"), "right": NEVER}, cancel_at="5d")


def test_no_step_runs_again() -> None:
    count = itertools.count()
    simulation = crash_everywhere(order, "A-1", steps={"charge": lambda *_: next(count), "ship": "t-1"})
    assert simulation.result == "t-1"
    assert next(count) == 1


def test_clock_and_chance_of_the_journal_replay() -> None:
    def careful() -> Flow[None]:
        seen = (yield from now()), (yield from drawn()), (yield from drawn_uuid())
        yield from step("keep", ask, repr(seen))

    crash_everywhere(careful, otherwise=None)


def test_the_workflows_logger_says_nothing_twice(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("tests.testing.crashes")

    def talkative() -> Flow[None]:
        for number in range(3):
            logger.info("line %d", number)
            yield from sleep("a", 1)

    with caplog.at_level(logging.INFO):
        crash_everywhere(talkative)
    assert caplog.messages == ["line 0", "line 1", "line 2"]


# How it ends ------------------------------------------------------------------------------------


def shipping() -> Flow[str]:
    yield from step("pack", ask, "A-1")
    return (yield from step("ship", ship, "A-1"))


def waiting() -> Flow[None]:
    yield from wait("approval")


def test_one_that_fails_is_told_with_what_it_raised_and_how_to_say_that_it_is_to() -> None:
    with pytest.raises(AssertionError, match="^the workflow fails with OutOfStock: none left\n") as failed:
        crash_everywhere(shipping, steps={"ship": OutOfStock("none left")}, otherwise=None)
    assert isinstance(failed.value.__cause__, OutOfStock)
    assert "if it is to fail so, say fails=OutOfStock" in str(failed.value)
    assert "step ship raised OutOfStock: none left" in str(failed.value)


def test_one_that_is_to_fail_has_to_and_with_that() -> None:
    steps = {"pack": None, "ship": OutOfStock}
    crash_everywhere(shipping, steps=steps, fails=OutOfStock)
    crash_everywhere(shipping, steps=steps, fails=(KeyError, OutOfStock))
    with pytest.raises(AssertionError, match="the workflow fails with OutOfStock"):
        crash_everywhere(shipping, steps=steps, fails=KeyError)
    with pytest.raises(AssertionError, match="it has not failed, and was to fail with KeyError or OutOfStock"):
        crash_everywhere(shipping, otherwise="x", fails=(KeyError, OutOfStock))


def test_one_that_waits_for_what_nobody_sends_is_told_unless_it_is_looked_at_on_its_way() -> None:
    with pytest.raises(AssertionError, match="has not ended, and waits for ever: answer what it waits for by waits="):
        crash_everywhere(waiting)
    assert crash_everywhere(waiting, until="1d").status is Status.SUSPENDED


def test_how_it_ends_may_be_left_to_the_test() -> None:
    assert crash_everywhere(waiting, fails=None).status is Status.SUSPENDED
    simulation = crash_everywhere(shipping, steps={"pack": None, "ship": OutOfStock}, fails=None)
    assert isinstance(simulation.error, OutOfStock)


# What is found ----------------------------------------------------------------------------------


def by_chance() -> Flow[None]:
    yield from sleep("a", 1)
    yield from step("charge", ask, f"Ada {random.random()}")


def by_the_clock() -> Flow[None]:
    yield from step("charge", ask, f"Ada {datetime.now()}")


_serial = itertools.count()


def by_a_counter() -> Flow[None]:
    yield from sleep(f"sleep {next(_serial)}", 1)


def by_more_and_more() -> Flow[None]:
    for _ in range(next(_serial) + 1):
        yield from sleep("a", 1)


_cache: dict[str, str] = {}


def by_a_cache() -> Flow[Any]:
    if "charge" not in _cache:
        _cache["charge"] = yield step("charge", ask, "Ada")
    yield from sleep("a", 1)
    return _cache["charge"]


def by_its_result() -> Flow[float]:
    yield from sleep("a", 1)
    return random.random()


def by_its_error() -> Flow[float]:
    yield from sleep("a", 1)
    raise LookupError(random.random())


def fill(items: list[str]) -> None:
    items.append("filled")


def by_a_step_that_changes_its_argument() -> Flow[None]:
    items: list[str] = []
    yield from step("fill", fill, items)
    yield from step("charge", ask, f"Ada {items}")


_left: list[int] = []


def by_what_its_cleanup_leaves_behind() -> Flow[None]:
    yield from sleep(f"sleep {len(_left)}", 1)
    try:
        yield from sleep("b", 1)
    finally:
        _left.append(1)


FAULTY = [
    by_chance,
    by_the_clock,
    by_a_counter,
    by_more_and_more,
    by_a_cache,
    by_its_result,
    by_its_error,
    by_a_step_that_changes_its_argument,
    by_what_its_cleanup_leaves_behind,
]


@pytest.mark.parametrize("workflow", FAULTY)
def test_what_does_not_replay_is_found(workflow: Any) -> None:
    with pytest.raises(AssertionError, match="does not replay: fed the same journal, it did something else"):
        crash_everywhere(workflow, steps={"charge": "c-1", "fill": fill})


def test_it_is_shown_where_two_drives_part() -> None:
    with pytest.raises(AssertionError) as failed:
        crash_everywhere(by_chance, otherwise=None)
    lines = [line.strip() for line in str(failed.value).splitlines()]
    assert lines[0] == "workflow 'by_chance' does not replay: fed the same journal, it did something else"
    assert lines[2] == "after entry 3:  sleep a over"
    assert lines[3].startswith("first   step('charge', ask, 'Ada 0.") and lines[3].endswith("(position 1)")
    line = by_chance.__code__.co_firstlineno + 2
    assert lines[4] == f'at {__file__}:{line}: yield from step("charge", ask, f"Ada {{random.random()}}")'
    assert lines[5].startswith("again   step('charge', ask, 'Ada 0.")
    assert lines[7].startswith("args[0]: first 'Ada 0.")


def test_a_command_that_is_missing_the_second_time_is_shown() -> None:
    _cache.clear()
    with pytest.raises(AssertionError, match=r"first   step\('charge', ask, 'Ada'\)") as failed:
        crash_everywhere(by_a_cache, steps={"charge": "c-1"})
    assert "again   sleep('a', '1s')" in str(failed.value)


def test_another_result_is_shown() -> None:
    with pytest.raises(AssertionError, match=r"first   → 0\.\d+\n  again   → 0\.\d+"):
        crash_everywhere(by_its_result)


def test_values_that_only_their_class_can_compare_are_no_difference() -> None:
    class Client:
        pass

    def holds() -> Flow[None]:
        yield from step("a", ship, Client())  # type: ignore[arg-type]
        yield from step("b", lambda: None)

    crash_everywhere(holds, otherwise=None)


def test_a_cancelled_wait_replays() -> None:
    def careful() -> Flow[str]:
        try:
            yield from wait("never")
        except Cancelled:
            yield from step("clean", ask, "Ada")
        return "clean"

    assert crash_everywhere(careful, otherwise=None, cancel_at="1d").result == "clean"


@given(PROGRAMS)
def test_any_workflow_that_keeps_the_rules_may_be_crashed_anywhere(program: Program) -> None:
    def attempt(failures: int, rate_limited: bool, value: Any) -> Any:
        if current_attempt().number > failures:
            return value
        raise RetryAfter(1) if rate_limited else OSError("not yet")

    crash_everywhere(program.workflow, otherwise=attempt, signals=[("red", 1, 1), ("blue", "text", 2)], fails=None)


def test_a_step_whose_function_takes_other_arguments_is_found() -> None:
    with pytest.raises(AssertionError, match="the workflow fails with WrongArguments") as failed:
        crash_everywhere(mistaken_order, "A-1", steps={"ship": "t-1"})
    assert isinstance(failed.value.__cause__, WrongArguments)
    crash_everywhere(mistaken_order, "A-1", steps={"ship": "t-1"}, fails=WrongArguments)
