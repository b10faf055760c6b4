"""Retries: counted exactly, in the journal, so that no restart forgets or resets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import Flow, Retry, RetryAfter, current_attempt, gather, step, workflow
from interpreter import Handle, HistoryEntry, Scheduler, Status
from tests.waiting import eventually

AT_ONCE = Retry(attempts=3, first=0)
PLANS: dict[str, Callable[[int], Any]] = {}


def perform(plan: str) -> Any:
    """What the plan has the attempt of this number come to."""
    return PLANS[plan](current_attempt().number)


@workflow("retries/one", retry=Retry(attempts=2, first=0))
def one_step(plan: str, retry: Retry | None = None) -> Flow[Any]:
    return (yield from step("try", perform, plan, retry=retry))


@workflow("retries/two at once")
def two_at_once(plan: str, other: str) -> Flow[Any]:
    retry = Retry(attempts=4, first=0.01)
    return (yield from gather(step("a", perform, plan, retry=retry), step("b", perform, other, retry=retry)))


@workflow("retries/nested")
def nested(plan: str) -> Flow[Any]:
    for _ in range(2):
        try:
            yield from step("try", perform, plan, retry=AT_ONCE)
        except ConnectionError:
            continue
    return (yield from step("try", perform, plan, retry=AT_ONCE))


@pytest.fixture
def plan(id: str, calls: list[Any]) -> Callable[[Callable[[int], Any]], str]:
    """Names what the attempts of a test come to; each is written down among the calls."""

    def name(comes_to: Callable[[int], Any]) -> str:
        def attempt(number: int) -> Any:
            calls.append(number)
            return comes_to(number)

        PLANS[id] = attempt
        return id

    return name


def failing(error: BaseException, times: int = 1_000) -> Callable[[int], Any]:
    """Fails so many times, and then answers the number of the attempt."""

    def comes_to(number: int) -> int:
        if number <= times:
            raise error
        return number

    return comes_to


def attempts(handle: Handle[Any]) -> list[HistoryEntry]:
    return [entry for entry in handle.history() if entry.kind == "attempt"]


# How often --------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_step_that_always_fails_is_tried_exactly_so_often(
    scheduler: Scheduler, plan: Any, calls: list[Any], most: int
) -> None:
    handle = scheduler.start(one_step, plan(failing(ConnectionError("down"))), Retry(attempts=most, first=0))
    with pytest.raises(ConnectionError, match="down"):
        handle.result()
    assert calls == list(range(1, most + 1))
    assert len(attempts(handle)) == most - 1, "the last failure is the step's outcome"


def test_a_step_that_succeeds_is_not_tried_again(scheduler: Scheduler, plan: Any, calls: list[Any]) -> None:
    assert scheduler.run(one_step, plan(failing(ConnectionError("down"), times=2)), AT_ONCE) == 3
    assert calls == [1, 2, 3]


def test_without_a_policy_of_its_own_a_step_has_its_workflows(
    scheduler: Scheduler, plan: Any, calls: list[Any]
) -> None:
    with pytest.raises(ConnectionError):
        scheduler.run(one_step, plan(failing(ConnectionError("down"))))
    assert calls == [1, 2]


def test_three_times_three_are_nine(scheduler: Scheduler, plan: Any, calls: list[Any]) -> None:
    with pytest.raises(ConnectionError):
        scheduler.run(nested, plan(failing(ConnectionError("down"))))
    assert calls == [1, 2, 3] * 3


def test_two_steps_that_retry_beside_each_other_are_counted_apart(scheduler: Scheduler, plan: Any, id: str) -> None:
    PLANS[f"{id}-other"] = failing(ConnectionError("down"), times=3)
    assert scheduler.run(two_at_once, plan(failing(ConnectionError("down"), times=1)), f"{id}-other") == (2, 4)


def test_errors_that_are_never_worth_a_try_stop_at_once(scheduler: Scheduler, plan: Any, calls: list[Any]) -> None:
    retry = Retry(attempts=5, first=0, never=(LookupError,))
    with pytest.raises(KeyError):
        scheduler.run(one_step, plan(failing(KeyError("a lookup error too"))), retry)
    assert calls == [1]


# When -------------------------------------------------------------------------------------------


def test_back_offs_grow_to_the_longest_and_none_is_shorter(scheduler: Scheduler, plan: Any) -> None:
    retry = Retry(attempts=5, first=0.02, factor=2, longest=0.06, jitter=0)
    handle = scheduler.start(one_step, plan(failing(ConnectionError("down"), times=4)), retry)
    handle.result()
    failed = attempts(handle)
    ended = [entry.at for entry in handle.history() if entry.kind in ("attempt", "step")]
    waits = [entry.moment - entry.at for entry in failed if entry.moment is not None]
    expected = [0.02, 0.04, 0.06, 0.06]
    # The wait counts from the failure, which is journaled a moment later.
    assert all(wait <= timedelta(seconds=longest) for wait, longest in zip(waits, expected, strict=True))
    assert waits[-1] > waits[0]
    assert all(after >= entry.moment for entry, after in zip(failed, ended[1:], strict=True) if entry.moment)


def test_no_attempt_starts_later_than_within(scheduler: Scheduler, plan: Any, calls: list[Any]) -> None:
    retry = Retry(attempts=None, first=0.05, factor=2, jitter=0, within=0.4)
    handle = scheduler.start(one_step, plan(failing(ConnectionError("down"))), retry)
    with pytest.raises(ConnectionError):
        handle.result()
    opened_at = handle.history()[1].at
    retried_at = [entry.moment for entry in attempts(handle)]
    assert all(moment - opened_at <= timedelta(seconds=0.4) for moment in retried_at if moment is not None)
    assert 2 <= len(calls) <= 4, "0.05 + 0.1 + 0.2 + 0.4 > 0.4"


@pytest.mark.parametrize("kind", ["seconds", "datetime"])
def test_a_step_may_say_when_to_try_it_again_and_that_counts_as_no_failure(
    scheduler: Scheduler, plan: Any, calls: list[Any], kind: str
) -> None:
    asked_for: list[datetime] = []

    def comes_to(number: int) -> int:
        if number > 3:
            return number
        asked_for.append(datetime.now(UTC) + timedelta(seconds=0.05))
        raise RetryAfter(0.05 if kind == "seconds" else asked_for[-1])

    handle = scheduler.start(one_step, plan(comes_to), Retry(attempts=1))
    assert handle.result() == 4
    moments = [entry.moment for entry in attempts(handle)]
    if kind == "datetime":
        assert moments == asked_for
    else:
        assert all(moment and moment - at < timedelta(seconds=1) for moment, at in zip(moments, asked_for, strict=True))


def test_within_bounds_what_a_step_may_ask_for_too(scheduler: Scheduler, plan: Any, calls: list[Any]) -> None:
    with pytest.raises(RetryAfter):
        scheduler.run(one_step, plan(failing(RetryAfter(3600))), Retry(within="1m"))
    assert calls == [1]


# Over restarts ----------------------------------------------------------------------------------


def test_a_long_back_off_is_slept_through_and_survives_a_restart_without_starting_again(
    new_scheduler: Callable[..., Scheduler], plan: Any, calls: list[Any]
) -> None:
    retry = Retry(attempts=2, first=1.2, factor=1, jitter=0)
    with new_scheduler() as first:
        handle = first.start(one_step, plan(failing(ConnectionError("down"))), retry)
        eventually(lambda: handle.status() == Status.SUSPENDED)
        (before,) = first.history(handle.id)[2:]
    with new_scheduler() as second:
        assert second.history(handle.id)[2:] == [before], "not before its time"
        with pytest.raises(ConnectionError):
            second.result(handle.id)
        _, last = second.history(handle.id)[2:4]
    assert calls == [1, 2]
    assert before.moment is not None and last.at >= before.moment


def test_an_attempt_that_a_restart_cut_off_does_not_count(
    new_scheduler: Callable[..., Scheduler], plan: Any, calls: list[Any]
) -> None:
    begun, given_up = [], []

    def comes_to(number: int) -> int:
        if not begun:
            begun.append(1)
            eventually(lambda: bool(given_up))
            return -1  # too late: nobody wants to know
        raise ConnectionError("down")

    with new_scheduler(grace=0) as first:
        handle = first.start(one_step, plan(comes_to), Retry(attempts=2, first=0))
        eventually(lambda: bool(begun))
    given_up.append(1)
    with new_scheduler() as second, pytest.raises(ConnectionError):
        second.result(handle.id)
    assert calls == [1, 1, 2]
