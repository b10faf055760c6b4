"""``gather_outcomes``: many branches, of which some may fail."""

from __future__ import annotations

from typing import TypeVar

from dataflows.commands import Branch, Flow
from dataflows.errors import TooManyFailures
from dataflows.outcome import Error, Outcome, Value
from dataflows.verbs import gather
from dataflows.verbs.branches import check_branches, check_limit

__all__ = ["gather_outcomes"]

T = TypeVar("T")


def gather_outcomes(
    *branches: Branch[T], limit: int | None = None, tolerate: int | None = None
) -> Flow[tuple[Outcome[T], ...]]:
    """What each branch came to, in argument order: a ``Value`` or an ``Error``. One that fails disturbs no other.

    ::

        pages = (step(f"page {number}", fetch, number) for number in range(1, 101))
        outcomes = yield from gather_outcomes(*pages, limit=8, tolerate=3)
        rows = [outcome.value for outcome in outcomes if isinstance(outcome, Value)]

    :param limit: at most so many at once; default: all.
    :param tolerate: so many may fail; default: all.
    :raises TooManyFailures: one more has failed; what ran has been cancelled, and what had not begun never will.
        Its cause is the group of all that was raised.
    :raises TypeError: an argument is neither a command nor a generator.
    """
    check_branches("gather_outcomes", *branches)
    check_limit("gather_outcomes", limit)
    if tolerate is not None and (isinstance(tolerate, bool) or not isinstance(tolerate, int) or tolerate < 0):
        raise ValueError(f"gather_outcomes(tolerate=) is a whole number, 0 or more; got {tolerate!r}")
    failures = _Failures(len(branches), len(branches) if tolerate is None else tolerate)
    return _gather([_outcome_of(branch, failures) for branch in branches], limit)


class _Failures:
    """What has failed so far, of so many, of which some may."""

    def __init__(self, of: int, may: int) -> None:
        self._errors: list[Exception] = []
        self._of = of
        self._may = may

    def add(self, error: Exception) -> None:
        self._errors.append(error)
        if len(self._errors) > self._may:
            problem = f"{len(self._errors)} of {self._of} branches have failed, and {self._may} may"
            raise TooManyFailures(problem) from ExceptionGroup("what was raised", self._errors)


def _gather(branches: list[Flow[Outcome[T]]], limit: int | None) -> Flow[tuple[Outcome[T], ...]]:
    return (yield from gather(*branches, limit=limit))


def _outcome_of(branch: Branch[T], failures: _Failures) -> Flow[Outcome[T]]:
    try:
        return Value((yield from branch))
    except Exception as error:
        failures.add(error)
        return Error(error)
