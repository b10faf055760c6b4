"""Turns: while one writes for an execution, what is proposed for it waits, in its order, and nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from interpreter.machine import Machine
from interpreter.scheduler.held import Held
from interpreter.scheduler.proposals import Proposal
from interpreter.scheduler.turns import Turns
from tests.scheduler.work import of_the_desk


class Desk:
    """Turns, and what comes back to the committer's door."""

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.proposed: list[Proposal] = []
        self.turns = Turns(self.writing, self.proposed.append)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def turn() -> Iterator[ExitStack]:
    """Ends the turns that were entered into it."""
    with ExitStack() as stack:
        yield stack


def held(id: str) -> Held:
    return Held(1, id, 1, Machine(of_the_desk))


def test_where_nobody_has_a_turn_nothing_is_sifted(desk: Desk) -> None:
    with desk.turns.turn(held("a"), 0):
        assert desk.turns.concern
    assert not desk.turns.concern
    assert desk.proposed == []


def test_what_is_proposed_in_a_turn_waits_and_comes_first_afterwards_in_its_order(desk: Desk) -> None:
    ours, other = held("ours"), held("other")
    first, second, third, beside = Proposal(ours), Proposal(ours), Proposal(ours), Proposal(other)
    with desk.turns.turn(ours, 0) as is_ours:
        assert is_ours
        assert desk.turns.sift([first, beside]) == [beside]
        assert desk.turns.sift([second]) == []
    assert [proposal.held for proposal in desk.proposed] == [ours], "so that the committer looks"
    assert desk.turns.concern
    assert desk.turns.sift([beside, third]) == [first, second, beside, third]
    assert not desk.turns.concern


def test_it_begins_when_the_batch_in_flight_has_been_written(desk: Desk) -> None:
    ours = held("ours")
    begun = threading.Event()

    def ask() -> None:
        with desk.turns.turn(ours, 20) as is_ours:
            assert is_ours
            begun.set()

    with desk.writing:
        asking = threading.Thread(target=ask)
        asking.start()
        assert not begun.wait(0.1)
        assert not desk.turns.concern
    desk.turns.begin()
    assert begun.wait(20)
    asking.join()


def test_of_one_execution_the_second_begins_when_the_first_has_ended(desk: Desk, turn: ExitStack) -> None:
    ours, other = held("ours"), held("other")
    order: list[str] = []

    def ask() -> None:
        with desk.turns.turn(ours, 20):
            order.append("second")

    first = ExitStack()
    assert first.enter_context(desk.turns.turn(ours, 0))
    asking = threading.Thread(target=ask)
    asking.start()
    assert turn.enter_context(desk.turns.turn(other, 20)), "another's need not wait"
    order.append("first")
    first.close()
    asking.join(20)
    assert order == ["first", "second"]


def test_who_does_not_get_it_in_time_leaves_no_trace(desk: Desk, turn: ExitStack) -> None:
    ours = held("ours")
    with desk.writing, desk.turns.turn(ours, 0) as is_ours:
        assert not is_ours
    desk.turns.begin()
    assert not desk.turns.concern
    assert turn.enter_context(desk.turns.turn(ours, 0))
