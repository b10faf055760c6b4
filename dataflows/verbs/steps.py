"""Side effects: ``step``, ``transaction``, and ``defer`` for what makes up for them.

A step stands for one call of a function, which this module takes apart and does not make.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, overload

from dataflows.arguments import WrongCall, wrong_call
from dataflows.commands import (
    Callback,
    Child,
    Defer,
    Fork,
    Gather,
    Now,
    Patched,
    Race,
    RandomNumber,
    RandomUuid,
    Start,
    Step,
    Wait,
)
from dataflows.duration import Duration, to_optional_timedelta
from dataflows.errors import WrongArguments
from dataflows.limits import check_limit_name
from dataflows.names import check_name
from dataflows.retry import Retry

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["defer", "step", "transaction"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_ANSWERED = (Callback, Child, Fork, Gather, Now, Patched, Race, RandomNumber, RandomUuid, Start, Step, Wait)
"""Commands with an answer, which is what is meant where one of them is given to a function."""


@overload
def step(
    name: str,
    fn: Callable[[*Ts], Awaitable[T]],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    on: str | None = None,
    once: bool = False,
    limit: str | None = None,
) -> Step[T]: ...
@overload
def step(
    name: str,
    fn: Callable[[*Ts], T],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    on: str | None = None,
    once: bool = False,
    limit: str | None = None,
) -> Step[T]: ...
def step(
    name: str,
    fn: Callable[[*Ts], Any],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    on: str | None = None,
    once: bool = False,
    limit: str | None = None,
) -> Step[Any]:
    """Run ``fn(*args)``, sync or async, and answer what it returns.

    It runs at least once until its outcome is journaled, and never after. What it raises
    arrives as the same exception at the ``yield``, once its retries are used up. Keyword
    arguments of its own go by ``functools.partial(fn, key=value)``.

    :param retry: how often it is tried again; default: the workflow's, else ``Retry()``.
    :param timeout: how long one attempt may take; then it counts as failed with ``StepTimeout``.
        A thread cannot be stopped: its late result is discarded, ``cancelled()`` tells it.
    :param on: the name of the executor, given to the scheduler, that runs it.
    :param once: run it at most once instead: its start is journaled first, it is never tried again, and a crash
        in between arrives as ``StepInterrupted`` at the ``yield``.
    :param limit: the name of a limit, given to the schedulers, that it shares with others: each attempt waits its turn,
        first come, first served, and meanwhile the execution is suspended. ``RateLimited`` holds all others back too.
    :raises TypeError: ``fn`` is no function (often: it was called, ``fetch(42)`` for ``fetch, 42``).
    :raises WrongArguments: at the ``yield``, if ``fn`` takes other arguments; it is tried once.
    :raises ValueError: an unusable name, a timeout that is no duration, or ``retry=`` with ``once=True``.
    """
    check_name(name, "a step's name")
    function, positional, keywords = _take_apart("step", name, fn, args)
    _check_retry("step", name, retry)
    if once and retry is not None:
        raise ValueError(f"step({name!r}, once=True) is never tried again: leave retry= out, or once=")
    if on is not None:
        check_name(on, "on=")
    if limit is not None:
        check_limit_name(limit, "limit=")
    return Step(name, function, positional, keywords, retry, to_optional_timedelta(timeout), on, once, limit)


def transaction(
    name: str,
    fn: Callable[[Connection[Any], *Ts], T],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    limit: str | None = None,
) -> Step[T]:
    """Run ``fn(connection, *args)`` in a transaction that commits together with its journal entry: exactly once.

    ``connection`` is psycopg's, to the database of the journal. Neither commit nor roll back in ``fn``: what it
    returns is committed with what it has written, and what it raises rolls both back. For parts of it there is
    ``with connection.transaction():``; another isolation level is asked for by ``SET TRANSACTION`` as the first
    statement. Who ends the transaction himself gets ``TransactionMisused``.

    A conflict (deadlock, serialization failure) and a lost connection repeat ``fn`` without counting as an attempt,
    eight times at most.

    :param retry: how often it is tried again; default: the workflow's, else ``Retry()``.
    :param timeout: how long one attempt may take, its waiting for locks included; then its query is cut off, it is
        rolled back whatever ``fn`` returns, and it counts as failed with ``StepTimeout``.
    :param limit: the name of a limit that it shares with others, as for ``step``.
    :raises TypeError: ``fn`` is no function, or is async: the connection is not.
    :raises WrongArguments: at the ``yield``, if ``fn`` takes other arguments.
    :raises ValueError: an unusable name, or a timeout that is no duration.
    """
    check_name(name, "a step's name")
    function, positional, keywords = _take_apart("transaction", name, fn, args, before=1)
    _check_retry("transaction", name, retry)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        raise TypeError(f"transaction({name!r}) takes a plain function, since its connection is not async")
    if limit is not None:
        check_limit_name(limit, "limit=")
    late = to_optional_timedelta(timeout)
    return Step(name, function, positional, keywords, retry, late, limit=limit, transaction=True)


@overload
def defer(
    name: str,
    fn: Callable[[*Ts], Awaitable[Any]],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    limit: str | None = None,
) -> Defer: ...
@overload
def defer(
    name: str,
    fn: Callable[[*Ts], Any],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    limit: str | None = None,
) -> Defer: ...
def defer(
    name: str,
    fn: Callable[[*Ts], Any],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    limit: str | None = None,
) -> Defer:
    """Run ``fn(*args)`` as a step if the execution fails or is cancelled, after everything else of it has ended.

    What was deferred last runs first. One that fails for good is noted on the execution's error, and the next
    still runs. Nothing runs if the execution completes, or is terminated.

    :param limit: the name of a limit that it shares with others, as for ``step``.
    :raises TypeError: ``fn`` is no function; ``WrongArguments``: it takes other arguments.
    :raises ValueError: an unusable name, or a timeout that is no duration.
    """
    check_name(name, "a step's name")
    function, positional, keywords = _take_apart("defer", name, fn, args)
    if isinstance(function, WrongCall):
        raise WrongArguments(function.problem)  # not only when it is needed
    _check_retry("defer", name, retry)
    if limit is not None:
        check_limit_name(limit, "limit=")
    return Defer(Step(name, function, positional, keywords, retry, to_optional_timedelta(timeout), limit=limit))


def _take_apart(
    verb: str, name: str, fn: Callable[..., Any], args: tuple[Any, ...], before: int = 0
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """A partial's function, arguments and keywords: two equal partials do not compare equal, these do.

    In the place of a function that takes other arguments there is what tells so when the step is run.
    """
    keywords: dict[str, Any] = {}
    while isinstance(fn, functools.partial):
        args = (*fn.args, *args)
        keywords = {**fn.keywords, **keywords}
        fn = fn.func
    if not callable(fn):
        if inspect.iscoroutine(fn):
            fn.close()
        raise TypeError(
            f"{verb}({name!r}): the second argument is the function to run, not {type(fn).__name__}; "
            f"write {verb}({name!r}, function, argument, …), without calling it"
        )
    if args or keywords:
        _refuse_commands(verb, name, (*args, *keywords.values()))
    problem = wrong_call(verb, name, fn, args, keywords, before)
    return fn if problem is None else WrongCall(problem), args, keywords


def _refuse_commands(verb: str, name: str, arguments: tuple[Any, ...]) -> None:
    for given in arguments:
        if isinstance(given, _ANSWERED):
            raise TypeError(
                f"{verb}({name!r}): an argument is a command ({type(given).__name__}) and not its answer; "
                "write `yield from` before it, where it is built"
            )


def _check_retry(verb: str, name: str, retry: object) -> None:
    if retry is not None and not isinstance(retry, Retry):
        raise TypeError(f"{verb}({name!r}, retry=) takes a Retry, not {type(retry).__name__}")
