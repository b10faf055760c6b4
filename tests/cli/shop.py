"""The workflows that the command is tried with."""

from __future__ import annotations

import os
import time
from pathlib import Path

from dataflows import (
    Event,
    Flow,
    Retry,
    Trigger,
    callback,
    continue_as_new,
    gather,
    patched,
    publish,
    race,
    sleep,
    step,
    wait,
    workflow,
)

HOSTILE = "\x1b[31m\x9b2J\u202e[bold]x[/bold]"
"""Escape sequences old and new, a change of direction, and what rich takes for markup."""


def add(a: int, b: int) -> int:
    return a + b


def complain(about: str) -> None:
    raise ValueError(f"no good: {about}")


def touch_and_linger(file: str, seconds: float) -> str:
    Path(file).touch()
    time.sleep(seconds)
    return "lingered"


def leave() -> None:
    raise SystemExit(3)


@workflow("add")
def add_up(a: int, b: int = 10) -> Flow[int]:
    print("the workflow says something itself")  # dataflows: allow DF205
    return (yield from step("sum", add, a, b))


@workflow("echo")
def echo(value: object) -> Flow[object]:
    yield from sleep("nothing", 0)
    return value


@workflow("complain")
def complainer(about: str = "this") -> Flow[None]:
    yield from step("complain", complain, about, retry=Retry(attempts=2, first=0.01))


@workflow("approve")
def approve() -> Flow[object]:
    decision, _ = yield from gather(
        wait("approval", timeout="7d"), race(paid=wait("payment"), late=sleep("deadline", "1h"))
    )
    return decision


@workflow("ask")
def ask(title: str = "May we?") -> Flow[object]:
    yield from callback("approval", title=title, valid_for="7d")
    return (yield from wait("approval"))


@workflow("rounds")
def rounds(number: int = 1) -> Flow[int]:
    yield from publish("round", number)
    if number < 3:
        return (yield from continue_as_new(number + 1))
    yield from patched("charging")
    return (yield from step("charge", add, number, 0, once=True))


@workflow("ship")
def ship(order: str) -> Flow[object]:
    return (yield from wait("paid", key=order))


@workflow("hostile")
def hostile(value: str) -> Flow[str]:
    yield from step(HOSTILE, complain, value, retry=Retry(attempts=1))
    return value


@workflow("linger")
def linger(file: str, seconds: float) -> Flow[str]:
    return (yield from step("linger", touch_and_linger, file, seconds))


@workflow("triggered", trigger=Trigger("shop", "order.paid"))
def triggered(event: Event) -> Flow[list[object]]:
    yield from sleep("nothing", 0)
    return [event.type, event.data]


@workflow("leave")
def leaver() -> Flow[None]:
    yield from step("leave", leave)


@workflow("change")
def changing() -> Flow[str]:
    yield from step(os.environ.get("SHOP_STEP", "before"), add, 1, 1)  # dataflows: allow DF105
    yield from wait("go")
    return "gone"
