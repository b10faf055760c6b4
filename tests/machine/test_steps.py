"""What a step comes to, and what the workflow makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Cancelled, Flow, StepFailed, StepTimeout, step
from dataflows.errors import Mismatch
from dataflows.outcome import Error, Value
from interpreter.machine import RunStep, Status
from tests.machine.by_hand import START, ByHand, work

Begin = Callable[..., ByHand]


class Refused(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code


def one_step() -> Flow[Any]:
    return (yield from step("a", work, 1, 2))


def caught() -> Flow[Any]:
    try:
        yield step("a", work)
    except Exception as error:
        return error
    return "nothing was raised"


def test_an_open_step_says_what_to_run_and_since_when(begin: Begin) -> None:
    action = begin(one_step).find("a")
    assert isinstance(action, RunStep)
    assert (action.number, action.failures, action.opened_at, action.not_before) == (1, 0, START, None)
    assert action.command == step("a", work, 1, 2)


@pytest.mark.parametrize("value", [None, False, 0, "", [], "text", {"key": [1.5]}])
def test_what_a_step_returned_arrives_at_its_yield_and_nothing_is_missing(begin: Begin, value: object) -> None:
    hand = begin(one_step)
    hand.succeed("a", value)
    assert hand.result == value
    assert hand.status is Status.COMPLETED


def test_yield_and_yield_from_give_the_same_answer(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        first = yield step("a", work)
        second = yield from step("b", work)
        return first, second

    hand = begin(flow)
    hand.succeed("a", 1)
    hand.succeed("b", 2)
    assert hand.result == (1, 2)


def test_steps_of_one_name_are_told_apart_by_their_positions(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        first = yield step("same", work)
        second = yield step("same", work)
        third = yield step("same#2", work)
        return first, second, third

    hand = begin(flow)
    for value in (1, 2):
        hand.succeed("same", value)
    hand.succeed("same#2", 3)
    assert hand.result == (1, 2, 3)


def test_a_failed_step_raises_at_its_yield_the_exception_that_was_journaled(begin: Begin) -> None:
    hand = begin(one_step)
    hand.fail("a", Refused(402, "no money"))
    with pytest.raises(Refused, match="no money") as raised:
        assert hand.result
    assert raised.value.code == 402
    assert hand.status is Status.FAILED


def test_a_caught_failure_lets_the_workflow_go_on_live_and_on_replay_alike(begin: Begin) -> None:
    hand = begin(caught)
    hand.fail("a", Refused(402, "no money"))
    replayed = hand.replayed().outcome
    for outcome in (hand.machine.outcome, replayed):
        assert isinstance(outcome, Value)
        assert (type(outcome.value), outcome.value.args) == (Refused, (402, "no money"))


@pytest.mark.parametrize(
    "kind",
    [StopIteration, StopAsyncIteration, GeneratorExit, asyncio.CancelledError, Cancelled],
    ids=lambda k: k.__name__,
)
def test_what_would_steer_python_itself_arrives_as_a_failed_step(begin: Begin, kind: type[BaseException]) -> None:
    hand = begin(caught, retry=None)
    for _ in range(5):
        hand.fail_attempt("a", kind("of a step"))
    assert isinstance(hand.result, StepFailed)
    assert kind.__qualname__ in str(hand.result)
    assert "of a step" in str(hand.result)


def test_a_step_that_ran_out_of_time_raises_step_timeout(begin: Begin) -> None:
    hand = begin(caught)
    hand.fail("a", StepTimeout("took longer than 5 s"))
    assert isinstance(hand.result, TimeoutError)


def test_a_second_outcome_for_a_settled_step_is_no_entry_of_this_journal(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)
        yield step("b", work)

    hand = begin(flow)
    late = hand.ended("a", Value("late result of an attempt that had timed out"))
    hand.succeed("a", 1)
    with pytest.raises(Mismatch):
        hand.put(late)


def test_a_workflow_that_never_yields_completes_with_what_it_returned(begin: Begin) -> None:
    def flow(number: int) -> Flow[int]:
        if number < 0:
            yield step("never", work)
        return number * 2

    hand = begin(flow, 21)
    assert hand.result == 42
    assert hand.open == {"": "completed"}


def test_arguments_arrive_by_position_and_by_keyword(begin: Begin) -> None:
    def flow(first: int, second: int = 0) -> Flow[Any]:
        yield step("a", work)
        return first, second

    hand = begin(flow, 1, second=2)
    hand.succeed("a")
    assert hand.result == (1, 2)


def test_wrong_arguments_fail_the_workflow_and_nothing_else(begin: Begin) -> None:
    hand = begin(one_step, "one too many")
    assert hand.status is Status.FAILED
    with pytest.raises(TypeError, match="takes 0 positional arguments"):
        assert hand.result


def test_an_error_outside_every_step_fails_the_workflow_at_once(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)
        raise ZeroDivisionError

    hand = begin(flow)
    hand.succeed("a")
    assert hand.open == {"": "failed"}


class AuthorsOwn(BaseException):
    pass


@pytest.mark.parametrize(
    ("raised", "arrives"), [(StopIteration, RuntimeError), (AuthorsOwn, AuthorsOwn), (SystemExit, SystemExit)]
)
def test_whatever_the_workflow_raises_fails_it(
    begin: Begin, raised: type[BaseException], arrives: type[BaseException]
) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)
        raise raised

    hand = begin(flow)
    hand.succeed("a")
    assert hand.status is Status.FAILED
    assert isinstance(hand.machine.outcome, Error)
    assert isinstance(hand.machine.outcome.exception, arrives)


def test_ctrl_c_in_workflow_code_is_not_the_workflows_failure(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        yield step("a", work)
        raise KeyboardInterrupt

    hand = begin(flow)
    with pytest.raises(KeyboardInterrupt):
        hand.succeed("a")
    assert hand.machine.outcome is None


def test_endless_recursion_fails_that_workflow_and_nothing_else(begin: Begin) -> None:
    def flow(depth: int) -> Flow[Any]:
        if depth:
            return (yield from flow(depth - 1))
        return (yield from step("bottom", work))

    hand = begin(flow, 5_000)
    assert hand.status is Status.FAILED
    with pytest.raises(RecursionError):
        assert hand.result
