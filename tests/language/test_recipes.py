"""The recipes that are about time: well, badly, too late, cancelled, and crashed at every entry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Cancelled, Flow, sleep, step, wait
from dataflows.errors import DeadlineExceeded, PermanentError
from dataflows.recipes import poll, repeat, timeout_after
from interpreter import Status
from interpreter.testing import NEVER, Simulation, crash_everywhere, in_turn, takes


class Refused(PermanentError):
    """The service says no, and would say it again."""


def work(*args: object) -> Any:
    raise AssertionError(f"a test has reached for the world: {args}")


def minutes(simulation: Simulation[Any], name: str) -> list[float]:
    """When, after the start, the steps of that name have begun."""
    return [call.at / timedelta(minutes=1) for call in simulation.calls(name)]


# poll ----------------------------------------------------------------------------------------------


def polling(within: str | None = None) -> Flow[str]:
    look = step("look", work, "job-1")
    return (yield from poll(look, until=lambda state: state == "done", every="3m", within=within))


def test_it_is_looked_again_until_it_is_what_is_waited_for() -> None:
    simulation = crash_everywhere(polling, steps={"look": in_turn("begun", "half", "done")})
    assert simulation.result == "done"
    assert simulation.history[1:-1] == [
        "+0s  1  step look → 'begun'",
        "+3m  2  sleep look: again over",
        "+3m  3  step look → 'half'",
        "+6m  4  sleep look: again over",
        "+6m  5  step look → 'done'",
    ]


def test_what_is_there_already_is_looked_at_once() -> None:
    simulation = crash_everywhere(polling, steps={"look": "done"})
    assert minutes(simulation, "look") == [0]


def test_the_last_look_is_taken_when_the_time_is_over() -> None:
    simulation = crash_everywhere(polling, "10m", steps={"look": "begun"}, fails=DeadlineExceeded)
    assert minutes(simulation, "look") == [0, 3, 6, 9, 10]
    assert str(simulation.error) == (
        "step 'look' did not see within 10m what it waits for; the last answer was 'begun'"
    )


def test_what_the_last_look_sees_counts() -> None:
    simulation = crash_everywhere(polling, "4m", steps={"look": in_turn("begun", "half", takes("1h", "done"))})
    assert (simulation.result, minutes(simulation, "look")) == ("done", [0, 3, 4])


def test_no_look_begins_after_one_that_took_all_the_time() -> None:
    simulation = crash_everywhere(polling, "10m", steps={"look": takes("11m", "begun")}, fails=DeadlineExceeded)
    assert minutes(simulation, "look") == [0]


def test_a_look_that_fails_for_good_ends_it() -> None:
    crash_everywhere(polling, steps={"look": in_turn("begun", Refused)}, fails=Refused)


def test_it_is_cancelled_between_two_looks() -> None:
    simulation = crash_everywhere(polling, steps={"look": "begun"}, cancel_at="4m")
    assert simulation.status is Status.CANCELLED
    assert len(simulation.steps) == 2


@given(every=st.integers(10, 100), within=st.integers(0, 100))
def test_looks_are_never_further_apart_than_asked_and_the_last_is_when_the_time_is_over(
    every: int, within: int
) -> None:
    def looks() -> Flow[Any]:
        return (yield from poll(step("look", work), until=bool, every=every * 60, within=within * 60))

    taken = minutes(crash_everywhere(looks, steps={"look": 0}, fails=DeadlineExceeded), "look")
    assert taken == [*range(0, within, every), within]


@pytest.mark.parametrize("wrong", [sleep("pause", 1), work, "look"])
def test_only_a_step_can_be_polled(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"poll\(\.\.\.\) takes a step: "):
        poll(wrong, until=bool, every=1)


def test_durations_are_checked_where_the_author_wrote_them() -> None:
    with pytest.raises(ValueError, match="not a duration: 'often'"):
        poll(step("look", work), until=bool, every="often")
    with pytest.raises(ValueError, match="not a duration: 'soon'"):
        poll(step("look", work), until=bool, every=1, within="soon")
    with pytest.raises(ValueError, match="not a duration: 'soon'"):
        timeout_after("soon", sleep("pause", 1))


# timeout_after -------------------------------------------------------------------------------------


def errand() -> Flow[str]:
    try:
        yield from step("go", work, "there")
        return (yield from step("return", work))
    except Cancelled:
        yield from step("call back", work)
        raise


def in_time() -> Flow[str]:
    return (yield from timeout_after("1h", errand(), name="errand"))


def test_a_branch_that_ends_in_time_gives_its_answer() -> None:
    simulation = crash_everywhere(in_time, steps={"go": takes("40m"), "return": takes("19m", "milk")})
    assert simulation.result == "milk"
    assert simulation.elapsed == timedelta(minutes=59)


def test_a_branch_that_does_not_is_cancelled_and_cleans_up_before_the_error_arrives() -> None:
    steps = {"go": takes("40m"), "return": NEVER, "call back": takes("2m")}
    simulation = crash_everywhere(in_time, steps=steps, fails=DeadlineExceeded)
    assert str(simulation.error) == "errand: the branch did not end within 1h, and has been cancelled"
    assert simulation.history[1:-1] == [
        "+40m   0.0.0  step go → None  (in branch branch)",
        "+1h    0.1.0  sleep errand over  (in branch timeout)",
        "+1h    0.0.1  step return stopped  (in branch branch)",
        "+1h2m  0.0.2  step call back → None  (in branch branch)",
    ]


def test_its_own_error_is_raised_as_it_is() -> None:
    crash_everywhere(in_time, steps={"go": Refused}, fails=Refused)


def test_an_error_of_its_cleanup_is_raised_instead_of_the_deadline() -> None:
    crash_everywhere(in_time, steps={"go": NEVER, "call back": Refused}, fails=Refused)


def test_what_it_returns_although_its_time_is_over_does_not_count() -> None:
    def stubborn() -> Flow[str]:
        try:
            yield from sleep("long", "2h")
        except Cancelled:
            return "done all the same"
        return "done"

    def limited() -> Flow[str]:
        return (yield from timeout_after("1h", stubborn()))

    crash_everywhere(limited, fails=DeadlineExceeded)


def test_cancelled_it_cancels_the_branch() -> None:
    simulation = crash_everywhere(in_time, steps={"go": NEVER, "call back": None}, cancel_at="5m")
    assert simulation.status is Status.CANCELLED
    assert [call.name for call in simulation.steps] == ["go", "call back"]


def test_of_two_deadlines_the_inner_one_is_caught_where_it_was_set() -> None:
    def nested() -> Flow[str]:
        try:
            return (yield from timeout_after("2h", inner()))
        except DeadlineExceeded as error:
            return f"outer: {error}"

    def inner() -> Flow[str]:
        try:
            return str((yield from timeout_after("1h", wait("news"))))
        except DeadlineExceeded:
            yield from sleep("think", "30m")
            return "no news"

    assert crash_everywhere(nested).result == "no news"


@pytest.mark.parametrize("wrong", ["errand", errand, None])
def test_only_a_branch_can_be_timed(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"timeout_after\(\.\.\.\) takes commands and generators"):
        timeout_after("1h", wrong)


# repeat --------------------------------------------------------------------------------------------


def collect(total: int, last: int, rounds: int = 3) -> Flow[None]:
    yield from repeat(collect_once, total, last, rounds, every="1h", rounds=rounds)


def collect_once(total: int, last: int, rounds: int) -> Flow[tuple[int, int, int] | None]:
    total += yield from step("collect", work, total)
    return None if total >= last else (total, last, rounds)


def renewals(simulation: Simulation[Any]) -> int:
    return sum("continues as new" in line for line in simulation.history)


def test_rounds_are_a_period_apart_and_each_hands_the_next_its_arguments() -> None:
    simulation = crash_everywhere(collect, 0, 5, steps={"collect": takes("20m", 1)})
    assert simulation.result is None
    assert minutes(simulation, "collect") == [0, 60, 120, 180, 240]
    assert [call.args for call in simulation.steps] == [(0,), (1,), (2,), (3,), (4,)]
    assert renewals(simulation) == 1


def test_a_round_that_takes_longer_than_a_period_is_followed_at_once() -> None:
    simulation = crash_everywhere(collect, 0, 3, steps={"collect": in_turn(takes("90m", 1), 1, 1)})
    assert minutes(simulation, "collect") == [0, 90, 150]


def test_a_round_that_fails_ends_it() -> None:
    simulation = crash_everywhere(collect, 0, 5, steps={"collect": in_turn(1, Refused)}, fails=Refused)
    assert minutes(simulation, "collect") == [0, 60]


def test_it_is_cancelled_between_two_rounds_of_a_later_journal() -> None:
    simulation = crash_everywhere(collect, 0, 1000, steps={"collect": 1}, cancel_at="10h30m")
    assert simulation.status is Status.CANCELLED
    assert len(simulation.steps) == 11


@given(rounds=st.integers(1, 12), last=st.integers(1, 12))
def test_how_many_rounds_a_journal_has_changes_nothing_but_the_journals(rounds: int, last: int) -> None:
    simulation = crash_everywhere(collect, 0, last, rounds, steps={"collect": 1})
    assert minutes(simulation, "collect") == [60 * number for number in range(last)]
    assert renewals(simulation) == (last - 1) // rounds
    assert max(map(len, simulation.driver.generations)) <= 2 * rounds + 3


@pytest.mark.parametrize("rounds", [0, -1, True, 1.5])
def test_rounds_are_a_whole_number(rounds: Any) -> None:
    with pytest.raises(ValueError, match=r"repeat\(rounds=\) is a whole number, 1 or more"):
        repeat(collect_once, 0, 5, 3, every="1h", rounds=rounds)
