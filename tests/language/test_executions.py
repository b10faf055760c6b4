"""child(...), start(...), continue_as_new(...), signal(...), publish(...), patched(...): what they check and build."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import (
    Flow,
    child,
    continue_as_new,
    patched,
    publish,
    signal,
    sleep,
    start,
    wait,
    workflow,
)
from dataflows.commands import Child, ContinueAsNew, Patched, Publish, Signal, Start


@workflow("tests.language.order")
def order(number: int) -> Flow[str]:
    yield from sleep("nap", 1)
    return str(number)


def plain(number: int) -> Flow[str]:
    yield from sleep("nap", 1)
    return str(number)


def test_a_child_and_a_start_hold_the_workflow_its_arguments_and_the_id() -> None:
    assert child(order, 7) == Child(order, (7,), None)
    assert child(order, 7, id="order-7") == Child(order, (7,), "order-7") != child(order, 7)
    assert start(order, 7, id="order-7") == Start(order, (7,), "order-7")


@pytest.mark.parametrize("verb", [child, start])
def test_what_has_no_workflow_decorator_is_refused(verb: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="takes a workflow, not .*; decorate it with @workflow"):
        verb(plain, 7)


@pytest.mark.parametrize("verb", [child, start])
def test_a_workflow_that_was_called_is_refused_and_let_go(verb: Callable[..., Any]) -> None:
    flow = order(7)
    with pytest.raises(TypeError, match=r"write .*\(workflow, argument, …\), without calling it"):
        verb(flow)
    with pytest.raises(StopIteration):
        next(flow)


NAMES: list[Callable[[Any], Any]] = [
    lambda name: child(order, 7, id=name),
    lambda name: start(order, 7, id=name),
    lambda name: signal(name, "approval"),
    lambda name: signal("order-7", name),
    lambda name: publish(name, 1),
    lambda name: wait("payment", key=name),
    patched,
]


@pytest.mark.parametrize("verb", NAMES)
@pytest.mark.parametrize("name", ["", "x" * 201, "\0"])
def test_a_name_an_id_and_a_key_have_1_to_200_characters_that_can_be_stored(
    verb: Callable[[Any], Any], name: str
) -> None:
    with pytest.raises(ValueError, match="characters|NUL"):
        verb(name)


@pytest.mark.parametrize("verb", NAMES)
def test_a_name_an_id_and_a_key_are_text(verb: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="is a str, not int: 7"):
        verb(7)


def test_the_others_hold_what_they_were_given() -> None:
    assert signal("order-7", "approval", {"by": "Ada"}) == Signal("order-7", "approval", {"by": "Ada"})
    assert signal("order-7", "approval").payload is None
    assert publish("progress", 0.5) == Publish("progress", 0.5)
    assert patched("send-invoice") == Patched("send-invoice")
    assert continue_as_new(1, "two") == ContinueAsNew((1, "two"))
    assert wait("payment", key="order-7").key == "order-7"
    assert wait("payment", key="order-7") != wait("payment")
