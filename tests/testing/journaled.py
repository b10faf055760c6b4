"""A workflow that recorded tests import."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from dataflows import (
    Flow,
    callback,
    child,
    continue_as_new,
    gather,
    now,
    patched,
    publish,
    race,
    random,
    signal,
    sleep,
    start,
    step,
    wait,
    workflow,
)


@dataclass(frozen=True)
class Charge:
    id: str
    amount: float = 12.5


class Declined(Exception):
    """The bank said no."""


def work(*args: Any) -> Any:
    raise AssertionError("a recorded test runs no step")


@workflow("testing-order")
def order(customer: dict[str, str], count: int) -> Flow[str]:  # dataflows: allow DF105
    reservation, charge = yield from gather(
        step(os.environ.get("TESTING_STEP", "reserve"), work, customer, count), step("charge", work, customer)
    )
    first = yield from race(shipped=wait("shipped", str), late=sleep("late", "14d"))
    if first.name == "late":
        yield from step("refund", work, reservation, charge)
        return "refunded"
    return f"{first.value} to {customer['name']}"


@workflow("testing-clock")
def clock() -> Flow[str]:
    moment = yield from now()
    chance = yield from random()
    yield from step(f"at-{moment:%H-%M-%S}", work)
    return "low" if chance < 0.5 else "high"


@workflow("testing-changing")
def changing(customer: dict[str, str]) -> Flow[dict[str, str]]:
    yield from step("greet", work, customer)
    customer["name"] = customer["name"].upper()
    found: dict[str, str] = yield from step("find", work, customer)
    found.pop("secret")
    return found


@workflow("testing-round")
def round_of(number: int) -> Flow[str]:
    charge = yield from step("charge", work, number, once=True)
    yield from publish("state", {"charged": charge})
    if (yield from patched("parcels")):
        yield from child(parcel, charge)
    started = yield from start(parcel, "later")
    yield from signal(started, "hurry", number)
    payment = yield from wait("payment", str, key=f"order-{number}")
    if payment == "last":
        return "over"
    return (yield from continue_as_new(number + 1))


@workflow("testing-asking")
def asking(who: str) -> Flow[str]:
    url = yield from callback("approval", text="May we?")
    yield from step("mail", work, who, url)
    return (yield from wait("approval", str))


@workflow("testing-parcel")
def parcel(content: str) -> Flow[str]:
    return (yield from step("pack", work, content))
