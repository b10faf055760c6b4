"""What is no workflow, and what one may not be called with."""

from __future__ import annotations

from dataflows import Event, Flow, cron, sleep, workflow
from dataflows.connectors import azure_devops as azure


@workflow("nap")
def nap(seconds: int, name: str = "") -> Flow[int]:
    yield from sleep("nap", seconds)
    return seconds


def called_with_the_wrong_arguments() -> None:
    nap("a while")  # refused
    nap()  # refused
    nap(1, name=2)  # refused


def started_as_another_type() -> Flow[str]:
    return (yield from nap(1))  # refused


@workflow("no generator")  # refused
def no_generator(event: Event) -> int:
    return len(event.id)


@workflow("counted by a text", at_once=5, at_once_by="project")  # refused
def counted_by_a_text(event: Event) -> Flow[None]:
    yield from sleep("nap", 1)


@workflow("asynchronous")  # refused
async def asynchronous() -> int:
    return 1


@workflow(name="by keyword")  # refused
def by_keyword() -> Flow[None]:
    yield from sleep("nap", 1)


@workflow("triggered and takes no event", trigger=azure.work_item_created())  # refused
def takes_no_event() -> Flow[None]:
    yield from sleep("nap", 1)


@workflow("triggered and takes something else", trigger=[azure.work_item_created(), cron("0 9 * * 1-5")])  # refused
def takes_something_else(number: int) -> Flow[None]:
    yield from sleep("nap", number)


@workflow("a trigger that was not called", trigger=azure.work_item_created)  # refused
def not_called(event: Event) -> Flow[None]:
    yield from sleep("nap", 1)


@workflow("a text for a trigger", trigger="0 9 * * 1-5")  # refused
def a_text(event: Event) -> Flow[None]:
    yield from sleep("nap", 1)
