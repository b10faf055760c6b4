"""What follows a failed attempt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import CannotStore, Flow, Retry, RetryAfter, gather, step
from dataflows.errors import RateLimited
from interpreter.machine import AttemptFailed, RunStep, Status
from tests.machine.by_hand import ByHand, seconds_after_start, work

Begin = Callable[..., ByHand]

STEADY = Retry(attempts=3, first=10, factor=2, jitter=0)


def one_step(retry: Retry | None = STEADY) -> Flow[Any]:
    return (yield from step("a", work, retry=retry))


def attempts_until_it_fails(hand: ByHand, most: int = 50) -> int:
    """Fail every attempt when it is due; how many there were."""
    for count in range(1, most):
        action: RunStep = hand.find("a")
        hand.now = action.not_before or hand.now
        hand.fail_attempt("a", OSError(f"attempt {action.number}"))
        if hand.machine.outcome is not None:
            return count
    raise AssertionError(f"more than {most} attempts")


@pytest.mark.parametrize("attempts", [1, 2, 3, 8])
def test_a_step_is_tried_as_often_as_its_policy_says(begin: Begin, attempts: int) -> None:
    hand = begin(one_step, Retry(attempts=attempts))
    assert attempts_until_it_fails(hand) == attempts
    with pytest.raises(OSError, match=f"attempt {attempts}"):
        assert hand.result


def test_without_a_policy_of_its_own_a_step_has_the_workflows_and_else_five_attempts(begin: Begin) -> None:
    assert attempts_until_it_fails(begin(one_step, None, retry=Retry(attempts=2))) == 2
    assert attempts_until_it_fails(begin(one_step, None)) == 5


def test_a_retried_step_inside_a_retry_of_the_author_is_tried_nine_times(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        for _ in range(2):
            try:
                return (yield from one_step())
            except OSError:
                pass
        return (yield from one_step())

    assert attempts_until_it_fails(begin(flow)) == 9


def test_back_off_grows_by_its_factor_up_to_the_longest(begin: Begin) -> None:
    hand = begin(one_step, Retry(attempts=6, first=1, factor=3, longest=10, jitter=0))
    waits = []
    for _ in range(5):
        hand.fail_attempt("a", OSError())
        waits.append((hand.find("a").not_before - hand.now).total_seconds())
        hand.now = hand.find("a").not_before
    assert waits == [1, 3, 9, 10, 10]


def test_no_wait_follows_the_last_failure(begin: Begin) -> None:
    hand = begin(one_step, Retry(attempts=1))
    hand.fail_attempt("a", OSError())
    assert hand.status is Status.FAILED


def test_no_attempt_starts_after_the_time_that_a_step_has_in_all(begin: Begin) -> None:
    hand = begin(one_step, Retry(attempts=None, first=1, factor=2, jitter=0, within=14))
    assert attempts_until_it_fails(hand) == 4  # at 0, 1, 3 and 7; the next would be at 15


def test_a_restart_in_mid_back_off_neither_forgets_nor_resets(begin: Begin) -> None:
    hand = begin(one_step)
    hand.fail_attempt("a", OSError())
    hand.pass_time(10)
    hand.fail_attempt("a", OSError())
    replayed = hand.replayed().open[(0,)]
    assert replayed == hand.find("a")
    assert isinstance(replayed, RunStep)
    assert (replayed.number, replayed.failures, replayed.not_before) == (3, 2, seconds_after_start(30))


class Fatal(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "never"), [(KeyError(), (LookupError,)), (CannotStore("a lambda"), ()), (Fatal(), ())], ids=repr
)
def test_an_error_that_is_not_worth_another_try_stops_the_step_at_once(
    begin: Begin, error: BaseException, never: tuple[type[BaseException], ...]
) -> None:
    hand = begin(one_step, Retry(attempts=None, never=never))
    hand.fail_attempt("a", error)
    with pytest.raises(type(error)):
        assert hand.result


def test_a_policy_change_does_not_rewrite_history(begin: Begin) -> None:
    hand = begin(one_step)
    hand.fail_attempt("a", OSError())

    def changed() -> Flow[Any]:
        return (yield from step("a", work, retry=Retry(attempts=1, first=500)))

    action = hand.replayed(changed).open[(0,)]
    assert isinstance(action, RunStep)
    assert action.not_before == seconds_after_start(10)


def test_two_retrying_steps_side_by_side_keep_counts_of_their_own(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield gather(step("left", work, retry=STEADY), step("right", work, retry=STEADY))

    hand = begin(flow)
    for where in ("left", "right", "left"):
        hand.fail_attempt(where, OSError())
    assert (hand.find("left").number, hand.find("right").number) == (3, 2)


# RetryAfter -------------------------------------------------------------------------------------


def test_retry_after_sets_the_wait_and_is_no_failure(begin: Begin) -> None:
    hand = begin(one_step, Retry(attempts=2))
    for _ in range(10):
        hand.fail_attempt("a", RetryAfter(60))
        hand.now = hand.find("a").not_before
    action = hand.find("a")
    assert (action.number, action.failures) == (11, 0)
    assert action.not_before == seconds_after_start(600)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (seconds_after_start(90), seconds_after_start(90)),
        (seconds_after_start(-90), seconds_after_start(0)),
        (0, seconds_after_start(0)),
        (1e300, datetime(9999, 12, 30, tzinfo=UTC)),
    ],
)
def test_retry_after_takes_seconds_or_a_moment_and_never_goes_back(
    begin: Begin, when: float | datetime, expected: datetime
) -> None:
    hand = begin(one_step)
    hand.fail_attempt("a", RetryAfter(when))
    assert hand.find("a").not_before == expected


def test_retry_after_does_not_lead_past_the_time_that_a_step_has_in_all(begin: Begin) -> None:
    hand = begin(one_step, Retry(within="1m"))
    hand.fail_attempt("a", RetryAfter(61))
    with pytest.raises(RetryAfter):
        assert hand.result


def test_a_rate_limit_that_the_policy_names_among_never_is_not_tried_again(begin: Begin) -> None:
    hand = begin(one_step, Retry(never=(RateLimited,)))
    hand.fail_attempt("a", RateLimited(60))
    with pytest.raises(RateLimited):
        assert hand.result


# Jitter -----------------------------------------------------------------------------------------


def test_jitter_shortens_a_wait_by_no_more_than_its_share_and_is_the_same_at_each_asking(begin: Begin) -> None:
    policy = Retry(attempts=100, first=100, factor=1, jitter=0.5)
    waits = []
    for hand in (begin(one_step, policy), begin(one_step, policy)):
        for _ in range(20):
            hand.fail_attempt("a", OSError())
        failures = [entry.fact for entry in hand.journal if isinstance(entry.fact, AttemptFailed)]
        waits.append([fact.retry_at - hand.now for fact in failures])
    assert waits[0] == waits[1]
    assert len(set(waits[0])) == 20
    assert all(timedelta(seconds=50) <= wait <= timedelta(seconds=100) for wait in waits[0])
