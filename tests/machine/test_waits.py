"""Signals, and the waits that they are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dataflows import Flow, InvalidSignal, WaitTimeout, gather, race, sleep, step, wait
from interpreter.machine import SignalReceived
from tests.machine.by_hand import ByHand, seconds_after_start, work

Begin = Callable[..., ByHand]


@dataclass
class Approval:
    by: str
    amount: float = 0.0


def one_wait() -> Flow[Any]:
    return (yield from wait("go"))


def timed_wait() -> Flow[Any]:
    try:
        return (yield from wait("go", timeout=60))
    except WaitTimeout as error:
        return f"late: {error}"


def wait_with_default() -> Flow[Any]:
    return (yield from wait("go", timeout=60, default=None)), (yield from wait("go", timeout=60, default=None))


@pytest.mark.parametrize("payload", ["yes", None, False, 0, {"by": "ada"}])
def test_a_signal_answers_the_wait_for_its_name_with_its_payload(begin: Begin, payload: object) -> None:
    hand = begin(one_wait)
    hand.signal("other", "not for this one")
    assert hand.open == {"0": "go"}
    hand.signal("go", payload)
    assert hand.result == payload


def test_a_signal_that_came_before_its_wait_is_not_lost(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        return (yield from wait("go"))

    hand = begin(flow)
    hand.signal("go", "early")
    hand.succeed("before")
    assert hand.result == "early"


def test_a_signal_between_started_and_begun_is_not_lost(begin: Begin) -> None:
    hand = begin(one_wait)
    started, begun = hand.journal
    early = SignalReceived("go", "early", hand.now)
    hand.journal = [started]
    hand.machine = hand.replayed()
    hand.put(early, begun.fact)
    assert hand.result == "early"


def test_signals_of_one_name_are_taken_first_in_first_out_one_by_each_wait(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        first, second = (yield from wait("go")), (yield from wait("go"))
        third, fourth = (yield from wait("go")), (yield from wait("go"))
        return [first, second, third, fourth]

    hand = begin(flow)
    hand.signal("go", 1)
    hand.signal("go", 2)
    hand.succeed("before")
    assert hand.open == {"3": "go"}
    hand.put(SignalReceived("go", 3, hand.now), SignalReceived("go", 4, hand.now))
    assert hand.result == [1, 2, 3, 4]


def test_a_signal_goes_to_the_wait_that_was_opened_first_and_wakes_no_other(begin: Begin) -> None:
    def second() -> Flow[Any]:
        yield sleep("nap", 1)
        return (yield from wait("go"))

    def flow() -> Flow[Any]:
        return (yield from gather(second(), wait("go"), wait("go")))

    hand = begin(flow)
    hand.fire("nap")
    for payload in ("a", "b", "c"):
        hand.signal("go", payload)
    assert hand.result == ("c", "a", "b")


def test_a_cancelled_wait_takes_no_signal(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield race(answer=wait("go"), late=sleep("late", 60))
        return (yield from wait("go"))

    hand = begin(flow)
    hand.fire("late")
    hand.signal("go", "for the second wait")
    assert hand.result == "for the second wait"


def test_a_wait_that_timed_out_takes_no_signal(begin: Begin) -> None:
    hand = begin(wait_with_default)
    hand.fire("0")
    hand.signal("go", "for the second wait")
    assert hand.result == (None, "for the second wait")


# Time -------------------------------------------------------------------------------------------


def test_a_timeout_raises_wait_timeout_at_the_yield(begin: Begin) -> None:
    hand = begin(timed_wait)
    hand.fire("go")
    assert hand.result == "late: no signal 'go' came within 1m"


def test_a_default_of_none_is_a_default_like_any_other(begin: Begin) -> None:
    hand = begin(wait_with_default)
    hand.fire("0")
    hand.fire("1")
    assert hand.result == (None, None)


def test_a_payload_of_none_is_told_from_a_timeout(begin: Begin) -> None:
    hand = begin(timed_wait)
    hand.signal("go", None)
    assert hand.result is None


def test_a_deadline_is_fixed_when_the_wait_is_reached_and_survives_a_restart(begin: Begin) -> None:
    hand = begin(timed_wait)
    hand.pass_time(30)
    hand.signal("other")
    assert hand.replayed().open == {(0,): hand.find("go")}
    assert hand.find("go").due == seconds_after_start(60)


def test_a_signal_sent_at_the_very_deadline_wins(begin: Begin) -> None:
    hand = begin(timed_wait)
    hand.pass_time(60)
    hand.signal("go", "just in time")
    assert hand.result == "just in time"


def test_a_signal_sent_in_time_wins_though_it_was_journaled_late(begin: Begin) -> None:
    hand = begin(timed_wait)
    hand.pass_time(1000)
    hand.put(SignalReceived("go", "in time", seconds_after_start(59)))
    assert hand.result == "in time"


def test_a_signal_sent_after_the_deadline_is_kept_for_the_next_wait(begin: Begin) -> None:
    hand = begin(wait_with_default)
    hand.pass_time(61)
    hand.signal("go", "late")
    assert hand.open == {"0": "go"}
    hand.fire("0")
    assert hand.result == (None, "late")


def test_a_signal_past_the_first_waits_deadline_goes_to_another_that_still_waits(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(wait("go", timeout=60, default="none"), wait("go")))

    hand = begin(flow)
    hand.pass_time(61)
    hand.signal("go", "late for the first")
    hand.fire("0.0.0")
    assert hand.result == ("none", "late for the first")


# Types ------------------------------------------------------------------------------------------


def test_a_typed_wait_answers_the_type(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from wait("approval", Approval))

    hand = begin(flow)
    hand.signal("approval", {"by": "ada", "amount": 9.5})
    assert hand.result == Approval("ada", 9.5)


def test_a_payload_of_another_type_raises_invalid_signal_that_names_the_signal_and_is_used_up(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield wait("approval", Approval)
        except InvalidSignal as error:
            return str(error), (yield from wait("approval", Approval))

    hand = begin(flow)
    hand.signal("approval", {"bye": "ada"})
    hand.signal("approval", {"by": "ada"})
    message, answer = hand.result
    assert "signal 'approval': Approval has no field 'bye'" in message
    assert answer == Approval("ada")


def test_a_buffered_payload_is_checked_as_one_that_was_awaited_is(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        yield wait("count", int)

    hand = begin(flow)
    hand.signal("count", "three")
    hand.succeed("before")
    with pytest.raises(InvalidSignal, match="expected int, got str"):
        assert hand.result
