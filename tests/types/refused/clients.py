"""What no workflow can be started with, and what a handle does not answer."""

from __future__ import annotations

from dataflows import Event, Flow, sleep, workflow
from interpreter import AsyncHandle, Client, Handle, Scheduler


@workflow("order")
def order_workflow(order: int, address: str) -> Flow[str]:
    yield from sleep("no hurry", 60)
    return f"{order} to {address}"


@workflow("on-order")
def on_order(event: Event) -> Flow[None]:
    yield from sleep("no hurry", 60)


def no_workflow(order: int) -> str:
    return str(order)


def started_with_the_wrong_arguments(client: Client, scheduler: Scheduler) -> None:
    client.start(order_workflow, "seven", "here")  # refused
    client.start(order_workflow, 7)  # refused
    client.start(order_workflow, 7, address="here")  # refused
    client.start(on_order, {"id": "no event"})  # refused
    scheduler.start(order_workflow, "seven", "here")  # refused
    scheduler.run(order_workflow, 7, None)  # refused


def what_is_no_workflow(client: Client) -> None:
    client.start(no_workflow, 7)  # refused
    client.start(order_workflow(7, "here"))  # refused


def options_of_the_wrong_type(client: Client) -> None:
    client.start(order_workflow, 7, "here", id=7)  # refused
    client.start(order_workflow, 7, "here", tags=["book"])  # refused


def what_is_done_in_bulk_by_no_verb(client: Client) -> None:
    client.in_bulk("forget")  # refused
    client.in_bulk("pause", tell="print")  # refused


def started_with_a_signal_and_no_id(client: Client) -> None:
    client.start_with_signal(order_workflow, 7, "here", signal="paid")  # refused
    client.start_with_signal(order_workflow, "seven", "here", id="order-7", signal="paid")  # refused


def a_result_taken_for_another_type(handle: Handle[str]) -> int:
    return handle.result()  # refused


async def a_result_that_was_not_awaited(handle: AsyncHandle[str]) -> str:
    return handle.result()  # refused


def a_signal_without_a_name(handle: Handle[str]) -> None:
    handle.signal()  # refused
    handle.signal(7)  # refused
