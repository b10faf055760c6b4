"""The verbs an author writes: each checks its arguments, then builds a command.

Positional arguments are the function's, keywords are the engine's. The checks are here, in
the call that the author made, so that a traceback points at the author's line. Nothing here
runs anything.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime
from typing import Any, Final, TypeVar, TypeVarTuple, overload

from dataflows.commands import (
    Branch,
    CancelTask,
    Command,
    Fork,
    Gather,
    Now,
    Race,
    RandomNumber,
    RandomUuid,
    Sleep,
    SleepUntil,
    Step,
    Task,
    Wait,
    Winner,
)
from dataflows.duration import Duration, to_timedelta
from dataflows.names import check_name
from dataflows.retry import Retry

__all__ = ["cancel", "fork", "gather", "now", "race", "random", "sleep", "sleep_until", "step", "uuid", "wait"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NOTHING: Final[Any] = object()
_TYPE = type  # `wait` has a parameter of that name


@overload
def step(
    name: str,
    fn: Callable[[*Ts], Awaitable[T]],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    on: str | None = None,
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
) -> Step[T]: ...
def step(
    name: str,
    fn: Callable[[*Ts], Any],
    /,
    *args: *Ts,
    retry: Retry | None = None,
    timeout: Duration | None = None,
    on: str | None = None,
) -> Step[Any]:
    """Run ``fn(*args)``, sync or async, and answer what it returns.

    It runs at least once until its outcome is journaled, and never after. What it raises
    arrives as the same exception at the ``yield``, once its retries are used up. Keyword
    arguments of its own go by ``functools.partial(fn, key=value)``.

    :param retry: how often it is tried again; default: the workflow's, else ``Retry()``.
    :param timeout: how long one attempt may take; then it counts as failed with ``StepTimeout``.
        A thread cannot be stopped: its late result is discarded, ``cancelled()`` tells it.
    :param on: the name of the executor, given to the scheduler, that runs it.
    :raises TypeError: ``fn`` is no function (often: it was called, ``fetch(42)`` for ``fetch, 42``).
    :raises ValueError: an unusable name, or a timeout that is no duration.
    """
    check_name(name, "a step's name")
    function, positional, keywords = _take_apart(name, fn, args)
    if retry is not None and not isinstance(retry, Retry):
        raise TypeError(f"step({name!r}, retry=) takes a Retry, not {type(retry).__name__}")
    if on is not None:
        check_name(on, "on=")
    return Step(name, function, positional, keywords, retry, _optional_duration(timeout), on)


def sleep(name: str, duration: Duration, /) -> Sleep:
    """Go on when ``duration`` has passed; the time is the database's, and restarts do not restart it.

    :raises ValueError: negative or no duration. Zero is legal.
    """
    check_name(name, "a sleep's name")
    return Sleep(name, to_timedelta(duration))


def sleep_until(name: str, when: datetime, /) -> SleepUntil:
    """Go on at ``when``, an aware ``datetime``; at once if it has passed.

    :raises ValueError: ``when`` has no time zone.
    """
    check_name(name, "a sleep's name")
    if not isinstance(when, datetime):
        raise TypeError(f"sleep_until({name!r}) takes a datetime, not {type(when).__name__}")
    if when.utcoffset() is None:
        raise ValueError(f"sleep_until({name!r}) takes an aware datetime; {when!r} has no time zone")
    return SleepUntil(name, when)


@overload
def wait(name: str, /, *, timeout: Duration | None = None) -> Wait[Any]: ...
@overload
def wait(name: str, type: type[T], /, *, timeout: Duration | None = None) -> Wait[T]: ...
@overload
def wait(name: str, /, *, timeout: Duration | None = None, default: D) -> Wait[Any | D]: ...
@overload
def wait(name: str, type: type[T], /, *, timeout: Duration | None = None, default: D) -> Wait[T | D]: ...
def wait(
    name: str, type: type[Any] | None = None, /, *, timeout: Duration | None = None, default: Any = _NOTHING
) -> Wait[Any]:
    """Go on with the payload of the next signal of that name; one that came early is not lost.

    Signals of one name are taken first in, first out, one by each wait.

    :param type: what the payload must be: a dataclass is built from a dict, a class with
        ``model_validate`` (pydantic) validates it, any other must be its type. Otherwise
        ``InvalidSignal`` is raised at the ``yield``.
    :param timeout: after this, ``default`` is answered, or ``WaitTimeout`` is raised at the ``yield``.
    :param default: what a timeout answers; ``None`` is a default like any other.
    """
    check_name(name, "a signal's name")
    if type is not None and not isinstance(type, _TYPE):
        raise TypeError(f"wait({name!r}, type) takes a class, not {type!r}; a timeout goes by timeout=")
    if default is not _NOTHING and timeout is None:
        raise ValueError(f"wait({name!r}, default=…) without timeout= would never use the default")
    return Wait(name, type, _optional_duration(timeout), default is not _NOTHING, _value_or_none(default))


# fmt: off
@overload
def gather(a: Branch[A], /, *, limit: int | None = None) -> Gather[tuple[A]]: ...
@overload
def gather(a: Branch[A], b: Branch[B], /, *, limit: int | None = None) -> Gather[tuple[A, B]]: ...
@overload
def gather(a: Branch[A], b: Branch[B], c: Branch[C], /, *, limit: int | None = None) -> Gather[tuple[A, B, C]]: ...
@overload
def gather(
    a: Branch[A], b: Branch[B], c: Branch[C], d: Branch[D], /, *, limit: int | None = None
) -> Gather[tuple[A, B, C, D]]: ...
@overload
def gather(
    a: Branch[A], b: Branch[B], c: Branch[C], d: Branch[D], e: Branch[E], /, *, limit: int | None = None
) -> Gather[tuple[A, B, C, D, E]]: ...
@overload
def gather(
    a: Branch[A], b: Branch[B], c: Branch[C], d: Branch[D], e: Branch[E], f: Branch[F], /, *, limit: int | None = None
) -> Gather[tuple[A, B, C, D, E, F]]: ...
@overload
def gather(*branches: Branch[T], limit: int | None = None) -> Gather[tuple[T, ...]]: ...
# fmt: on
def gather(*branches: Branch[Any], limit: int | None = None) -> Gather[Any]:
    """Run all branches beside each other; answer a tuple of their answers, in argument order.

    The first error cancels the branches that it started, waits for their cleanup, and is raised.

    :param limit: at most this many at once; default: all.
    :raises TypeError: an argument is neither a command nor a generator.
    """
    for branch in branches:
        _check_branch(branch, "gather(...)")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"gather(limit=) is a whole number, 1 or more; got {limit!r}")
    _check_distinct(branches)
    return Gather(branches, limit)


def race(**branches: Branch[T]) -> Race[Winner[T]]:
    """Run all branches beside each other; answer the first that ends, as a ``Winner(name, value)``.

    The others are cancelled and cleaned up before it is answered. A branch that fails first
    wins with its error.

    :raises TypeError: no branch at all, or one that is neither a command nor a generator.
    """
    if not branches:
        raise TypeError("race(...) needs at least one branch: race(answer=wait('answer'), late=sleep('late', '1h'))")
    for name, branch in branches.items():
        check_name(name, "a branch's name")
        _check_branch(branch, f"race({name}=…)")
    _check_distinct(tuple(branches.values()))
    return Race(tuple(branches.items()))


def fork(branch: Branch[T], /) -> Fork[Task[T]]:
    """Start the branch, go on at once, and answer its ``Task``.

    The task can be yielded, gathered and raced any number of times. When the part of the
    workflow that forked it ends, it is cancelled; an error of it that nobody asked for is raised there.

    :raises TypeError: the argument is neither a command nor a generator, or is a task already.
    """
    if isinstance(branch, Task):
        raise TypeError("fork(task): it is running already")
    _check_branch(branch, "fork(...)")
    return Fork(branch)


def cancel(task: Task[Any], /) -> CancelTask:
    """Cancel a task and go on when its cleanup is done; nothing happens if it has ended.

    An error in its cleanup is raised here. Who asks for a cancelled task gets ``TaskCancelled``.
    """
    if not isinstance(task, Task):
        raise TypeError(f"cancel(...) takes a Task, the answer of fork(...), not {type(task).__name__}")
    return CancelTask(task)


def now() -> Now:
    """The time, from the journal, aware, in UTC: equal on every replay.

    It is the moment of the last outcome the workflow has seen, and stands still while your code computes.
    """
    return Now()


def uuid() -> RandomUuid:
    """A random ``uuid.UUID``, equal on every replay."""
    return RandomUuid()


def random() -> RandomNumber:
    """A random ``float`` in [0, 1), equal on every replay."""
    return RandomNumber()


def _take_apart(
    name: str, fn: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """A partial's function, arguments and keywords: two equal partials do not compare equal, these do."""
    keywords: dict[str, Any] = {}
    while isinstance(fn, functools.partial):
        args = (*fn.args, *args)
        keywords = {**fn.keywords, **keywords}
        fn = fn.func
    if not callable(fn):
        if inspect.iscoroutine(fn):
            fn.close()
        raise TypeError(
            f"step({name!r}): the second argument is the function to run, not {type(fn).__name__}; "
            f"write step({name!r}, function, argument, …), without calling it"
        )
    return fn, args, keywords


def _check_branch(branch: object, where: str) -> None:
    if isinstance(branch, Command | Generator):
        _check_not_started(branch, where)
        return
    if inspect.iscoroutine(branch):
        branch.close()
    hint = "; call it" if callable(branch) else ""
    raise TypeError(f"{where} takes commands and generators, not {type(branch).__name__}{hint}: {branch!r}")


def _check_not_started(branch: object, where: str) -> None:
    if inspect.isgenerator(branch) and inspect.getgeneratorstate(branch) != inspect.GEN_CREATED:
        raise TypeError(f"{where}: the generator {branch.__qualname__} has run already; call its function once more")


def _check_distinct(branches: tuple[Branch[Any], ...]) -> None:
    generators = [id(branch) for branch in branches if not isinstance(branch, Command)]
    if len(set(generators)) != len(generators):
        raise TypeError("the same generator stands in two branches; call its function once for each")


def _optional_duration(duration: Duration | None) -> Any:
    return None if duration is None else to_timedelta(duration)


def _value_or_none(default: object) -> object:
    return None if default is _NOTHING else default
