"""How often a failing step is tried again, and when.

Owns the policy and its arithmetic. Knows no clock and draws no random number: the machine
gives it the count of failures, the elapsed time and a number in [0, 1) for the jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from dataflows.duration import Duration, to_timedelta
from dataflows.errors import CannotStore, OutcomeUnknown, PermanentError, TransactionMisused, WrongArguments

__all__ = ["Retry"]

NEVER = (CannotStore, PermanentError, OutcomeUnknown, TransactionMisused, WrongArguments)
"""Errors that no policy tries again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A policy: ``step("charge", charge, order, retry=Retry(attempts=8, within="1h"))``.

    :param attempts: tries in all, at least 1; ``None`` for no limit. ``Retry(attempts=1)`` never tries a failure again;
        a ``RetryAfter`` is no failure.
    :param first: the wait after the first failure.
    :param factor: by what each further wait grows; at least 1.
    :param longest: no wait is longer than this.
    :param jitter: each wait is shortened by up to this share of itself (0 to 1), so that a
        crowd that failed together does not return together.
    :param within: no attempt starts later than this after the step was first reached.
    :param never: exception types that are not worth another try.
    :raises ValueError: a number out of range.
    :raises TypeError: ``never`` holds something that is no exception type.
    """

    attempts: int | None = 5
    first: Duration = "1s"
    factor: float = 2.0
    longest: Duration = "5m"
    jitter: float = 0.1
    within: Duration | None = None
    never: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        if self.attempts is not None and not _is_count(self.attempts):
            raise ValueError(f"Retry(attempts=) is a whole number from 1, or None for no limit; got {self.attempts!r}")
        if not 1 <= self.factor < float("inf"):
            raise ValueError(f"Retry(factor=) is 1 or more; got {self.factor!r}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"Retry(jitter=) is between 0 and 1; got {self.jitter!r}")
        for duration in (self.first, self.longest, 0 if self.within is None else self.within):
            to_timedelta(duration)
        if not isinstance(self.never, tuple) or not all(_is_exception_type(kind) for kind in self.never):
            raise TypeError(f"Retry(never=) is a tuple of exception types; got {self.never!r}")

    def is_worth_another(self, error: BaseException, failures: int) -> bool:
        """Whether a step that has failed ``failures`` times, now with ``error``, is tried again.

        Never are ``CannotStore``, ``PermanentError``, ``OutcomeUnknown``, ``TransactionMisused`` and
        ``WrongArguments``, which say so themselves, and what is no ``Exception``.
        """
        if isinstance(error, (*NEVER, *self.never)) or not isinstance(error, Exception):
            return False
        return self.attempts is None or failures < self.attempts

    def delay(self, failures: int, chance: float) -> timedelta:
        """The wait after the ``failures``-th failure (1 or more); ``chance`` in [0, 1) draws the jitter."""
        longest = to_timedelta(self.longest).total_seconds()
        first = to_timedelta(self.first).total_seconds()
        try:
            grown = first * self.factor ** (failures - 1)
        except OverflowError:
            grown = longest if first else 0
        return timedelta(seconds=min(grown, longest) * (1 - self.jitter * chance))

    def allows_start_after(self, elapsed: timedelta) -> bool:
        """Whether an attempt may start this long after the step was first reached."""
        return self.within is None or elapsed <= to_timedelta(self.within)


def _is_count(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _is_exception_type(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)
