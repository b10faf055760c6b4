"""Size: the work grows with the workflow, and nothing overflows.

The work is counted in calls of Python functions, not in seconds: twice the size may cost
little more than twice the calls.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from dataflows import Flow, cancel, fork, gather, race, step, wait
from dataflows.commands import Branch, Task
from dataflows.outcome import Error, Value
from interpreter.machine import RunStep, SignalReceived, StepEnded, StepStopped, StopStep
from tests.machine.by_hand import ByHand, work


def calls(run: Callable[[], object]) -> int:
    """How many calls of Python functions that makes."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.collect()  # commands that other tests have left may have finalizers, which would count
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def settle_all(hand: ByHand) -> None:
    """Let every open step come to its end, until the workflow has."""
    while hand.machine.outcome is None:
        for action in list(hand.machine.open.values()):
            if isinstance(action, RunStep):
                hand.put(StepEnded(action.position, action.name, action.branch, outcome=Value(1)))
            elif isinstance(action, StopStep):
                hand.put(StepStopped(action.position, action.name, action.branch))


def sequence(size: int) -> Flow[int]:
    total = 0
    for number in range(size):
        total += yield from step(f"s{number}", work)
    return total


def wide_gather(size: int) -> Flow[int]:
    return sum((yield from gather(*(step(f"s{number}", work) for number in range(size)))))


def narrow_gather(size: int) -> Flow[int]:
    return sum((yield from gather(*(step(f"s{number}", work) for number in range(size)), limit=10)))


def wide_race(size: int) -> Flow[int]:
    winner = yield from race(**{f"b{number}": step(f"s{number}", work) for number in range(size)})
    return int(winner.value)


def deep_gather(size: int) -> Flow[Any]:
    branch: Branch[Any] = step("bottom", work)
    for _ in range(size):
        branch = gather(branch)
    return (yield from branch)


def deep_race(size: int) -> Flow[Any]:
    branch: Branch[Any] = step("bottom", work)
    for _ in range(size):
        branch = race(b=branch)
    return (yield from branch)


def deep_generators(size: int) -> Flow[Any]:
    if not size:
        return (yield from step("bottom", work))
    return (yield from gather(deep_generators(size - 1)))


def many_tasks(size: int) -> Flow[int]:
    tasks: list[Task[Any]] = []
    for number in range(size):
        tasks += [(yield from fork(step(f"s{number}", work)))]
    return sum((yield from gather(*tasks)))


def tasks_cancelled(size: int) -> Flow[None]:
    for number in range(size):
        task = yield from fork(wait("never"))
        yield step(f"s{number}", work)
        yield cancel(task)


SIZES: list[tuple[Callable[[int], Flow[Any]], int]] = [
    (sequence, 5_000),
    (wide_gather, 10_000),
    (narrow_gather, 10_000),
    (wide_race, 10_000),
    (deep_gather, 1_000),
    (deep_race, 1_000),
    (deep_generators, 1_000),
    (many_tasks, 5_000),
    (tasks_cancelled, 2_000),
]


@pytest.mark.parametrize(("flow", "size"), SIZES, ids=lambda value: getattr(value, "__name__", value))
def test_twice_the_size_takes_twice_the_calls(flow: Callable[[int], Flow[Any]], size: int) -> None:
    def run(of: int) -> ByHand:
        hand = ByHand(flow, of)
        settle_all(hand)
        assert not isinstance(hand.machine.outcome, Error), hand.machine.outcome
        return hand

    half = calls(lambda: run(size // 2))
    whole = calls(lambda: run(size))
    assert 1.8 < whole / half < 2.2


@pytest.mark.parametrize(("flow", "size"), SIZES, ids=lambda value: getattr(value, "__name__", value))
def test_replay_and_letting_go_are_linear_too(flow: Callable[[int], Flow[Any]], size: int) -> None:
    def replay_and_let_go(of: int) -> int:
        hand = ByHand(flow, of)
        settle_all(hand)
        hand.journal.pop()
        entries, machines = hand.journal, []
        hand.journal = []

        def run() -> None:
            machines.append(hand.replayed())
            for entry in entries:
                machines[0].apply(entry)
            machines[0].abandon()

        count = calls(run)
        assert machines[0].outcome is None
        return count

    assert 1.8 < replay_and_let_go(size) / replay_and_let_go(size // 2) < 2.2


@pytest.mark.parametrize("flow", [deep_gather, deep_race, deep_generators], ids=lambda flow: flow.__name__)
def test_a_failure_a_cancellation_and_a_late_timer_a_thousand_levels_down_overflow_nothing(
    flow: Callable[[int], Flow[Any]],
) -> None:
    failed, cancelled = ByHand(flow, 1_000), ByHand(flow, 1_000)
    failed.fail("bottom", ValueError("failed at the bottom"))
    with pytest.raises(ValueError, match="failed at the bottom"):
        assert failed.result
    cancelled.cancel()
    cancelled.stop("bottom")
    assert cancelled.open == {"": "cancelled"}


def test_a_late_timer_a_thousand_levels_down_is_ignored() -> None:
    def flow() -> Flow[Any]:
        branch: Branch[Any] = wait("go", timeout=1)
        for _ in range(1_000):
            branch = gather(branch)
        yield from branch

    hand = ByHand(flow)
    late = hand.fired("go")
    hand.signal("go")
    hand.put(late)
    assert hand.open == {"": "completed"}


def test_cancelling_ten_thousand_branches_throws_once_into_each() -> None:
    thrown = []

    def branch(number: int) -> Flow[Any]:
        try:
            yield wait("go")
        finally:
            thrown.append(number)

    def flow() -> Flow[Any]:
        yield gather(*map(branch, range(10_000)))

    hand = ByHand(flow)
    hand.cancel()
    assert thrown == list(range(10_000))
    assert hand.open == {"": "cancelled"}


def test_a_thousand_waits_for_one_name_take_a_thousand_signals_in_order() -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(*(wait("go", timeout=60) for _ in range(1_000))))

    hand = ByHand(flow)
    hand.put(*(SignalReceived("go", number, hand.now) for number in range(1_000)))
    assert hand.result == tuple(range(1_000))
