"""A step whose function takes other arguments tells so when it is run, and where it is built; it is not tried again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Retry, WrongArguments, defer, step, transaction
from dataflows.arguments import WrongCall, wrong_call
from dataflows.commands import Step


def plain(a: int, b: int) -> None: ...
def with_default(a: int, b: int = 1) -> None: ...
def positional(a: int, /, b: int) -> None: ...
def starred(a: int, *rest: int) -> None: ...
def doubly_starred(a: int, **options: int) -> None: ...
def anything(*args: int, **options: int) -> None: ...
def keyword_only(a: int, *, b: int) -> None: ...
def keyword_default(a: int = 1, *, b: int = 2) -> None: ...
def nothing() -> None: ...
async def asynchronous(a: int, b: int) -> None: ...


class Bound:
    def method(self, a: int, b: int = 1) -> None: ...
    @classmethod
    def of_the_class(cls, a: int) -> None: ...
    @staticmethod
    def of_nobody(a: int) -> None: ...


@functools.wraps(plain)
def wrapping(*args: Any, **kwargs: Any) -> None: ...


FUNCTIONS: list[Callable[..., Any]] = [
    *(plain, with_default, positional, starred, doubly_starred, anything, keyword_only, keyword_default, nothing),
    *(asynchronous, wrapping, Bound().method, Bound.of_the_class, Bound.of_nobody, lambda a, b=1: None),
]
NAMES = st.dictionaries(st.sampled_from(["a", "b", "c", "self"]), st.just(1))


@given(st.sampled_from(FUNCTIONS), st.integers(0, 4), NAMES, st.integers(0, 1))
def test_what_is_refused_is_what_python_itself_would_not_call(
    function: Callable[..., Any], number: int, kwargs: dict[str, Any], before: int
) -> None:
    problem = wrong_call("step", "a", function, (1,) * number, kwargs, before)
    try:
        inspect.signature(function, follow_wrapped=False).bind(*(1,) * (number + before), **kwargs)
    except TypeError:
        assert problem is not None
    else:
        assert problem is None


def told(command: Step[Any]) -> str:
    """What whoever runs it is told."""
    with pytest.raises(WrongArguments) as refused:
        command.fn(*command.args, **command.kwargs)
    assert not Retry().is_worth_another(refused.value, 1)
    return str(refused.value)


def test_it_is_told_what_is_wrong_and_where_the_function_is_defined() -> None:
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    command = step("charge", with_default)  # type: ignore[call-overload]
    assert told(command) == (
        f"{__file__}:{line}: step('charge'): missing a required argument: 'a', for with_default(a, b=1), "
        f"which is defined at {__file__}:{with_default.__code__.co_firstlineno}"
    )
    command = step("charge", functools.partial(plain, c=1), 1, 2)  # type: ignore[call-arg]
    assert ": step('charge'): got an unexpected keyword argument 'c', for plain" in told(command)


def test_an_undo_is_refused_where_it_is_built_and_not_only_when_it_is_needed() -> None:
    with pytest.raises(WrongArguments, match=r": defer\('charge'\): too many positional arguments, for plain\(a, b\)"):
        defer("charge", plain, 1, 2, 3)  # type: ignore[call-overload]


def test_the_function_of_a_transaction_takes_the_connection_too() -> None:
    assert not isinstance(transaction("charge", lambda connection, amount: None, 5).fn, WrongCall)
    command = transaction("charge", lambda amount: None, 5)  # type: ignore[misc]
    assert ": transaction('charge'): too many positional arguments, for " in told(command)


@pytest.mark.parametrize("function", [print, dict, Bound, functools.lru_cache(nothing), "".join])
def test_what_does_not_show_its_parameters_is_left_to_the_attempt(function: Any) -> None:
    assert step("a", function, 1, 2, 3).args == (1, 2, 3)
