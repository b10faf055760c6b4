"""What a workflow is, what calling one gives, and how parts of one are put together."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from dataflows import (
    Cancelled,
    Command,
    Event,
    Flow,
    Retry,
    Schedule,
    StepFailed,
    Trigger,
    Workflow,
    sleep,
    step,
    wait,
    workflow,
)


def ship(order: int, address: str) -> str:
    return f"{order} to {address}"


@workflow("order", version=2, retry=Retry(attempts=3))
def order_workflow(order: int, address: str, express: bool = False) -> Flow[str]:
    if not express:
        yield from sleep("no hurry", "1h")
    return (yield from step("ship", ship, order, address))


@workflow("on-order", trigger=Trigger("shop", "order.created"))
def on_order(event: Event) -> Flow[None]:
    yield from wait("approval", timeout="7d", default=None)


@workflow(
    "one a project",
    trigger=Trigger("shop", "order.created"),
    at_once=5,
    at_once_by=lambda event: str(event.data["project"]),
)
def one_a_project(event: Event) -> Flow[None]:
    yield from wait("approval", timeout="7d", default=None)


def by_address(order: int, address: str) -> str:
    return address


@workflow("one an address", at_once=1, at_once_by=by_address)
def one_an_address(order: int, address: str) -> Flow[None]:
    yield from wait("approval", timeout="7d", default=None)


@workflow("bare")
def bare() -> Flow[Any]:
    answer = yield step("ship", ship, 1, "here")
    return answer


def decorated() -> None:
    takes_an_event: Workflow[[Event], None] = on_order
    takes_anything: Workflow[..., str] = order_workflow
    assert_type(takes_an_event.triggers, tuple[Trigger | Schedule, ...])
    assert_type(takes_anything.name, str)
    assert_type(order_workflow.version, int)


def called() -> None:
    assert_type(order_workflow(7, "here"), Generator[Command[Any], Any, str])
    assert_type(order_workflow(order=7, address="here", express=True), Generator[Command[Any], Any, str])


def stepped_through_by_a_unit_test(event: Event) -> None:
    flow = on_order(event)
    assert next(flow) == wait("approval", timeout="7d", default=None)
    flow.send({"approved": True})


def a_workflow_is_a_helper_too() -> Flow[str]:
    shipped = yield from order_workflow(7, "here")
    assert_type(shipped, str)
    return shipped


def cleaning_up() -> Flow[str]:
    try:
        return (yield from step("ship", ship, 7, "here"))
    except StepFailed as failure:
        return str(failure)
    except Cancelled:
        yield from step("ship", ship, 7, "back")
        raise
