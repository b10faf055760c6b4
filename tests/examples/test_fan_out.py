"""The fan-out: a few at a time, and a few may fail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from dataflows.errors import TooManyFailures
from examples.fan_out import Damaged, Imported, import_catalogue
from interpreter.testing import NEVER, Simulation, crash_everywhere, explore, in_turn, simulate, takes


def page(catalogue: str, number: int) -> list[str]:
    return [f"article {number}"]


def fetched(simulation: Simulation[Any]) -> list[str]:
    return [call.name for call in simulation.steps[1:]]


def test_articles_come_in_the_order_of_their_pages_whichever_came_first() -> None:
    steps = {"count-pages": 3, "page-1": takes("3s", page), "page-2": takes("2s", page), "page-3": takes("1s", page)}
    simulation = crash_everywhere(import_catalogue, "garden", steps=steps)
    assert simulation.result == Imported(("article 1", "article 2", "article 3"), ())


def test_no_more_than_four_are_fetched_at_once() -> None:
    simulation = simulate(import_catalogue, "garden", steps={"count-pages": 10}, otherwise=takes("1s", page))
    begun = [call.at // timedelta(seconds=1) for call in simulation.steps[1:]]
    assert begun == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]


def test_a_damaged_page_is_left_out_and_told() -> None:
    steps = {"count-pages": 4, "page-2": Damaged}
    simulation = crash_everywhere(import_catalogue, "garden", steps=steps, otherwise=page)
    assert simulation.result == Imported(("article 1", "article 3", "article 4"), (2,))


def test_a_page_that_does_not_come_at_once_is_fetched_again_and_is_no_failure() -> None:
    steps = {"count-pages": 2, "page-2": in_turn(ConnectionError, ConnectionError, page)}
    simulation = crash_everywhere(import_catalogue, "garden", 4, 0, steps=steps, otherwise=page)
    assert simulation.result.missing == ()
    assert fetched(simulation) == ["page-1", "page-2", "page-2", "page-2"]


def test_too_many_damaged_pages_end_it_and_nothing_further_is_fetched() -> None:
    steps = {"count-pages": 100, "page-4": NEVER}
    simulation = crash_everywhere(import_catalogue, "attic", steps=steps, otherwise=Damaged, fails=TooManyFailures)
    assert str(simulation.error) == "3 of 100 branches have failed, and 2 may"
    assert fetched(simulation) == ["page-1", "page-2", "page-3", "page-4", "page-5", "page-6"]


def test_whatever_happens_each_page_is_imported_or_missing() -> None:
    def nothing_is_lost(simulation: Simulation[Imported]) -> None:
        if simulation.error is None:
            imported = [f"article {number}" for number in range(1, 4) if number not in simulation.result.missing]
            assert list(simulation.result.articles) == imported
            assert len(simulation.result.missing) <= 1

    exploration = explore(
        import_catalogue,
        "garden",
        2,
        1,
        steps={"count-pages": [3]},
        otherwise=[page, Damaged],
        invariant=nothing_is_lost,
        bound=2_000,
    )
    assert exploration.is_complete


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("fan_out")
    assert "'gate', 'lamp'), missing=(3,))\n" in told
    assert "attic: failed: 3 of 5 branches have failed, and 2 may\n" in told
