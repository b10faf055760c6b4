"""An order is reserved, paid and shipped; if that fails or is cancelled anywhere, what was done is undone.

``python -m examples.order_saga`` runs three orders: one goes well, one is too dear, one is cancelled by its customer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dataflows import Flow, Retry, step, wait, workflow
from dataflows.recipes import Undo, saga
from examples.telling import new_id, tell, until_it_waits
from interpreter import Scheduler


class SoldOut(Exception):
    """There is not one left."""


class Declined(Exception):
    """The bank said no."""


@dataclass(frozen=True)
class Order:
    """Its id is what warehouse, bank and carrier know it by."""

    id: str
    article: str
    price: int


UNDOING = Retry(attempts=None, longest="1h")
"""What undoes something is not given up."""


@workflow("order-saga", retry=Retry(never=(SoldOut, Declined)))
def order_saga(order: Order) -> Flow[str]:
    """Buy, and say what became of it."""
    try:
        parcel = yield from saga(purchase, order)
    except (SoldOut, Declined) as error:
        return f"no deal: {type(error).__name__}"
    return f"shipped as {parcel}"


def purchase(undo: Undo, order: Order) -> Flow[str]:
    """What undoes a step is noted before it, and finds nothing to do if the step has done nothing."""
    undo(step("release", release, order, retry=UNDOING))
    yield from step("reserve", reserve, order)
    undo(step("refund", refund, order, retry=UNDOING))
    yield from step("charge", charge, order)
    yield from wait("packed")
    undo(step("recall", recall, order, retry=UNDOING))
    return (yield from step("ship", ship, order))


# What stands here for a warehouse, a bank and a carrier. Each goes by the order's id, so that asking twice is asking
# once: a step whose process dies before its outcome is journaled runs again.


@dataclass
class Shop:
    """What they have written down."""

    stock: dict[str, int] = field(default_factory=lambda: {"lamp": 2})
    reserved: dict[str, str] = field(default_factory=dict)
    charged: dict[str, int] = field(default_factory=dict)
    parcels: dict[str, str] = field(default_factory=dict)


SHOP = Shop()


def reserve(order: Order) -> None:
    """One of the stock is this order's."""
    if list(SHOP.reserved.values()).count(order.article) >= SHOP.stock.get(order.article, 0):
        raise SoldOut(order.article)
    SHOP.reserved[order.id] = order.article


def release(order: Order) -> None:
    """The stock is as it was."""
    SHOP.reserved.pop(order.id, None)


def charge(order: Order) -> None:
    """The money is there."""
    if order.price > 1_000:
        raise Declined(f"{order.price} is too much")
    SHOP.charged[order.id] = order.price


def refund(order: Order) -> None:
    """The money is back, if there was any."""
    SHOP.charged.pop(order.id, None)


def ship(order: Order) -> str:
    """It is on its way."""
    return SHOP.parcels.setdefault(order.id, f"parcel {len(SHOP.parcels) + 1}")


def recall(order: Order) -> None:
    """It is on its way back, if it was on its way."""
    SHOP.parcels.pop(order.id, None)


def main() -> None:
    """Three orders, and what the shop has in the end."""
    with Scheduler() as scheduler:
        good = scheduler.start(order_saga, Order(new_id(), "lamp", 30))
        good.signal("packed")
        tell("an order that goes well", good)
        tell("one that is too dear", scheduler.start(order_saga, Order(new_id(), "lamp", 5_000)))
        regretted = scheduler.start(order_saga, Order(new_id(), "lamp", 40))
        until_it_waits(regretted)
        regretted.cancel()
        tell("one that its customer cancels", regretted)
    print(f"charged {list(SHOP.charged.values())}, sent {list(SHOP.parcels.values())}")


if __name__ == "__main__":
    main()
