"""What other executions answer: children, those that are only started, and this one anew."""

from __future__ import annotations

from typing import Any, assert_type

from dataflows import Flow, child, continue_as_new, gather, patched, publish, race, signal, sleep, start, wait, workflow


@workflow("order")
def order(number: int, address: str, express: bool = False) -> Flow[str]:
    yield from sleep("no hurry", 0 if express else 60)
    return f"{number} to {address}"


@workflow("nothing")
def nothing() -> Flow[None]:
    yield from sleep("nap", 1)


@workflow("countdown")
def countdown(left: int) -> Flow[str]:
    yield from sleep("a second", 1)
    if left:
        return (yield from continue_as_new(left - 1))
    return "done"


@workflow("for ever")
def for_ever(round: int) -> Flow[None]:
    yield from sleep("a day", "1d")
    yield from continue_as_new(round + 1)


def children() -> Flow[None]:
    assert_type((yield from child(order, 7, "here")), str)
    assert_type((yield from child(order, 7, "here", True, id="order-7")), str)
    assert_type((yield from child(nothing)), None)
    assert_type((yield from child(countdown, 3)), str)


def children_beside_each_other(numbers: list[int]) -> Flow[None]:
    assert_type((yield from gather(child(order, 7, "here"), child(nothing), limit=1)), tuple[str, None])
    assert_type((yield from gather(*(child(order, number, "here") for number in numbers))), tuple[str, ...])
    winner = yield from race(order=child(order, 7, "here"), late=sleep("late", "1h"))
    assert_type(winner.value, str | None)


def started() -> Flow[None]:
    assert_type((yield from start(order, 7, "here")), str)
    assert_type((yield from start(nothing, id="nothing-1")), str)


def telling_others() -> Flow[None]:
    assert_type((yield from signal("order-7", "approval")), None)
    assert_type((yield from signal("order-7", "approval", {"by": "Ada"})), None)
    assert_type((yield from publish("progress", 0.5)), None)


def waiting_by_key() -> Flow[None]:
    assert_type((yield from wait("payment", key="order-7")), Any)
    assert_type((yield from wait("payment", dict[str, int], key="order-7", timeout="1d")), dict[str, int])
    assert_type((yield from wait("payment", int, key="order-7", timeout="1d", default=None)), int | None)


def patching() -> Flow[None]:
    if (yield from patched("send-invoice")):
        yield from sleep("new", 1)
    assert_type((yield from patched("send-invoice")), bool)
