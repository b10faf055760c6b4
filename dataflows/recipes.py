"""Frequent shapes of workflows, written in the language itself: nothing here is known to what runs it.

Each is a generator, to be yielded from (``result = yield from poll(...)``) or given to ``gather``, ``race`` or
``fork`` as a branch. Whoever wants one of them a little different copies it: it is a few lines.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any, NoReturn, TypeVar, TypeVarTuple, overload

from dataflows.commands import Branch, Command, Flow, Step
from dataflows.duration import Duration, to_timedelta
from dataflows.errors import DeadlineExceeded, TooManyFailures
from dataflows.outcome import Error, Outcome, Value
from dataflows.verbs import continue_as_new, gather, now, race, sleep, sleep_until, step

__all__ = ["gather_outcomes", "poll", "repeat", "saga", "timeout_after"]

A = TypeVar("A")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@overload
def poll(
    name: str,
    fn: Callable[[*Ts], Awaitable[T]],
    /,
    *args: *Ts,
    until: Callable[[T], bool],
    every: Duration,
    within: Duration | None = None,
) -> Flow[T]: ...
@overload
def poll(
    name: str,
    fn: Callable[[*Ts], T],
    /,
    *args: *Ts,
    until: Callable[[T], bool],
    every: Duration,
    within: Duration | None = None,
) -> Flow[T]: ...
def poll(
    name: str,
    fn: Callable[[*Ts], Any],
    /,
    *args: *Ts,
    until: Callable[[Any], bool],
    every: Duration,
    within: Duration | None = None,
) -> Flow[Any]:
    """Run ``fn(*args)`` as a step again and again, until what it returns is what is waited for; answer that.

    :param until: pure, since it is asked again on a replay.
    :param every: the pause between two looks.
    :param within: no look begins later than this after the first.
    :raises DeadlineExceeded: the time was over first; the last answer is in the message.
    """
    began = yield from now()
    while not until(answer := (yield from step(name, fn, *args))):
        looked = yield from now()
        if within is not None and looked + to_timedelta(every) > began + to_timedelta(within):
            raise DeadlineExceeded(f"{name!r} did not come to what is waited for within {within}; last: {answer!r}")
        yield from sleep(f"{name}: again", every)
    return answer


def timeout_after(duration: Duration, branch: Branch[T], name: str = "timeout") -> Flow[T]:
    """What the branch comes to, if it ends in time.

    :param name: of the sleep it races with.
    :raises DeadlineExceeded: it did not; it has been cancelled, and has cleaned up.
    """
    first = yield from race(branch=branch, timeout=sleep(name, duration))
    if first.name == "timeout":
        raise DeadlineExceeded(f"{name!r}: the branch did not end within {duration}")
    result: T = first.value  # type: ignore[assignment] # the sleep's None is excluded above
    return result


def gather_outcomes(
    branches: Iterable[Branch[T]], *, limit: int | None = None, tolerate: int | None = None
) -> Flow[tuple[Outcome[T], ...]]:
    """What each branch came to, in order: a ``Value`` or an ``Error``. A branch that fails disturbs no other.

    :param limit: at most so many run at once.
    :param tolerate: so many may fail; default: all.
    :raises TooManyFailures: one more has failed, which is its cause; what still ran has been cancelled.
    """
    failures: list[Exception] = []

    def guarded(branch: Branch[T]) -> Flow[Outcome[T]]:
        try:
            return Value((yield from branch))
        except Exception as error:
            failures.append(error)
            if tolerate is not None and len(failures) > tolerate:
                problem = f"{len(failures)} branches have failed, and {tolerate} may"
                raise TooManyFailures(problem) from error
            return Error(error)

    return (yield from gather(*map(guarded, branches), limit=limit))


def saga(*legs: tuple[Command[Any], Callable[[Any], Step[Any]]]) -> Flow[tuple[Any, ...]]:
    """Run commands in order and answer their results; if one fails or all is cancelled, undo those before, last first.

    Each leg is a command and a function that makes, from its result, the step that undoes it::

        yield from saga(
            (step("pay", pay, order), lambda payment: step("refund", refund, payment)),
            (step("reserve", reserve, order), lambda stock: step("release", release, stock)),
        )

    ``defer`` undoes at the end of the whole execution; this undoes at once, and the workflow goes on as it likes.
    """
    done: list[tuple[Any, Callable[[Any], Step[Any]]]] = []
    try:
        for command, undo in legs:
            done.append(((yield from command), undo))
    except BaseException:  # Cancelled too: what was done is undone
        for result, undo in reversed(done):
            yield from undo(result)
        raise
    return tuple(result for result, _ in done)


def repeat(
    name: str, body: Callable[[], Branch[Any]], *, every: Duration, rounds: int = 100, again: tuple[Any, ...] = ()
) -> Flow[NoReturn]:
    """Run the body once a period, for ever, and continue as new after some rounds, so that no journal grows for ever.

    To be yielded from by the workflow itself, as its last act. A round that takes longer than a period is followed
    at once by the next.

    :param name: of the sleep between two rounds.
    :param again: the arguments with which the workflow begins again.
    """
    period: timedelta = to_timedelta(every)
    for _ in range(rounds):
        began = yield from now()
        yield from body()
        yield from sleep_until(name, began + period)
    yield from continue_as_new(*again)
    raise AssertionError("unreachable")
