"""step(...): what it checks and what it builds."""

from __future__ import annotations

import functools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dataflows import Retry, defer, step, transaction, wait
from dataflows.commands import Defer, Step


def fetch(number: int, *, verbose: bool = False) -> dict[str, str]:
    return {"id": str(number), "verbose": str(verbose)}


async def fetch_slowly(number: int) -> dict[str, str]:
    return {"id": str(number)}


class Client:
    def get(self, number: int) -> int:
        return number

    def __call__(self, number: int) -> int:
        return number


def test_a_step_holds_its_name_its_function_and_its_arguments() -> None:
    built = step("fetch", fetch, 42)
    assert (built.name, built.fn, built.args, built.kwargs) == ("fetch", fetch, (42,), {})
    assert (built.retry, built.timeout, built.on) == (None, None, None)


def test_keywords_are_the_engines() -> None:
    built = step("fetch", fetch, 42, retry=Retry(attempts=2), timeout="1m", on="gpu")
    assert (built.retry, built.timeout, built.on) == (Retry(attempts=2), timedelta(minutes=1), "gpu")
    assert built.args == (42,)


def test_nothing_runs_when_a_step_is_built() -> None:
    ran: list[int] = []
    step("append", ran.append, 1)
    assert ran == []


@pytest.mark.parametrize(
    "function",
    [fetch, fetch_slowly, Client().get, Client(), int, len, lambda number: number],
    ids=["function", "async", "method", "object", "class", "builtin", "lambda"],
)
def test_any_callable_can_be_a_steps_function(function: Any) -> None:
    assert step("fetch", function, 42).fn == function


# Partials ---------------------------------------------------------------------------------------


def test_a_partial_is_taken_apart_so_that_equal_ones_compare_equal() -> None:
    one = step("fetch", functools.partial(fetch, verbose=True), 42)
    other = step("fetch", functools.partial(fetch, 42, verbose=True))
    assert one == other
    assert (one.fn, one.args, one.kwargs) == (fetch, (42,), {"verbose": True})


class Noted(functools.partial[Any]):
    """A partial that the standard library does not merge with another."""


def test_partials_of_partials_are_taken_apart_and_the_outer_one_has_the_last_word() -> None:
    inner = Noted(fetch, 42, verbose=False)
    assert step("fetch", functools.partial(inner, verbose=True)).kwargs == {"verbose": True}
    assert step("fetch", Noted(Noted(max, 1), 2), 3).args == (1, 2, 3)


def test_a_partials_own_keywords_are_not_the_steps() -> None:
    partial = functools.partial(fetch, verbose=True)
    step("fetch", partial, 1).kwargs["verbose"] = False
    assert partial.keywords == {"verbose": True}


# Mistakes ---------------------------------------------------------------------------------------


def test_a_function_that_was_called_is_refused_with_what_to_write_instead() -> None:
    with pytest.raises(TypeError, match=r"step\('fetch'\).*not dict; write step\('fetch', function, argument, …\)"):
        step("fetch", fetch(42))  # type: ignore[call-overload]


def test_a_coroutine_is_refused_and_closed_so_that_python_does_not_complain() -> None:
    coroutine: Any = fetch_slowly(42)
    with pytest.raises(TypeError, match="not coroutine"):
        step("fetch", coroutine)
    assert coroutine.cr_frame is None


@pytest.mark.parametrize("function", [None, 42, "fetch", [fetch]], ids=["None", "number", "text", "list"])
def test_what_cannot_be_called_is_refused(function: Any) -> None:
    with pytest.raises(TypeError, match=f"the second argument is the function to run, not {type(function).__name__}"):
        step("fetch", function)


@pytest.mark.parametrize("retry", [3, "3", {"attempts": 3}, Retry])
def test_retry_takes_a_retry(retry: Any) -> None:
    with pytest.raises(TypeError, match=r"step\('fetch', retry=\) takes a Retry, not"):
        step("fetch", fetch, 42, retry=retry)


