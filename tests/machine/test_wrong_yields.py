"""What is yielded and is no command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import Flow, gather, sleep, step
from dataflows.commands import Step
from dataflows.errors import WrongYield
from interpreter.machine import Status
from tests.machine.by_hand import ByHand, work

Begin = Callable[..., ByHand]


def helper() -> Flow[Any]:
    yield step("a", work)


async def fetch() -> None:
    raise AssertionError("nobody awaits it")


class Strange:
    """Answers whatever it is asked, with something useless."""

    def __getattr__(self, name: str) -> int:
        return 1


class Unbound:
    """Like a proxy to what is not there: raises whatever it is asked."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("there is nothing behind this proxy")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("there is nothing behind this proxy")


YIELDED: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: 42, "int 42", "yield a command"),
    (lambda: None, "NoneType", "yield a command"),
    (lambda: "text" * 100, "str 'texttext", "yield a command"),
    (lambda: 10**5000, "int", "yield a command"),
    (lambda: work, "function work", 'write `yield from step("name", function, argument)` to run a function'),
    (lambda: step, "function step", 'write `yield from step("name", function, argument)` to run a function'),
    (lambda: Step, "type Step", 'write `yield from step("name", function, argument)` to run a function'),
    (helper, "generator helper", "write `yield from helper()`"),
    (fetch, "coroutine fetch", "steps may be async, workflows not"),
    (lambda: [step("a", work)], "list", "write `yield from gather(*branches)`"),
    (lambda: (helper(), sleep("b", 1)), "tuple", "write `yield from gather(*branches)`"),
    (lambda: [1, 2], "list", "yield a command"),
    (Strange, "Strange", "yield a command"),
    (Unbound, "Unbound", "yield a command"),
]


@pytest.mark.parametrize(("make", "name", "advice"), YIELDED, ids=[name for _, name, _ in YIELDED])
def test_a_wrong_yield_fails_the_workflow_and_says_what_was_yielded_where_and_what_to_write_instead(
    begin: Begin, make: Callable[[], Any], name: str, advice: str
) -> None:
    def flow() -> Flow[Any]:
        yield step("before", work)
        yield make()

    hand = begin(flow)
    hand.succeed("before")
    assert hand.status is Status.FAILED
    with pytest.raises(WrongYield) as raised:
        assert hand.result
    message = str(raised.value)
    assert f"yield number 2 (position 1) gave {name}" in message
    assert f"at {__file__}:" in message
    assert "yield make()" in message
    assert advice in message


def test_a_future_is_told_what_to_write_too(begin: Begin) -> None:
    loop = asyncio.new_event_loop()

    def flow() -> Flow[Any]:
        yield loop.create_future()  # type: ignore[misc]

    with pytest.raises(WrongYield, match="steps may be async, workflows not"):
        assert begin(flow).result
    loop.close()


def test_the_message_holds_no_address_so_that_it_is_the_same_on_every_replay(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield object()  # type: ignore[misc]
        except WrongYield as error:
            return str(error)

    hand = begin(flow)
    assert "0x" not in hand.result
    assert hand.replayed().outcome == hand.machine.outcome


def test_a_wrong_yield_can_be_caught_and_the_workflow_goes_on(begin: Begin) -> None:
    def flow() -> Flow[Any]:
        try:
            yield 42  # type: ignore[misc]
        except TypeError:
            return (yield from step("after", work))

    hand = begin(flow)
    hand.succeed("after", 1)
    assert hand.result == 1


def test_one_branchs_wrong_yield_fails_that_branch(begin: Begin) -> None:
    def wrong() -> Flow[Any]:
        yield None  # type: ignore[misc]

    def flow() -> Flow[Any]:
        try:
            yield gather(step("a", work), wrong())
        except WrongYield as error:
            return str(error)

    hand = begin(flow)
    hand.stop("a")
    assert "position 0.1.0" in hand.result
