"""The statuses and their legal moves."""

from __future__ import annotations

import pytest

from interpreter.machine import ENDED, MOVES, Status


def test_every_status_stands_in_the_table_of_moves() -> None:
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize("status", ENDED)
def test_an_ended_execution_never_moves_again(status: Status) -> None:
    assert MOVES[status] == frozenset()


def test_only_a_running_execution_ends_or_is_blocked() -> None:
    for status in (*ENDED, Status.BLOCKED):
        assert [before for before, after in MOVES.items() if status in after] == [Status.RUNNING]


def test_every_status_that_is_not_the_first_can_be_reached_from_pending() -> None:
    reached = {Status.PENDING}
    for _ in Status:
        reached |= {after for before in reached for after in MOVES[before]}
    assert reached == set(Status)
