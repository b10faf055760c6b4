"""Where commands stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Flow, cancel, fork, gather, now, race, random, sleep, step, uuid
from interpreter.machine import RunStep, format_position, parse_position
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def two_steps() -> Flow[Any]:
    yield step("a", work)
    yield step("b", work)


def test_the_commands_of_a_fiber_are_numbered_from_zero(begin: Begin) -> None:
    hand = begin(two_steps)
    assert hand.open == {"0": "a"}
    hand.succeed("a")
    assert hand.open == {"1": "b"}


def test_every_branch_is_a_fiber_of_its_own_a_single_command_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        yield gather(two_steps(), step("single", work), two_steps())

    hand = begin(flow)
    hand.succeed("before")
    assert hand.open == {"1.0.0": "a", "1.1.0": "single", "1.2.0": "a"}
    hand.succeed("1.2.0")
    assert hand.open == {"1.0.0": "a", "1.1.0": "single", "1.2.1": "b"}


def test_race_branches_are_numbered_in_the_order_of_their_keywords(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(second=step("z", work), first=step("y", work))

    assert begin(flow).open == {"0.0.0": "z", "0.1.0": "y"}


def test_a_fork_is_branch_zero_of_its_own_position(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield fork(step("forked", work))
        yield step("after", work)

    assert begin(flow).open == {"0.0.0": "forked", "1": "after"}


def test_a_task_given_as_a_branch_takes_up_its_number_and_has_no_position(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        yield gather(task, step("beside", work))

    assert begin(flow).open == {"0.0.0": "forked", "1.1.0": "beside"}


def test_yield_from_a_helper_stays_in_the_same_fiber(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        yield from two_steps()
        yield step("after", work)

    hand = begin(flow)
    for expected in ({"0": "before"}, {"1": "a"}, {"2": "b"}, {"3": "after"}):
        assert hand.open == expected
        hand.succeed(hand.names[0])


def test_what_is_answered_at_once_takes_a_position_and_has_no_entry(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield now()
        yield uuid()
        yield random()
        yield gather()
        task = yield from fork(sleep("nap", 1))
        yield cancel(task)
        with pytest.raises(TypeError):
            yield "no command"  # type: ignore[misc]
        yield step("seventh", work)

    hand = begin(flow)
    assert hand.open == {"7": "seventh"}
    assert len(hand.journal) == 2


def test_the_race_branches_that_a_command_is_in_are_named_from_the_outside_in(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(paid=race(card=gather(step("charge", work)), voucher=step("redeem", work)))

    hand = begin(flow)
    charge, redeem = hand.find("charge"), hand.find("redeem")
    assert isinstance(charge, RunStep)
    assert (charge.branch, redeem.branch) == ("paid/card", "paid/voucher")


@pytest.mark.parametrize(("position", "text"), [((), ""), ((0,), "0"), ((3, 0, 12), "3.0.12")])
def test_a_position_is_written_with_dots_and_read_back(position: tuple[int, ...], text: str) -> None:
    assert format_position(position) == text
    assert parse_position(text) == position


@pytest.mark.parametrize("text", ["a", "1..2", ".", "1.x"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_position(text)
