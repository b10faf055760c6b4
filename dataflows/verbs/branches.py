"""What runs beside each other: ``gather``, ``race``, ``fork``, ``cancel``."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import Any, TypeVar, overload

from dataflows.commands import Branch, CancelTask, Command, Fork, Gather, Race, Task, Winner
from dataflows.names import check_name

__all__ = ["cancel", "fork", "gather", "race"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
T = TypeVar("T")


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
    check_branches("gather", *branches)
    check_limit("gather", limit)
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


def check_branches(verb: str, *branches: Branch[Any]) -> None:
    """Each is a command, or a generator that has not begun and stands there once.

    :raises TypeError: one is not; the message names the verb.
    """
    for branch in branches:
        _check_branch(branch, f"{verb}(...)")
    _check_distinct(branches)


def check_limit(verb: str, limit: int | None) -> None:
    """How many may run at once.

    :raises ValueError: it is no whole number from 1 on.
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise ValueError(f"{verb}(limit=) is a whole number, 1 or more; got {limit!r}")


def _check_branch(branch: object, where: str) -> None:
    if isinstance(branch, Command | Generator):
        _check_not_started(branch, where)
        return
    if inspect.iscoroutine(branch):
        branch.close()
    hint = "; call it" if callable(branch) else ""
    if isinstance(branch, list | tuple) and where.startswith("gather"):
        hint = "; write * before it"
    raise TypeError(f"{where} takes commands and generators, not {type(branch).__name__}{hint}: {branch!r}")


def _check_not_started(branch: object, where: str) -> None:
    if inspect.isgenerator(branch) and inspect.getgeneratorstate(branch) != inspect.GEN_CREATED:
        raise TypeError(f"{where}: the generator {branch.__qualname__} has run already; call its function once more")


def _check_distinct(branches: tuple[Branch[Any], ...]) -> None:
    generators = [id(branch) for branch in branches if not isinstance(branch, Command)]
    if len(set(generators)) != len(generators):
        raise TypeError("the same generator stands in two branches; call its function once for each")
