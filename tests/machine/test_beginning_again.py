"""After a retry, or in a fork, what is open begins anew: the time since does not count."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from dataflows import Flow, Retry, gather, now, sleep, sleep_until, step, wait
from interpreter.machine import Begun, SetTimer
from tests.machine.by_hand import START, ByHand, seconds_after_start, work

Begin = Callable[..., ByHand]
DAY = timedelta(days=1)


def timed() -> Flow[Any]:
    yield from gather(
        sleep("nap", "1h"),
        sleep_until("moment", START + timedelta(hours=2)),
        wait("approval", timeout="3h"),
        wait("payment", key="A-1", timeout="4h"),
        wait("veto"),
        step("work", work, retry=Retry(within="5h")),
    )


def test_sleeps_and_timeouts_have_their_whole_length_again_and_a_moment_stays(begin: Begin) -> None:
    hand = begin(timed)
    hand.now = START + DAY
    hand.put(Begun())
    dues = {name: hand.find(name).due - START for name in ("nap", "moment", "approval", "payment")}
    hours = {name: timedelta(hours=number) for name, number in (("nap", 1), ("approval", 3), ("payment", 4))}
    assert dues == {**{name: DAY + length for name, length in hours.items()}, "moment": timedelta(hours=2)}
    assert hand.find("veto").due is None
    assert hand.find("work").opened_at == START + DAY


def test_drivers_are_told_of_the_new_deadlines(begin: Begin) -> None:
    hand = begin(timed)
    hand.machine.actions()
    hand.now = START + DAY
    hand.put(Begun())
    told = {action.position: action for action in hand.machine.actions()}
    timer = told[0, 0, 0]
    assert isinstance(timer, SetTimer) and timer.due == START + DAY + timedelta(hours=1)


def test_what_follows_has_the_new_time(begin: Begin) -> None:
    def naps() -> Flow[Any]:
        yield from sleep("nap", 60)
        return (yield from now())

    hand = begin(naps)
    hand.now = START + DAY
    hand.put(Begun())
    hand.now = START + DAY + timedelta(seconds=60)
    hand.fire("nap")
    assert hand.result == seconds_after_start(60) + DAY


def test_it_replays(begin: Begin) -> None:
    hand = begin(timed)
    hand.now = START + DAY
    hand.put(Begun())
    assert hand.replayed().open == hand.machine.open


@pytest.mark.parametrize("times", [1, 2])
def test_one_that_has_come_to_its_end_comes_to_it_again(begin: Begin, times: int) -> None:
    def short() -> Flow[str]:
        yield from sleep("nap", 0)
        return "done"

    hand = begin(short)
    hand.fire("nap")
    for _ in range(times):
        hand.put(Begun())
    assert hand.result == "done"