@pytest.mark.parametrize("timeout", ["soon", -1, float("nan")])
def test_a_timeout_is_a_duration(timeout: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        step("fetch", fetch, 42, timeout=timeout)


def test_a_functions_own_keyword_is_no_keyword_of_step() -> None:
    with pytest.raises(TypeError, match="verbose"):
        step("fetch", fetch, 42, verbose=True)  # type: ignore[call-overload]


def test_the_traceback_of_a_mistake_points_at_the_authors_line() -> None:
    with pytest.raises(ValueError, match="characters") as raised:
        step("", fetch, 42)
    assert [Path(entry.path).name for entry in raised.traceback] == ["test_step.py", "steps.py", "names.py"]


# once, transaction, defer -----------------------------------------------------------------------


def test_at_most_once_and_trying_again_exclude_each_other() -> None:
    assert step("charge", fetch, 42, once=True).once
    with pytest.raises(ValueError, match=r"step\('charge', once=True\) is never tried again: leave retry= out"):
        step("charge", fetch, 42, once=True, retry=Retry(attempts=1))


def move(connection: Any, amount: int) -> int:
    return amount


async def move_slowly(connection: Any, amount: int) -> int:
    return amount


class Mover:
    async def __call__(self, connection: Any, amount: int) -> int:
        return amount


def test_a_transaction_is_a_step_whose_function_is_given_a_connection() -> None:
    built = transaction("move", move, 5, retry=Retry(attempts=2), timeout="1m", limit="rows")
    assert built == Step("move", move, (5,), transaction=True) != step("move", move, None, 5)
    assert (built.retry, built.timeout, built.limit) == (Retry(attempts=2), timedelta(minutes=1), "rows")


@pytest.mark.parametrize(
    "function",
    [move_slowly, Mover(), functools.partial(move_slowly)],
    ids=["function", "object", "partial"],
)
def test_a_transaction_takes_no_async_function_since_its_connection_is_not(function: Any) -> None:
    with pytest.raises(TypeError, match="transaction\\('move'\\) takes a plain function"):
        transaction("move", function, 5)


def test_what_is_deferred_is_a_step() -> None:
    built = defer("refund", functools.partial(fetch, verbose=True), 42, retry=Retry(attempts=2), timeout="1m")
    assert built == Defer(step("refund", functools.partial(fetch, verbose=True), 42))
    assert (built.step.retry, built.step.timeout) == (Retry(attempts=2), timedelta(minutes=1))


@pytest.mark.parametrize("verb", [step, transaction, defer])
def test_a_command_in_place_of_its_answer_is_refused_where_it_is_given(verb: Any) -> None:
    forgotten = step("fetch", fetch, 42)
    for fn, args in ((fetch, (forgotten,)), (functools.partial(fetch, verbose=forgotten), (42,))):
        with pytest.raises(TypeError, match=rf"^{verb.__name__}\('again'\): an argument is a command \(Step\)"):
            verb("again", fn, *args)
    with pytest.raises(TypeError, match="write `yield from` before it, where it is built"):
        verb("again", fetch, wait("approval"))


@pytest.mark.parametrize(("verb", "function"), [(transaction, move), (defer, fetch)])
def test_they_check_what_a_step_checks(verb: Any, function: Any) -> None:
    with pytest.raises(ValueError, match="1 to 200 characters"):
        verb("", function, 42)
    with pytest.raises(
        TypeError, match=rf"write {verb.__name__}\('fetch', function, argument, …\), without calling it"
    ):
        verb("fetch", fetch(42))
    with pytest.raises(TypeError, match="takes a Retry, not int"):
        verb("fetch", function, 42, retry=3)
    with pytest.raises(ValueError, match="limit="):
        verb("fetch", function, 42, limit="")
    with pytest.raises(ValueError, match="soon"):
        verb("fetch", function, 42, timeout="soon")
