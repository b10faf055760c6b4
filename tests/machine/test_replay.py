"""Replay is the fold itself, once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from dataflows import Flow, gather, race, sleep, step, wait
from dataflows.errors import Mismatch
from dataflows.outcome import Error, Value
from interpreter.machine import (
    AwaitSignal,
    Begun,
    Close,
    Ended,
    Entry,
    Fact,
    Machine,
    RunStep,
    SetTimer,
    Slept,
    Started,
    Status,
    StepEnded,
)
from tests.machine.by_hand import START, ByHand, work

Begin = Callable[..., ByHand]


def busy() -> Flow[Any]:
    first = yield from step("a", work)
    decision = yield from race(answer=wait("go", timeout="1h"), late=sleep("late", 60))
    both = yield from gather(step("b", work), step("c", work))
    return first, decision, both


def played(begin: Begin) -> ByHand:
    hand = begin(busy)
    hand.succeed("a", {"id": 1})
    hand.signal("go", ["yes"])
    hand.succeed("c", 3)
    hand.succeed("b", 2)
    hand.end()
    return hand


def test_every_prefix_of_the_journal_has_the_open_actions_that_were_open_then(begin: Begin) -> None:
    full = played(begin).journal
    hand = begin(busy)
    hand.journal, hand.machine = [], Machine(hand.workflow)
    for entry in full:
        hand.put(entry.fact)
        assert hand.replayed().open == hand.machine.open
    assert len(full) == 7


def test_a_step_whose_outcome_is_journaled_is_not_open_on_any_replay(begin: Begin) -> None:
    hand = begin(busy)
    hand.succeed("a")
    assert (0,) not in hand.replayed().open
    assert hand.replayed().actions() == [*hand.machine.open.values()]


def test_a_step_whose_outcome_is_not_journaled_is_open_again(begin: Begin) -> None:
    hand = begin(busy)
    assert hand.replayed().actions() == [hand.find("a")]


@pytest.mark.parametrize(
    "value", [(1, 2), {1, 2}, b"bytes", Decimal("1.10"), date(2024, 2, 29), 1.0, 2**70, {1: "one"}], ids=repr
)
def test_a_replayed_value_has_the_value_and_the_type_that_it_had_live(begin: Begin, value: object) -> None:
    def flow() -> Flow[Any]:
        return (yield from step("a", work))

    hand = begin(flow)
    hand.succeed("a", value)
    outcome = hand.replayed().outcome
    assert outcome == hand.machine.outcome == Value(value)
    assert isinstance(outcome, Value)
    assert type(outcome.value) is type(value)


def test_actions_gives_what_was_opened_or_closed_since_the_last_call(begin: Begin) -> None:
    hand = begin(busy)
    (opened,) = hand.machine.actions()
    assert isinstance(opened, RunStep)
    assert hand.machine.actions() == []
    hand.succeed("a")
    closed, waiting, timer = hand.machine.actions()
    assert closed == Close((0,))
    assert isinstance(waiting, AwaitSignal)
    assert isinstance(timer, SetTimer)


def test_a_failed_attempt_reopens_the_step_and_actions_says_so(begin: Begin) -> None:
    hand = begin(busy)
    hand.machine.actions()
    hand.fail_attempt("a", OSError())
    assert hand.machine.actions() == [hand.find("a")]


def test_the_machine_knows_its_time_and_its_number(begin: Begin) -> None:
    hand = begin(busy)
    hand.pass_time(9)
    hand.succeed("a")
    assert (hand.machine.seq, hand.machine.time) == (3, hand.now)


def test_where_names_the_file_the_line_and_the_text_of_each_place_once(begin: Begin) -> None:
    hand = begin(busy)
    hand.succeed("a")
    (place,) = hand.machine.where()
    assert place.split(":")[0] == __file__
    assert place.endswith('yield from race(answer=wait("go", timeout="1h"), late=sleep("late", 60))')


# A damaged journal ------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", range(6))
def test_a_missing_entry_is_noticed(begin: Begin, missing: int) -> None:
    hand = played(begin)
    del hand.journal[missing]
    with pytest.raises(Mismatch, match=rf"entry {missing + 1} is missing, entry {missing + 2} follows"):
        hand.replayed()


@pytest.mark.parametrize(
    "facts",
    [
        [Begun()],
        [Started(), Started()],
        [Started(), Begun(), Started()],
        [Started(), Slept((0,), "nap")],
        [StepEnded((1, 2), "a", outcome=Value(None))],
        [Slept((1, 2), "nap")],
        [Started(), Begun(), Ended(Status.COMPLETED, Value(None))],
    ],
    ids=lambda facts: " ".join(type(fact).__name__ for fact in facts),
)
def test_a_journal_that_does_not_open_as_it_must_is_refused(begin: Begin, facts: list[Fact]) -> None:
    hand = begin(busy)
    hand.journal = [Entry(number, START, fact) for number, fact in enumerate(facts, 1)]
    with pytest.raises(Mismatch):
        hand.replayed()


def test_nothing_follows_the_end(begin: Begin) -> None:
    hand = played(begin)
    for fact in (Begun(), Ended(Status.COMPLETED, Value(None)), StepEnded((0,), "a", outcome=Error(ValueError()))):
        with pytest.raises(Mismatch):
            hand.replayed().apply(Entry(len(hand.journal) + 1, START, fact))
