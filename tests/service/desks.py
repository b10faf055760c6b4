"""The workflows that the API is tried with."""

from __future__ import annotations

from dataclasses import dataclass

from dataflows import (
    Event,
    Flow,
    Retry,
    Trigger,
    callback,
    cron,
    every,
    gather,
    publish,
    sleep,
    step,
    wait,
    workflow,
)

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\r\nSet-Cookie: a=b\u202e"


@dataclass(frozen=True)
class Grant:
    """What JSON would not give back as it was."""

    by: str


def explode(why: str) -> None:
    raise ValueError(why)


def count(number: int) -> int:
    return number


@workflow("desk/add")
def add(a: int, b: int = 10) -> Flow[int]:
    """Add two numbers."""
    total: int = yield from step("sum", lambda: a + b)
    return total


@workflow("desk/echo")
def echo(value: object = None) -> Flow[object]:
    yield from sleep("nothing", 0)
    return value


@workflow("anything")
def anything(*args: object, **kwargs: object) -> Flow[object]:
    yield from sleep("nothing", 0)
    return [len(args), kwargs]


@workflow("desk/approval")
def approval() -> Flow[object]:
    yield from publish("stage", "waiting")
    return (yield from wait("approval"))


@workflow("desk/question")
def question(
    choices: tuple[str, ...] | list[str] = ("approve", "reject"),
    title: str | None = None,
    text: str = "",
    valid_for: float | None = None,
) -> Flow[object]:
    url = yield from callback("approval", title=title, text=text, choices=choices, valid_for=valid_for)
    yield from publish("url", url)
    return (yield from wait("approval"))


@workflow("desk/shipped")
def shipped(order: str) -> Flow[object]:
    return (yield from wait("shipped", key=order))


@workflow("desk/failing", retry=Retry(attempts=1))
def failing(why: str = HOSTILE) -> Flow[None]:
    yield from step("explode", explode, why)


@workflow("desk/granted")
def granted() -> Flow[Grant]:
    return (yield from step("grant", Grant, "Ada"))


@workflow("desk/large")
def large(size: int) -> Flow[str]:
    return (yield from step("fill", lambda: "x" * size))


@workflow("desk/many")
def many(steps: int) -> Flow[int]:
    return len((yield from gather(*(step("count", count, number) for number in range(steps)))))


# Moments that no test lives to see: every scheduler of this process would start them.
TRIGGERS = [Trigger("desk", "rang"), cron("0 9 29 2 *", tz="Europe/Berlin"), every("30000d")]


@workflow("desk-triggered", trigger=TRIGGERS)
def triggered(event: Event) -> Flow[str]:
    yield from sleep("nothing", 0)
    return f"{event.type} {event.subject} {event.time and event.time.isoformat()}"
