"""``timeout_after``: a branch that has only so much time."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeVar, cast

from dataflows.commands import Branch, Flow
from dataflows.duration import Duration, to_text, to_timedelta
from dataflows.errors import DeadlineExceeded
from dataflows.names import check_name
from dataflows.verbs import race, sleep
from dataflows.verbs.branches import check_branches

__all__ = ["timeout_after"]

T = TypeVar("T")


def timeout_after(duration: Duration, branch: Branch[T], /, *, name: str = "timeout") -> Flow[T]:
    """What the branch comes to, if it ends in time; else it is cancelled, and cleans up.

    ::

        receipt = yield from timeout_after("1h", pay(order))

    A step has ``timeout=`` for each of its attempts, and a wait has one too; this is for a whole stretch.

    :param name: of the timer, in the history and in the error.
    :raises DeadlineExceeded: it has not ended in time, and has cleaned up; an error of its cleanup is raised instead.
    :raises TypeError: what is to be timed is neither a command nor a generator.
    :raises ValueError: no duration, or an unusable name.
    """
    check_name(name, "a sleep's name")
    check_branches("timeout_after", branch)
    return _race_with(to_timedelta(duration), branch, name)


def _race_with(duration: timedelta, branch: Branch[T], name: str) -> Flow[T]:
    first = yield from race(branch=branch, timeout=sleep(name, duration))
    if first.name == "timeout":
        raise DeadlineExceeded(f"{name}: the branch did not end within {to_text(duration)}, and has been cancelled")
    return cast("T", first.value)
