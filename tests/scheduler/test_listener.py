"""What the claimer sleeps on: no ring is lost, and none keeps a later one from ringing."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.scheduler import listener as listener_module
from interpreter.scheduler.listener import Listener
from interpreter.store import connection as store_connection
from tests.databases import opened


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


@pytest.fixture
def hearing(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """One that finds it strange at once when it hears nothing."""
    monkeypatch.setattr(listener_module, "_LONGEST_SILENCE", 0.0)
    listener = Listener(lambda purpose: store_connection.connect(database, purpose))
    assert listener.wait(0) == [""]
    yield listener
    listener.close()


def tell(database: str, what: str) -> None:
    with opened(database) as connection:
        connection.execute("SELECT pg_notify('dataflows', %s)", [what])


def test_who_has_heard_nothing_for_long_is_tried_once_and_the_echo_means_nothing_to_anybody(
    hearing: Listener, database: str
) -> None:
    assert hearing.is_to_be_tried() and not hearing.is_to_be_tried()
    tell(database, listener_module.ECHO)
    assert hearing.wait(20) == []
    assert hearing.is_to_be_tried()  # it heard that, and some time has passed again
    tell(database, "something")
    assert hearing.wait(20) == ["something"]


def test_who_does_not_hear_its_own_echo_listens_over_another_connection(
    hearing: Listener, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "_LONGEST_ECHO", 0.0)
    former = hearing._connection
    assert former is not None and hearing.is_to_be_tried()
    assert hearing.wait(0) == [""]  # there may be something that was not heard
    assert hearing._connection is not former and former.closed
    tell(database, "something")
    assert hearing.wait(20) == ["something"]


def test_over_a_pooler_nothing_is_listened_for_and_whoever_knows_something_has_to_ring(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "is_pooled", lambda connection: True)
    listener = Listener(lambda purpose: store_connection.connect(database, purpose))
    assert listener.wait(0) == [] and listener.is_deaf and not listener.is_to_be_tried()
    listener.ring()
    assert listener.wait(20) == []
    listener.close()
