"""The recipes that are about failures: well, badly, cancelled, and crashed at every entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Cancelled, Error, Flow, Step, Value, gather, race, sleep, step
from dataflows.errors import PermanentError, TooManyFailures, UndoFailed
from dataflows.recipes import Undo, gather_outcomes, saga
from interpreter import Status
from interpreter.testing import NEVER, Simulation, crash_everywhere, explore, in_turn, rehearse, takes


class Refused(PermanentError):
    """The service says no, and would say it again."""


def work(*args: object) -> Any:
    raise AssertionError(f"a test has reached for the world: {args}")


def minutes(simulation: Simulation[Any], name: str) -> list[float]:
    """When, after the start, the steps of that name have begun."""
    return [call.at / timedelta(minutes=1) for call in simulation.calls(name)]


# gather_outcomes -----------------------------------------------------------------------------------


def pages(count: int, limit: int | None = None, tolerate: int | None = None) -> Flow[list[str]]:
    fetches = (step(f"page {number}", work, number) for number in range(count))
    outcomes = yield from gather_outcomes(*fetches, limit=limit, tolerate=tolerate)
    return [
        str(outcome.value) if isinstance(outcome, Value) else type(outcome.exception).__name__ for outcome in outcomes
    ]


def test_what_each_branch_came_to_is_answered_in_argument_order() -> None:
    steps = {"page 0": takes("3s", "a"), "page 1": takes("2s", Refused), "page 2": takes("1s", "c")}
    assert crash_everywhere(pages, 3, steps=steps).result == ["a", "Refused", "c"]


def test_nothing_comes_to_nothing() -> None:
    assert crash_everywhere(pages, 0, 5, 0).result == []


def test_no_more_than_may_run_at_once() -> None:
    simulation = crash_everywhere(pages, 6, 2, otherwise=takes("1m", "x"))
    assert [minutes(simulation, f"page {number}") for number in range(6)] == [[0], [0], [1], [1], [2], [2]]


def test_as_many_as_are_tolerated_may_fail() -> None:
    steps = {"page 1": Refused, "page 3": Refused}
    assert crash_everywhere(pages, 4, None, 2, steps=steps, otherwise="x").result == ["x", "Refused", "x", "Refused"]


def pages_in_pairs(count: int, tolerate: int) -> Flow[list[str]]:
    return (yield from pages(count, 2, tolerate))


def test_one_failure_more_cancels_what_runs_and_begins_nothing_further() -> None:
    steps = {"page 0": takes("1s", Refused), "page 1": NEVER, "page 2": Refused}
    simulation = crash_everywhere(pages_in_pairs, 9, 1, steps=steps, fails=TooManyFailures)
    assert str(simulation.error) == "2 of 9 branches have failed, and 1 may"
    assert simulation.history[-2].endswith("step page 1 stopped")
    assert [call.name for call in simulation.steps] == ["page 0", "page 1", "page 2"]


def test_all_that_was_raised_is_the_cause() -> None:
    steps = {"page 0": Refused("first"), "page 1": takes("1s", Refused("second"))}
    error = crash_everywhere(pages_in_pairs, 2, 1, steps=steps, fails=TooManyFailures).error
    assert error is not None
    assert isinstance(error.__cause__, ExceptionGroup)
    assert [str(each) for each in error.__cause__.exceptions] == ["first", "second"]


def test_none_is_tolerated_if_so_asked() -> None:
    steps = {"page 0": Refused}
    simulation = crash_everywhere(pages_in_pairs, 2, 0, steps=steps, otherwise="x", fails=TooManyFailures)
    assert str(simulation.error) == "1 of 2 branches have failed, and 0 may"


def test_a_cancellation_is_no_outcome() -> None:
    simulation = crash_everywhere(pages, 3, otherwise=NEVER, cancel_at="1s")
    assert simulation.status is Status.CANCELLED


def test_a_branch_stands_where_it_would_stand_under_gather() -> None:
    def under(combinator: Callable[..., Any]) -> list[str]:
        def both() -> Flow[Any]:
            yield from combinator(step("a", work), gather(step("b", work), sleep("c", 5)))

        *journaled, _ = crash_everywhere(both, otherwise="x").history
        return journaled

    assert under(gather_outcomes) == under(gather)


@given(
    failing=st.lists(st.booleans(), max_size=8),
    limit=st.none() | st.integers(1, 4),
    tolerate=st.none() | st.integers(0, 4),
)
def test_it_fails_when_more_fail_than_may_and_tells_them_all_apart_otherwise(
    failing: list[bool], limit: int | None, tolerate: int | None
) -> None:
    steps = {f"page {number}": Refused if fails else str(number) for number, fails in enumerate(failing)}
    too_many = tolerate is not None and sum(failing) > tolerate
    end = TooManyFailures if too_many else ()
    simulation = crash_everywhere(pages, len(failing), limit, tolerate, steps=steps, fails=end)
    if not too_many:
        assert simulation.result == ["Refused" if fails else str(number) for number, fails in enumerate(failing)]


def test_it_is_checked_where_the_author_wrote_it() -> None:
    with pytest.raises(
        TypeError, match=r"gather_outcomes\(\.\.\.\) takes commands and generators, not list; write \* before it"
    ):
        gather_outcomes([step("a", work)])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"gather_outcomes\(limit=\) is a whole number"):
        gather_outcomes(limit=0)
    with pytest.raises(ValueError, match=r"gather_outcomes\(tolerate=\) is a whole number"):
        gather_outcomes(tolerate=-1)


# saga ----------------------------------------------------------------------------------------------


class SoldOut(PermanentError):
    """There is none left."""


def journey(undo: Undo, *places: str) -> Flow[str]:
    for place in places:
        undo(step(f"cancel {place}", work, place))
        yield from step(f"book {place}", work, place)
    return " and ".join(places)


def booked() -> Flow[str]:
    return (yield from saga(journey, "hotel", "flight", "car"))


BOOKINGS: dict[str, Any] = {f"{verb} {place}": None for verb in ("book", "cancel") for place in ("hotel", "flight")}


def undone(simulation: Simulation[Any]) -> list[str]:
    return [call.name for call in simulation.steps if call.name.startswith("cancel") and call.outcome == Value(None)]


def test_nothing_is_undone_if_all_goes_well() -> None:
    simulation = crash_everywhere(booked, otherwise=None)
    assert simulation.result == "hotel and flight and car"
    assert undone(simulation) == []


def test_a_failure_is_raised_when_what_was_noted_is_undone_last_first() -> None:
    simulation = crash_everywhere(booked, steps={"book car": SoldOut}, otherwise=None, fails=SoldOut)
    assert undone(simulation) == ["cancel car", "cancel flight", "cancel hotel"]


def test_what_was_not_reached_is_not_undone() -> None:
    simulation = crash_everywhere(booked, steps={"book flight": SoldOut}, otherwise=None, fails=SoldOut)
    assert undone(simulation) == ["cancel flight", "cancel hotel"]


def test_cancelled_it_undoes_and_stays_cancelled() -> None:
    simulation = crash_everywhere(booked, steps={"book flight": NEVER}, otherwise=None, cancel_at="1m")
    assert simulation.status is Status.CANCELLED
    assert undone(simulation) == ["cancel flight", "cancel hotel"]


def test_cancelled_while_it_undoes_it_runs_again_what_was_stopped_and_goes_on() -> None:
    steps = {"book car": SoldOut, "cancel flight": in_turn(NEVER, None)}
    simulation = crash_everywhere(booked, steps=steps, otherwise=None, cancel_at="1m")
    assert simulation.status is Status.CANCELLED
    assert undone(simulation) == ["cancel car", "cancel flight", "cancel hotel"]
    assert isinstance(simulation.driver.machine.outcome, Error)
    assert isinstance(simulation.driver.machine.outcome.exception.__context__, SoldOut)


def test_one_that_cannot_be_undone_is_told_and_the_others_are_undone() -> None:
    steps = {"book car": SoldOut, "cancel car": Refused("no"), "cancel hotel": Refused("never")}
    simulation = crash_everywhere(booked, steps=steps, otherwise=None, fails=UndoFailed)
    error = simulation.error
    assert error is not None
    assert (
        str(error) == "2 of 3 steps that undo have failed: 'cancel car' (Refused: no), 'cancel hotel' (Refused: never)"
    )
    assert isinstance(error.__cause__, SoldOut)
    assert undone(simulation) == ["cancel flight"]


def test_a_cancelled_saga_that_cannot_be_undone_has_failed() -> None:
    steps = {"book hotel": NEVER, "cancel hotel": Refused}
    simulation = crash_everywhere(booked, steps=steps, cancel_at="1m", fails=UndoFailed)
    assert simulation.status is Status.FAILED


class Unwell(BaseException):
    """No ``Exception``, as some libraries' own are not."""


