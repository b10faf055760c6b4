"""The subscription: years of it, in journals of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from dataflows import Error
from examples import subscription as example
from examples.subscription import Declined, subscription
from interpreter import Status
from interpreter.testing import Simulation, crash_everywhere, explore, in_turn, simulate

WELL = {"charge": "receipt", "goodbye": None, "dun": None}


def charged_months(simulation: Simulation[Any]) -> list[int]:
    return [call.args[1] for call in simulation.calls("charge") if not isinstance(call.outcome, Error)]


def test_a_year_passes_in_no_time_and_no_journal_grows() -> None:
    simulation = crash_everywhere(subscription, "Ada", steps=WELL, until="365d")
    assert simulation.status is Status.SUSPENDED
    assert charged_months(simulation) == list(range(1, 14))
    assert [call.at for call in simulation.steps] == [timedelta(days=30 * number) for number in range(13)]
    assert max(len(generation) for generation in simulation.driver.generations) <= 6
    assert simulation.published == {"months-paid": 13}


def test_who_has_enough_is_charged_no_more() -> None:
    simulation = crash_everywhere(subscription, "Ada", steps=WELL, signals=[("stop", "enough", "100d")])
    assert simulation.result == "stopped in month 4: enough"
    assert charged_months(simulation) == [1, 2, 3, 4]


def test_a_stop_that_comes_while_a_month_is_charged_is_not_lost() -> None:
    steps = WELL | {"charge": in_turn("receipt", OSError, "receipt")}
    simulation = crash_everywhere(subscription, "Ada", steps=steps, signals=[("stop", "enough", "30d")])
    assert simulation.result.endswith("enough")


def test_a_card_that_is_declined_ends_it() -> None:
    simulation = crash_everywhere(subscription, "Ada", steps=WELL | {"charge": in_turn("r1", "r2", Declined)})
    assert simulation.result == "declined in month 3"
    assert simulation.calls("dun")[0].args == ("Ada", "month 3 could not be charged")


def test_a_bank_that_is_down_for_a_moment_is_asked_again() -> None:
    steps = WELL | {"charge": in_turn(OSError, OSError, "receipt")}
    simulation = crash_everywhere(subscription, "Ada", steps=steps, signals=[("stop", "enough", "10d")])
    assert simulation.result == "stopped in month 1: enough"


def test_whatever_happens_each_month_is_charged_once_and_none_is_left_out() -> None:
    def months_in_a_row(simulation: Simulation[str]) -> None:
        months = [call.args[1] for call in simulation.calls("charge")]
        assert months == list(range(1, len(months) + 1))

    steps = {"charge": ["receipt", Declined], "goodbye": [None], "dun": [None]}
    exploration = explore(
        subscription, "Ada", steps=steps, waits={"stop": ["enough"]}, invariant=months_in_a_row, longest=30, bound=300
    )
    assert exploration.traces > 20


def test_asked_for_twice_a_charge_is_made_once() -> None:
    example.PAID.clear()
    assert example.charge("Ada", 1) == example.charge("Ada", 1) != example.charge("Ada", 2)


def test_ten_years_are_no_longer_in_memory_than_one() -> None:
    one, ten = (simulate(subscription, "Ada", steps=WELL, until=until) for until in ("365d", "3650d"))
    assert len(charged_months(ten)) == 122
    assert len(ten.driver.generation) == len(one.driver.generation)


def test_it_runs_for_real(story: Callable[[str], str]) -> None:
    told = story("subscription")
    assert "the subscription: stopped in month " in told
    assert "/1: receipt 1\n" in told
    assert "/2: receipt 2\n" in told
