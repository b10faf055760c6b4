"""What the claimer sleeps on: no ring is lost, and none keeps a later one from ringing."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.scheduler.listener import Listener


class RungAtTheWorstMoment(Listener):
    """Another thread rings just when it has been noted that the last ring was heard."""

    moments = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_is_rung" and value is False and self.moments:
            self.moments -= 1
            self.ring()


def connect(purpose: str) -> Any:
    raise DatabaseUnavailable(f"no {purpose} here")


@pytest.fixture
def listener() -> Iterator[RungAtTheWorstMoment]:
    listener = RungAtTheWorstMoment(connect)
    yield listener
    listener.close()


def is_rung(listener: Listener) -> bool:
    return bool(select.select([listener._woken], [], [], 0)[0])


def test_a_ring_ends_one_wait(listener: RungAtTheWorstMoment) -> None:
    listener.ring()
    listener.ring()
    assert listener.wait(20) == []
    assert not is_rung(listener)


def test_a_ring_while_another_is_being_heard_does_not_silence_those_that_follow(listener: RungAtTheWorstMoment) -> None:
    listener.moments = 1
    listener.ring()
    listener.wait(20)
    assert is_rung(listener)
    listener.wait(20)
    listener.ring()
    assert is_rung(listener)


def test_who_rings_after_it_is_closed_is_not_told_of_an_error() -> None:
    listener = Listener(connect)
    listener.close()
    listener.ring()
