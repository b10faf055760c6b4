"""Errors: what a step or a workflow raises arrives as itself, whatever it is, and after a restart too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Flow, Retry, StepFailed, step, wait, workflow
from interpreter import Scheduler, Status
from tests.machine.plain import plain
from tests.scheduler.stepping import FUNCTIONS, number_of, outcome, retried
from tests.waiting import eventually


class OutOfStock(Exception):
    def __init__(self, item: str, left: int) -> None:
        super().__init__(item, left)
        self.item = item
        self.left = left


class Awkward(Exception):
    """Not built by what its args say, and no text to be had."""

    def __init__(self, a: int, b: int) -> None:
        self.sum = a + b

    def __str__(self) -> str:
        raise RuntimeError("no text")


@workflow("steps/caught")
def caught(fn: int) -> Flow[Any]:
    """What a workflow can tell of the error that a step raised, before and after it was suspended."""
    try:
        yield from step("fail", FUNCTIONS[fn], retry=Retry(attempts=1))
    except Exception as error:
        told = (
            [text for text, *_ in plain(error)],
            [type(error).__qualname__, vars(error).get("item")],
            bool(error.__cause__),
        )
    else:
        told = None
    yield from wait("go on")
    return told


def sell_out() -> None:
    try:
        raise KeyError("tea")
    except KeyError as error:
        sold_out = OutOfStock("tea", 0)
        sold_out.add_note("try coffee")
        raise sold_out from error


def test_an_exception_keeps_type_attributes_notes_cause_and_where_it_came_from(scheduler: Scheduler) -> None:
    with pytest.raises(OutOfStock) as raised:
        outcome(scheduler, sell_out)
    error = raised.value
    assert (error.item, error.left, error.args) == ("tea", 0, ("tea", 0))
    assert isinstance(error.__cause__, KeyError) and error.__cause__.args == ("tea",)
    assert error.__notes__[0] == "try coffee"
    assert "sell_out" in error.__notes__[-1], "the traceback of where it was raised first"


def test_an_exception_is_the_same_after_a_restart(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler() as first:
        handle = first.start(caught, number_of(sell_out))
        eventually(lambda: handle.status() == Status.SUSPENDED)
    expected = ["OutOfStock: ('tea', 0)", "KeyError: 'tea'"], ["OutOfStock", "tea"], True
    with new_scheduler() as second:
        second.signal(handle.id, "go on")
        assert second.result(handle.id) == expected


def test_an_exception_that_cannot_be_built_again_still_arrives(scheduler: Scheduler) -> None:
    def fail() -> None:
        raise Awkward(1, 2)

    class Local(Exception):
        pass

    def fail_locally() -> None:
        raise Local("here")

    with pytest.raises(Awkward) as awkward:
        outcome(scheduler, fail)
    assert awkward.value.sum == 3
    with pytest.raises(StepFailed, match=r"Local: here") as raised:
        outcome(scheduler, fail_locally)
    assert "fail_locally" in raised.value.traceback_text


def test_a_group_of_exceptions_is_one_exception(scheduler: Scheduler) -> None:
    def fail() -> None:
        raise ExceptionGroup("both", [ValueError("a"), OutOfStock("tea", 0)])

    with pytest.raises(ExceptionGroup) as raised:
        outcome(scheduler, fail)
    assert [type(error) for error in raised.value.exceptions] == [ValueError, OutOfStock]


CONTROL_FLOW = [StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError]


@pytest.mark.parametrize("kind", CONTROL_FLOW)
def test_an_exception_that_would_steer_python_itself_is_a_failed_step(
    scheduler: Scheduler, kind: type[BaseException]
) -> None:
    def fail() -> None:
        raise kind("x")

    with pytest.raises(StepFailed, match=f"{kind.__qualname__}: x"):
        outcome(scheduler, fail)
    assert outcome(scheduler, lambda: "the scheduler goes on") == "the scheduler goes on"


def test_an_async_step_that_is_cancelled_by_its_own_code_is_a_failed_step(scheduler: Scheduler) -> None:
    async def fail() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(10)

    with pytest.raises(StepFailed, match="CancelledError"):
        outcome(scheduler, fail)


class Odd(BaseException):
    """Not an ``Exception``, and nothing that Python knows."""


def test_a_base_exception_of_the_authors_fails_the_execution_and_is_not_retried(
    scheduler: Scheduler, calls: list[Any]
) -> None:
    def fail() -> None:
        calls.append(1)
        raise Odd("odd")

    with pytest.raises(Odd, match="odd"):
        scheduler.run(retried, number_of(fail))
    assert calls == [1]


@workflow("steps/fails by itself")
def fails_by_itself() -> Flow[Any]:
    ONCE_EACH.append(1)  # dataflows: allow DF206
    yield from step("fine", int)
    raise OutOfStock("tea", 0)


ONCE_EACH: list[int] = []


def test_an_error_of_the_workflows_own_fails_it_at_once(scheduler: Scheduler) -> None:
    with pytest.raises(OutOfStock, match="tea"):
        scheduler.run(fails_by_itself)
    assert ONCE_EACH == [1]


@workflow("steps/misled")
def misled(catches: bool) -> Flow[Any]:
    try:
        yield from step("sell", sell_to, "Ada", retry=Retry(attempts=9))  # type: ignore[call-overload]
    except TypeError:
        if not catches:
            raise
        return (yield from step("sell", sell_to, "Ada", "tea"))


def sell_to(customer: str, item: str) -> str:
    return f"{item} for {customer}"


def test_a_step_that_gives_its_function_other_arguments_fails_at_once_and_names_its_line(
    scheduler: Scheduler, id: str
) -> None:
    line = misled.function.__code__.co_firstlineno + 3
    with pytest.raises(TypeError, match=rf"^{__file__}:{line}: step\('sell'\): missing a required argument: 'item'"):
        scheduler.run(misled, False, id=id)
    assert [entry.kind for entry in scheduler.history(id)] == ["started", "begun", "step", "failed"]
    assert scheduler.run(misled, True) == "tea for Ada"


def sell(customer: str) -> str:
    return f"tea for {customer}"


SELLERS: list[Any] = [sell]


@workflow("steps/changed")
def changed() -> Flow[str]:
    sold = yield from step("sell", SELLERS[-1], "Ada")
    return f"{sold}, {(yield from wait('more', str))}"


def test_a_function_that_takes_other_arguments_by_now_is_no_matter_where_its_outcome_is_journaled(
    new_scheduler: Callable[..., Scheduler], id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_scheduler() as scheduler:
        scheduler.start(changed, id=id)
        eventually(lambda: scheduler.status(id) is Status.SUSPENDED)
    monkeypatch.setattr(f"{__name__}.SELLERS", [sell_to])
    with new_scheduler() as scheduler:
        scheduler.signal(id, "more", "and cake")
        assert scheduler.handle(id).result(20) == "tea for Ada, and cake"
