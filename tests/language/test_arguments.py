"""A step whose function takes other arguments is refused where it is built, since no attempt at it could succeed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows import Flow, child, defer, start, step, transaction, workflow
from dataflows.arguments import check_call


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
    def refused() -> bool:
        try:
            check_call("step", "a", function, (1,) * number, kwargs, before)
        except TypeError:
            return True
        return False

    try:
        inspect.signature(function, follow_wrapped=False).bind(*(1,) * (number + before), **kwargs)
    except TypeError:
        assert refused()
    else:
        assert not refused()


def test_it_is_told_what_is_wrong_and_where_the_function_is_defined() -> None:
    with pytest.raises(TypeError) as refused:
        step("charge", with_default)  # type: ignore[call-overload]
    line = refused.traceback[0].lineno + 1
    assert str(refused.value) == (
        f"{__file__}:{line}: step('charge'): missing a required argument: 'a', for with_default(a, b=1), "
        f"which is defined at {__file__}:{with_default.__code__.co_firstlineno}"
    )
    with pytest.raises(TypeError, match=r": defer\('charge'\): too many positional arguments, for plain\(a, b\)"):
        defer("charge", plain, 1, 2, 3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r": step\('charge'\): got an unexpected keyword argument 'c', for plain"):
        step("charge", functools.partial(plain, c=1), 1, 2)  # type: ignore[call-arg]


def test_the_function_of_a_transaction_takes_the_connection_too() -> None:
    transaction("charge", lambda connection, amount: None, 5)
    with pytest.raises(TypeError, match=r": transaction\('charge'\): too many positional arguments, for "):
        transaction("charge", lambda amount: None, 5)  # type: ignore[misc]


@pytest.mark.parametrize("function", [print, dict, Bound, functools.lru_cache(nothing), "".join])
def test_what_does_not_show_its_parameters_is_left_to_the_attempt(function: Any) -> None:
    assert step("a", function, 1, 2, 3).args == (1, 2, 3)


@workflow("arguments/one")
def one(order_id: str) -> Flow[str]:
    yield from step("nothing", nothing)
    return order_id


@pytest.mark.parametrize("verb", [child, start])
def test_another_workflow_is_given_what_it_takes(verb: Any) -> None:
    assert verb(one, "A-1").args == ("A-1",)
    with pytest.raises(TypeError, match=rf": {verb.__name__}\('arguments/one'\): missing a required argument"):
        verb(one)
