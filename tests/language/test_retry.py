"""The retry policy and its arithmetic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dataflows import CannotStore, Retry, TransactionMisused, WrongArguments
from dataflows.duration import LONGEST


def waits(policy: Retry, count: int, chance: float = 0.0) -> list[float]:
    """How long it waits after each of so many failures, in seconds."""
    return [policy.delay(failures, chance).total_seconds() for failures in range(1, count + 1)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Retry(), [1, 2, 4, 8, 16]),
        (Retry(first="10s", factor=1), [10, 10, 10, 10, 10]),
        (Retry(first=1, factor=3, longest=20), [1, 3, 9, 20, 20]),
        (Retry(first="1m", longest="10s"), [10, 10, 10, 10, 10]),
        (Retry(first=0), [0, 0, 0, 0, 0]),
        (Retry(longest=0), [0, 0, 0, 0, 0]),
        (Retry(first=timedelta(milliseconds=100), factor=1.5), [0.1, 0.15, 0.225, 0.3375, 0.50625]),
    ],
)
def test_waits_grow_from_the_first_by_the_factor_up_to_the_longest(policy: Retry, expected: list[float]) -> None:
    assert waits(policy, 5) == expected


@pytest.mark.parametrize(("first", "expected"), [("1s", 300), (0.000001, 300), (0, 0)])
@pytest.mark.parametrize("factor", [2.0, 2, 1e300])
def test_the_ten_thousandth_wait_overflows_nothing(first: Any, expected: float, factor: float) -> None:
    assert Retry(first=first, factor=factor).delay(10_000, 0).total_seconds() == expected


def test_a_policy_may_wait_for_a_thousand_years() -> None:
    assert Retry(first=LONGEST, longest=LONGEST).delay(1, 0) == LONGEST


@pytest.mark.parametrize(
    ("jitter", "chance", "expected"), [(0, 0.99, 100), (0.5, 0, 100), (0.5, 0.5, 75), (1, 0.75, 25)]
)
def test_jitter_shortens_a_wait_by_up_to_its_share(jitter: float, chance: float, expected: float) -> None:
    assert waits(Retry(first=100, jitter=jitter), 1, chance) == [expected]


@pytest.mark.parametrize(("attempts", "tries"), [(1, 1), (2, 2), (5, 5), (None, 100)])
def test_attempts_counts_tries_in_all(attempts: int | None, tries: int) -> None:
    policy = Retry(attempts=attempts)
    worth = [policy.is_worth_another(OSError(), failures) for failures in range(1, 100)]
    assert worth.count(True) + 1 == tries
    assert worth == sorted(worth, reverse=True)


class Fatal(BaseException):
    pass


@pytest.mark.parametrize(
    ("error", "worth"),
    [
        (OSError(), True),
        (KeyError(), False),
        (LookupError(), False),
        (Fatal(), False),
        (CannotStore(), False),
        (TransactionMisused(), False),
        (WrongArguments(), False),
    ],
)
def test_some_errors_are_never_worth_another_try(error: BaseException, worth: bool) -> None:
    assert Retry(never=(LookupError,)).is_worth_another(error, 1) is worth


@pytest.mark.parametrize(
    ("within", "elapsed", "allowed"),
    [(None, 1e9, True), ("1h", 3600, True), ("1h", 3600.1, False), (0, 0, True), (0, 1, False)],
)
def test_within_bounds_when_an_attempt_may_start(within: Any, elapsed: float, allowed: bool) -> None:
    assert Retry(within=within).allows_start_after(timedelta(seconds=elapsed)) is allowed


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": -1},
        {"attempts": True},
        {"attempts": 2.5},
        {"attempts": "3"},
        {"factor": 0.5},
        {"factor": float("inf")},
        {"factor": float("nan")},
        {"jitter": -0.1},
        {"jitter": 1.1},
        {"jitter": float("nan")},
        {"first": "soon"},
        {"first": -1},
        {"longest": float("inf")},
        {"within": ""},
        {"within": "-1h"},
    ],
    ids=str,
)
def test_a_number_out_of_range_is_refused_when_the_policy_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Retry|duration"):
        Retry(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"never": KeyError},
        {"never": [KeyError]},
        {"never": ("KeyError",)},
        {"never": (KeyError(),)},
        {"never": (int,)},
        {"within": False},
        {"first": None},
    ],
    ids=str,
)
def test_a_thing_of_another_kind_is_refused_when_the_policy_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="exception types|a duration is"):
        Retry(**wrong)


def test_two_policies_of_the_same_numbers_are_equal() -> None:
    assert Retry(attempts=3) == Retry(attempts=3) != Retry(attempts=4)
