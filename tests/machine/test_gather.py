"""Several beside each other, all of them wanted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from dataflows import Cancelled, Flow, fork, gather, race, sleep, step, wait
from interpreter.machine import StopStep
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def three() -> Flow[Any]:
    return (yield from gather(step("a", work), step("b", work), step("c", work)))


def two_steps(name: str) -> Flow[Any]:
    first = yield from step(f"{name}1", work)
    second = yield from step(f"{name}2", work)
    return first, second


@pytest.mark.parametrize("order", list(permutations("abc")), ids="".join)
def test_answers_come_in_argument_order_whatever_ended_first(begin: Begin, order: tuple[str, ...]) -> None:
    hand = begin(three)
    for name in order:
        hand.succeed(name, name.upper())
    assert hand.result == ("A", "B", "C")


def test_gather_of_nothing_is_answered_at_once_with_an_empty_tuple(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather())

    assert begin(flow).result == ()


def test_branches_go_on_independently_of_each_other(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(two_steps("left"), two_steps("right")))

    hand = begin(flow)
    hand.succeed("left1", 1)
    assert hand.open == {"0.0.1": "left2", "0.1.0": "right1"}
    for name, value in (("right1", 3), ("right2", 4), ("left2", 2)):
        hand.succeed(name, value)
    assert hand.result == ((1, 2), (3, 4))


def test_of_commands_of_every_kind(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(step("a", work), sleep("nap", 1), wait("go"), gather(), fork(sleep("beside", 2))))

    hand = begin(flow)
    hand.signal("go", "payload")
    hand.fire("nap")
    hand.succeed("a", 1)
    answers = hand.result
    assert answers[:4] == (1, None, "payload", ())


def test_a_crash_in_mid_fan_out_leaves_open_only_what_has_not_ended(begin: Begin) -> None:
    hand = begin(three)
    hand.succeed("b")
    assert hand.replayed().open == {(0, 0, 0): hand.find("a"), (0, 2, 0): hand.find("c")}


# Errors -----------------------------------------------------------------------------------------


def test_the_first_error_cancels_the_others_and_is_raised_once_they_have_come_to_rest(begin: Begin) -> None:
    hand = begin(three)
    hand.fail("b", ValueError("b failed"))
    assert isinstance(hand.find("a"), StopStep)
    assert isinstance(hand.find("c"), StopStep)
    hand.stop("a")
    assert hand.machine.outcome is None
    hand.stop("c")
    with pytest.raises(ValueError, match="b failed"):
        assert hand.result


def test_the_error_surfaces_once_and_siblings_outcomes_are_journaled_but_not_seen(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield from three()
        except ValueError as error:
            return str(error), (yield from step("after", work))

    hand = begin(flow)
    hand.fail("b", ValueError("b failed"))
    hand.succeed("a", "too late to be wanted")
    hand.fail("c", ValueError("c failed too"))
    hand.succeed("after", 1)
    assert hand.result == ("b failed", 1)


def test_cleanup_of_a_cancelled_branch_runs_before_the_error_is_raised(begin: Begin) -> None:
    def careful() -> Flow[Any]:
        try:
            yield step("long", work)
        finally:
            yield step("cleanup", work)

    def flow() -> Flow[Any]:
        yield gather(careful(), step("b", work))

    hand = begin(flow)
    hand.fail("b", ValueError("b failed"))
    hand.stop("long")
    assert hand.open == {"0.0.1": "cleanup"}
    hand.succeed("cleanup")
    with pytest.raises(ValueError, match="b failed"):
        assert hand.result


def test_a_failed_gather_leaves_a_task_alone_that_it_did_not_start(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        with pytest.raises(ValueError, match="a failed"):
            yield gather(task, step("a", work))
        return (yield from task)

    hand = begin(flow)
    hand.fail("a", ValueError("a failed"))
    assert not isinstance(hand.find("forked"), StopStep)
    hand.succeed("forked", "still wanted")
    assert hand.result == "still wanted"


def test_a_branch_that_had_not_begun_when_another_failed_never_runs(begin: Begin) -> None:
    ran = []

    def second() -> Flow[Any]:
        ran.append("second")
        yield step("b", work)

    def flow() -> Flow[Any]:
        yield gather(step("a", work), second(), limit=1)

    hand = begin(flow)
    hand.fail("a", ValueError("a failed"))
    assert hand.open == {"": "failed"}
    assert ran == []


# Limit ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_no_more_branches_than_the_limit_run_at_once(begin: Begin, limit: int) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(*(step(f"s{n}", work, n) for n in range(7)), limit=limit))

    hand = begin(flow)
    while hand.machine.outcome is None:
        assert len(hand.open) == min(limit, 7 - sum(entry.seq > 2 for entry in hand.journal))
        hand.succeed(hand.names[-1], hand.names[-1])
    assert hand.result == tuple(f"s{n}" for n in range(7))


def test_a_task_given_as_a_branch_takes_a_place_within_the_limit(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        task = yield from fork(step("forked", work))
        return (yield from gather(task, step("a", work), limit=1))

    hand = begin(flow)
    assert hand.names == ["forked"]
    hand.succeed("forked", 1)
    hand.succeed("a", 2)
    assert hand.result == (1, 2)


# Nesting ----------------------------------------------------------------------------------------


def test_any_of_all_of_any_schedules_nothing_twice(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (
            yield from race(
                left=gather(race(x=step("lx", work), y=step("ly", work)), step("l", work)),
                right=gather(step("r1", work), step("r2", work)),
            )
        )

    hand = begin(flow)
    assert sorted(hand.names) == ["l", "lx", "ly", "r1", "r2"]
    hand.succeed("ly", 1)
    assert sorted(hand.names) == ["l", "lx", "r1", "r2"]
    hand.stop("lx")
    hand.succeed("l", 2)
    assert {action.name for action in hand.machine.open.values() if isinstance(action, StopStep)} == {"r1", "r2"}
    hand.stop("r1")
    hand.stop("r2")
    assert hand.result.name == "left"
    assert hand.result.value[0].name == "y"


def test_a_swallowed_cancellation_lets_a_branch_go_on_and_the_gather_waits_for_it(begin: Begin) -> None:
    def stubborn() -> Flow[Any]:
        try:
            yield step("a", work)
        except Cancelled:
            yield step("instead", work)

    def flow() -> Flow[Any]:
        yield gather(stubborn(), step("b", work))

    hand = begin(flow)
    hand.fail("b", ValueError("b failed"))
    hand.stop("a")
    assert hand.names == ["instead"]
    hand.succeed("instead")
    with pytest.raises(ValueError, match="b failed"):
        assert hand.result