@pytest.mark.parametrize("error", [Unwell("so"), Cancelled("says the step itself")])
def test_whatever_a_step_that_undoes_raises_the_others_are_undone(error: BaseException) -> None:
    steps = {"book flight": SoldOut, "cancel flight": error}
    simulation = crash_everywhere(booked, steps=steps, otherwise=None, fails=UndoFailed)
    assert undone(simulation) == ["cancel hotel"]


def test_the_workflow_goes_on_after_it() -> None:
    def or_stay() -> Flow[str]:
        try:
            return (yield from saga(journey, "hotel", "flight"))
        except SoldOut:
            return (yield from step("stay", work))

    simulation = crash_everywhere(or_stay, steps={"book flight": SoldOut, "stay": "at home"}, otherwise=None)
    assert simulation.result == "at home"


def test_of_two_sagas_one_in_the_other_both_are_undone_from_the_inside_out() -> None:
    def outer(undo: Undo) -> Flow[None]:
        undo(step("cancel hotel", work))
        yield from step("book hotel", work)
        yield from saga(journey, "flight", "car")

    def nested() -> Flow[None]:
        yield from saga(outer)

    simulation = crash_everywhere(nested, steps={"book car": SoldOut}, otherwise=None, fails=SoldOut)
    assert undone(simulation) == ["cancel car", "cancel flight", "cancel hotel"]


