"""Many at one instant, smaller: ``python -m tests.acceptance.crowd`` is the large one."""

from __future__ import annotations

from collections.abc import Callable

from tests.acceptance import crowd


def test_all_that_sleep_until_one_instant_wake_after_it_and_none_twice(new_database: Callable[[], str]) -> None:
    assert crowd.wake_at_once(new_database(), 400, lead=2.0).number == 400


def test_all_steps_beside_each_other_run_once(new_database: Callable[[], str]) -> None:
    assert crowd.beside_each_other(new_database(), 2_000).number == 2_000
