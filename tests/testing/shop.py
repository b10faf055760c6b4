"""Workflows for the testing kit to work on. Their steps' functions reach for a world that no test has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dataflows import Flow, Retry, WaitTimeout, gather, race, sleep, step, wait, workflow
from dataflows.errors import PermanentError


class Declined(PermanentError):
    """The bank said no."""


class OutOfStock(PermanentError):
    """There is none left."""


@dataclass(frozen=True)
class Decision:
    by: str
    approved: bool = True


def _unreachable(*args: Any) -> Any:
    raise ConnectionError("a test has reached for the world")


def charge(order_id: str, amount: int) -> str:
    return str(_unreachable(order_id, amount))


def refund(charge_id: str) -> None:
    _unreachable(charge_id)


def ship(order_id: str) -> str:
    return str(_unreachable(order_id))


def ask(person: str) -> None:
    _unreachable(person)


@workflow("kit-order", retry=Retry(attempts=3, first="10s", factor=2, jitter=0))
def order(order_id: str, amount: int = 20) -> Flow[str]:
    """Charge, ship, and refund if it cannot be shipped."""
    charge_id = yield from step("charge", charge, order_id, amount, timeout="30s")
    try:
        return (yield from step("ship", ship, order_id))
    except OutOfStock:
        yield from step("refund", refund, charge_id)
        return "refunded"


@workflow("kit-mistaken-order")
def mistaken_order(order_id: str) -> Flow[str]:
    """Ships with an argument more than there is."""
    return (yield from step("ship", ship, order_id, "by air", timeout="30s"))  # type: ignore[call-overload, no-any-return]


@workflow("kit-careless-order")
def careless_order(order_id: str) -> Flow[str]:
    """As ``order``, but it waits for an address in between, and forgets that nobody may answer."""
    charge_id = yield from step("charge", charge, order_id, 20)
    address = yield from wait("address", str, timeout="7d")
    try:
        return (yield from step("ship", ship, address))
    except OutOfStock:
        yield from step("refund", refund, charge_id)
        return "refunded"


@workflow("kit-approval")
def approval(person: str, boss: str) -> Flow[Decision]:
    """Ask somebody, remind them after three days, and ask their boss after a week."""
    yield from step("ask", ask, person)
    try:
        return (yield from wait("decision", Decision, timeout="3d"))
    except WaitTimeout:
        yield from step("remind", ask, person)
    decision = yield from wait("decision", Decision, timeout="4d", default=None)
    if decision is None:
        yield from step("escalate", ask, boss)
        decision = yield from wait("decision", Decision)
    return decision


@workflow("kit-parcel")
def parcel(order_id: str) -> Flow[str]:
    """Two deliveries beside each other, and a deadline."""
    first = yield from race(delivered=both(order_id), late=sleep("late", "14d"))
    return "late" if first.name == "late" else str(first.value)


def both(order_id: str) -> Flow[str]:
    left, right = yield from gather(step("left", ship, order_id), step("right", ship, order_id))
    return f"{left} and {right}"
