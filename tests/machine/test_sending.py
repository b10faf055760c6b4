"""``signal``, ``publish`` and ``callback``: what a workflow tells others, and asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import CannotStore, Flow, NotFound, callback, gather, publish, race, signal, sleep, step, wait
from dataflows.commands import Command
from dataflows.errors import Mismatch
from dataflows.outcome import Error, Value
from interpreter.machine import CancelRequested, OpenCallback, Published, PublishValue, SendSignal, Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def telling(command: Callable[[], Command[Any]]) -> Flow[Any]:
    try:
        return (yield from command())
    finally:
        yield step("cleanup", work)


def sending() -> Command[Any]:
    return signal("order-7", "approval", {"by": "Ada"})


def publishing() -> Command[Any]:
    return publish("progress", [1, 2])


def asking() -> Command[Any]:
    return callback("approval", text="May we?")


def test_a_callback_is_answered_with_its_url_which_a_replay_answers_again(begin: Begin) -> None:
    urls = []

    def flow() -> Flow[Any]:
        urls.append((yield from callback("approval")))
        return (yield from wait("approval"))

    hand = begin(flow)
    action = hand.find("approval")
    assert isinstance(action, OpenCallback) and action.command == callback("approval")
    hand.put(hand.opened("approval", "https://flows.example/callbacks/7"))
    hand.replayed()
    assert urls == ["https://flows.example/callbacks/7"] * 2
    hand.signal("approval", {"choice": "approve"})
    assert hand.result == {"choice": "approve"}


def test_callbacks_of_one_name_are_each_answered_with_their_own_url(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from gather(callback("vote"), callback("vote")))

    hand = begin(flow)
    hand.put(hand.opened("0.1.0", "second"))
    hand.put(hand.opened("0.0.0", "first"))
    assert hand.result == ("first", "second")


def test_a_signal_is_sent_and_answered_when_it_has_arrived(begin: Begin) -> None:
    hand = begin(telling, sending)
    action = hand.find("approval")
    assert isinstance(action, SendSignal) and action.command == sending()
    hand.put(hand.sent("approval"))
    hand.succeed("cleanup")
    assert hand.result is None


def test_who_is_not_there_arrives_at_the_yield(begin: Begin) -> None:
    hand = begin(telling, sending)
    hand.put(hand.sent("approval", Error(NotFound("order-7"))))
    hand.succeed("cleanup")
    with pytest.raises(NotFound):
        assert hand.result


def test_a_value_is_published_and_the_answer_is_none(begin: Begin) -> None:
    hand = begin(telling, publishing)
    action = hand.find("progress")
    assert isinstance(action, PublishValue) and action.command.value == [1, 2]
    hand.put(hand.published("progress"))
    hand.succeed("cleanup")
    assert hand.result is None


def test_a_value_that_cannot_be_stored_arrives_at_the_yield(begin: Begin) -> None:
    hand = begin(telling, publishing)
    hand.put(Published((0,), "progress", outcome=Error(CannotStore("a lock"))))
    hand.succeed("cleanup")
    with pytest.raises(CannotStore):
        assert hand.result


FACTS: list[tuple[Callable[[], Command[Any]], Callable[[ByHand], Any]]] = [
    (sending, lambda hand: hand.sent("approval")),
    (sending, lambda hand: hand.sent("approval", Error(NotFound("order-7")))),
    (publishing, lambda hand: hand.published("progress")),
    (asking, lambda hand: hand.opened("approval")),
]


@pytest.mark.parametrize(("command", "fact"), FACTS, ids=["sent", "not found", "published", "opened"])
def test_cancelled_while_it_is_done_it_is_done_and_cancelled_arrives_instead_of_its_answer(
    begin: Begin, command: Callable[[], Command[Any]], fact: Callable[[ByHand], Any]
) -> None:
    hand = begin(telling, command)
    hand.cancel()
    assert hand.replayed().open == hand.machine.open
    [action] = hand.machine.open.values()
    assert isinstance(action, SendSignal | PublishValue | OpenCallback) and action.stopping
    hand.put(fact(hand))
    hand.succeed("cleanup")
    assert hand.status is Status.CANCELLED


@pytest.mark.parametrize(("command", "fact"), FACTS[::2], ids=["sent", "published"])
def test_done_before_the_cancellation_in_the_same_commit_its_answer_counts(
    begin: Begin, command: Callable[[], Command[Any]], fact: Callable[[ByHand], Any]
) -> None:
    seen = []

    def flow() -> Flow[Any]:
        seen.append((yield from command()))
        yield sleep("nap", 1)

    hand = begin(flow)
    hand.put(fact(hand), CancelRequested())
    assert hand.status is Status.CANCELLED
    assert seen == [None]


def test_a_race_is_answered_only_when_its_losing_signal_is_sent(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        return (yield from race(told=sending(), late=sleep("late", 1)))

    hand = begin(flow)
    hand.fire("late")
    assert hand.machine.outcome is None
    hand.put(hand.sent("approval"))
    assert hand.result.name == "late"


def test_a_signal_that_the_code_no_longer_sends_is_a_disagreement(begin: Begin) -> None:
    hand = begin(telling, sending)
    hand.put(hand.sent("approval"))
    with pytest.raises(Mismatch, match="sending of signal 'approval'\n  the code has:     publishing of"):
        hand.replayed(lambda _: telling(publishing))


def test_a_value_that_the_code_no_longer_publishes_is_a_disagreement(begin: Begin) -> None:
    hand = begin(telling, publishing)
    hand.put(Published((0,), "progress", outcome=Value(1)))
    with pytest.raises(Mismatch, match="has:  publishing of 'progress'\n  the code has:     sending of signal 'appr"):
        hand.replayed(lambda _: telling(sending))


def test_a_callback_that_the_code_no_longer_opens_is_a_disagreement(begin: Begin) -> None:
    hand = begin(telling, asking)
    hand.put(hand.opened("approval"))
    with pytest.raises(Mismatch, match="has:  callback 'approval'\n  the code has:     sending of signal 'approval'"):
        hand.replayed(lambda _: telling(sending))