def test_a_saga_that_loses_a_race_is_undone_before_the_race_is_answered() -> None:
    def hurried() -> Flow[str]:
        return (yield from race(journey=saga(journey, "hotel", "flight"), late=sleep("late", "1h"))).name

    simulation = crash_everywhere(
        hurried, steps={"book flight": NEVER, "cancel hotel": takes("5m", None)}, otherwise=None
    )
    assert simulation.result == "late"
    assert simulation.elapsed == timedelta(minutes=65)
    assert undone(simulation) == ["cancel flight", "cancel hotel"]


def test_whatever_happens_all_or_nothing_stays_booked() -> None:
    def all_or_nothing(simulation: Simulation[str]) -> None:
        begun = [call.args[0] for call in simulation.steps if call.name.startswith("book")]
        back = [call.args[0] for call in simulation.steps if call in undone_calls(simulation)]
        assert back == ([] if simulation.error is None else begun[::-1])

    def undone_calls(simulation: Simulation[str]) -> list[Any]:
        return [call for call in simulation.steps if call.name in undone(simulation) and call.outcome == Value(None)]

    steps: dict[str, Any] = {f"book {place}": [None, SoldOut] for place in ("hotel", "flight", "car")}
    exploration = explore(booked, steps=steps, otherwise=[None], invariant=all_or_nothing)
    assert exploration.is_complete


def test_the_body_is_a_generator_function_and_is_told_so_where_the_author_wrote_it() -> None:
    def no_generator(undo: Undo) -> str:
        return "done"

    with pytest.raises(TypeError, match=r"saga\(\.\.\.\) takes commands and generators, not str"):
        saga(no_generator)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def test_a_saga_can_be_rehearsed() -> None:
    plan: list[Any] = [
        ("book hotel", None),
        (step("book flight", work, "flight"), SoldOut("full")),
        step("cancel flight", work, "flight"),
        (Step, None),
    ]
    with pytest.raises(SoldOut):
        rehearse(saga(journey, "hotel", "flight"), plan)
