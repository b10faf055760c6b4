"""``wait(name, key=)``: events are matched by name and key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflows import Flow, gather, wait
from interpreter.machine import AwaitSignal, Status
from tests.machine.by_hand import ByHand

Begin = Callable[..., ByHand]


def payments() -> Flow[Any]:
    return (
        yield from gather(wait("payment", key="order 1"), wait("payment", key="order 2"), wait("payment", timeout=60))
    )


def test_each_event_wakes_the_wait_of_its_key_and_a_signal_the_one_without(begin: Begin) -> None:
    hand = begin(payments)
    hand.signal("payment", "second", key="order 2")
    hand.signal("payment", "plain")
    hand.signal("payment", "nobody's", key="order 3")
    assert hand.open == {"0.0.0": "payment"}
    hand.signal("payment", "first", key="order 1")
    assert hand.result == ("first", "second", "plain")
    assert hand.replayed().outcome == hand.machine.outcome


def test_the_driver_sees_for_which_key_it_is_waited(begin: Begin) -> None:
    action = begin(payments).find("0.1.0")
    assert isinstance(action, AwaitSignal) and action.command.key == "order 2"


def test_an_event_that_came_early_is_kept_for_its_key(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield wait("go")
        first = yield from wait("payment", key="order 1")
        return first, (yield from wait("payment"))

    hand = begin(flow)
    hand.signal("payment", "plain")
    hand.signal("payment", "keyed", key="order 1")
    hand.signal("go")
    assert hand.result == ("keyed", "plain")


def test_a_wait_with_a_key_that_times_out_or_is_cancelled_takes_nothing(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield wait("payment", key="order 1", timeout=1, default=None)
        yield wait("payment", key="order 2")

    hand = begin(flow)
    hand.fire("payment")
    hand.cancel()
    assert hand.status is Status.CANCELLED
    assert not any(hand.machine.waits.values())
