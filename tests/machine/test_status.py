"""The statuses and their legal moves."""

from __future__ import annotations

import pytest

from interpreter.machine import ENDED, MOVES, Status


def test_every_status_stands_in_the_table_of_moves() -> None:
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_an_ended_execution_never_moves_again(status: Status) -> None:
    assert MOVES[status] == frozenset()


def test_a_failed_execution_is_moved_by_a_retry_alone() -> None:
    assert MOVES[Status.FAILED] == frozenset({Status.SUSPENDED})


def test_only_a_running_execution_comes_to_an_end_of_its_own_or_is_blocked() -> None:
    for status in (Status.COMPLETED, Status.FAILED, Status.BLOCKED):
        assert [before for before, after in MOVES.items() if status in after] == [Status.RUNNING]


def test_whatever_has_not_ended_can_be_cancelled() -> None:
    assert {before for before, after in MOVES.items() if Status.CANCELLED in after} == set(Status) - ENDED


def test_every_status_that_is_not_the_first_can_be_reached_from_pending() -> None:
    reached = {Status.PENDING}
    for _ in Status:
        reached |= {after for before in reached for after in MOVES[before]}
    assert reached == set(Status)
