"""Termination: nothing of the author's runs, and nothing that follows counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dataflows import Cancelled, ExecutionCancelled, Flow, defer, fork, gather, sleep, step, wait
from dataflows.errors import Mismatch
from dataflows.outcome import Value
from interpreter.machine import (
    CancelRequested,
    Close,
    Fact,
    Machine,
    SignalReceived,
    Slept,
    Started,
    Status,
    StepEnded,
    StopStep,
    Terminated,
)
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]
KILLED = Terminated(Status.CANCELLED, ExecutionCancelled("terminated"))


def busy(ran: list[str]) -> Flow[Any]:
    try:
        yield defer("undo", work)
        yield fork(sleep("nap", 60))
        yield gather(step("long", work), wait("go"))
    except (Cancelled, Exception) as error:
        ran.append(f"caught {error!r}")
    finally:
        yield step("cleanup", work)
        ran.append("went on after a yield")


def test_everything_is_closed_and_the_workflow_is_not_asked(begin: Begin) -> None:
    ran: list[str] = []
    hand = begin(busy, ran)
    wanted = [action.position for action in hand.machine.actions()]
    hand.put(KILLED)
    assert hand.open == {}
    assert hand.machine.actions() == [Close(position) for position in wanted]
    assert ran == []
    assert hand.machine.fibers == {}
    with pytest.raises(ExecutionCancelled, match="terminated"):
        assert hand.result


def test_it_is_the_same_on_replay(begin: Begin) -> None:
    hand = begin(busy, [])
    hand.put(KILLED)
    replayed = hand.replayed()
    assert (replayed.open, repr(replayed.outcome)) == ({}, repr(hand.machine.outcome))


def late(hand: ByHand) -> Iterator[Fact]:
    yield StepEnded((2, 0, 0), "long", outcome=Value(None))
    yield Slept((1, 0, 0), "nap")
    yield SignalReceived("go", None, hand.now)
    yield CancelRequested()
    yield KILLED


def test_what_stands_after_it_in_the_same_commit_changes_nothing(begin: Begin) -> None:
    hand = begin(busy, [])
    assert not any(isinstance(action, Close) for action in hand.machine.actions())
    hand.put(KILLED, *late(hand))
    assert hand.open == {}
    closed = hand.machine.actions()
    assert closed and all(isinstance(action, Close) for action in closed)
    assert hand.replayed().open == {}


def test_a_workflow_that_never_began_is_terminated_too(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    hand = begin(flow)
    started, begun = hand.journal
    hand.journal, hand.machine = [], Machine(hand.workflow)
    assert isinstance(started.fact, Started)
    hand.put(started.fact, KILLED, begun.fact)
    assert (hand.open, hand.machine.has_begun) == ({}, True)


@pytest.mark.parametrize("state", ["cancelled", "compensating", "ending"])
def test_it_is_terminated_in_its_cleanup_among_what_was_deferred_and_at_its_very_end(begin: Begin, state: str) -> None:
    def flow() -> Flow[Any]:
        yield defer("undo", work)
        yield step("long", work)

    hand = begin(flow)
    if state == "cancelled":
        hand.cancel()
        assert isinstance(hand.find("long"), StopStep)
    elif state == "compensating":
        hand.fail("long", OSError())
        assert hand.names == ["undo"]
    else:
        hand.succeed("long")
        assert hand.status is Status.COMPLETED
    hand.put(KILLED)
    assert hand.open == {}
    with pytest.raises(ExecutionCancelled):
        assert hand.result


def test_what_has_ended_is_not_terminated_any_more(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)

    hand = begin(flow)
    hand.succeed("a")
    hand.end()
    with pytest.raises(Mismatch, match="the journal has:  the workflow's end: cancelled"):
        hand.put(KILLED)
