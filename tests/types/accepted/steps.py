"""What a step answers, for every kind of function that can be one."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from typing import Any, assert_type

from psycopg import Connection

from dataflows import Flow, Retry, defer, step, transaction


def fetch(id: int) -> dict[str, str]:
    return {"id": str(id)}


async def fetch_async(id: int) -> dict[str, str]:
    return {"id": str(id)}


def fetch_later(id: int) -> Awaitable[dict[str, str]]:
    return fetch_async(id)


def compose(left: str, right: int, separator: bytes = b"", *, upper: bool = False) -> str:
    return f"{left}{separator!r}{right}{upper}"


def total(*numbers: int) -> int:
    return sum(numbers)


def first(items: list[str]) -> str:
    return items[0]


def nothing() -> None:
    return None


def move(connection: Connection[Any], amount: int, note: str = "") -> int:
    connection.execute("UPDATE accounts SET balance = balance - %s", [amount])
    return amount


def count(connection: Connection[Any]) -> tuple[int, str]:
    return 1, str(connection)


class Shop:
    def price(self, article: str) -> float:
        return float(len(article))

    async def reserve(self, article: str, count: int) -> bool:
        return count > len(article)

    @classmethod
    def named(cls, name: str) -> Shop:
        return cls()

    @staticmethod
    def currency() -> str:
        return "EUR"


class Order:
    def __init__(self, number: int) -> None:
        self.number = number


def functions() -> Flow[None]:
    item = yield from step("fetch-item", fetch, 42)
    assert_type(item, dict[str, str])
    assert_type((yield from step("fetch-item", fetch_async, 42)), dict[str, str])
    assert_type((yield from step("fetch-item", fetch_later, 42)), dict[str, str])
    assert_type((yield from step("nothing", nothing)), None)
    assert_type((yield from step("total", total, 1, 2, 3)), int)
    assert_type((yield from step("first", first, ["a", "b"])), str)


def parameters_with_defaults() -> Flow[None]:
    assert_type((yield from step("compose", compose, "a", 1, b"-")), str)
    assert_type((yield from step("compose", compose, "a", 1)), str)


def methods_and_classes(shop: Shop) -> Flow[None]:
    assert_type((yield from step("price", shop.price, "spoon")), float)
    assert_type((yield from step("reserve", shop.reserve, "spoon", 3)), bool)
    assert_type((yield from step("named", Shop.named, "corner")), Shop)
    assert_type((yield from step("currency", Shop.currency)), str)
    assert_type((yield from step("order", Order, 7)), Order)


def keyword_arguments_go_by_partial() -> Flow[None]:
    assert_type((yield from step("compose", functools.partial(compose, "a", upper=True), 1, b"-")), str)
    assert_type((yield from step("compose", functools.partial(compose, "a", 1, upper=True))), str)
    assert_type((yield from step("reserve", functools.partial(Shop().reserve, count=3), "spoon")), bool)


def lambdas(shop: Shop) -> Flow[None]:
    assert_type((yield from step("price", lambda: shop.price("spoon"))), float)


def options() -> Flow[None]:
    policy = Retry(attempts=3, first="2s", within="1h", never=(KeyError,))
    assert_type((yield from step("fetch-item", fetch, 42, retry=policy, timeout="30s", on="processes")), dict[str, str])


def at_most_once() -> Flow[None]:
    assert_type((yield from step("fetch-item", fetch, 42, once=True, timeout="30s")), dict[str, str])
    assert_type((yield from step("fetch-item", fetch_async, 42, once=True)), dict[str, str])


def limits(shop: Shop) -> Flow[None]:
    assert_type((yield from step("fetch-item", fetch, 42, limit="clickup")), dict[str, str])
    assert_type((yield from step("fetch-item", fetch_async, 42, once=True, limit="clickup")), dict[str, str])
    assert_type((yield from defer("reserve", shop.reserve, "spoon", 3, limit="clickup")), None)


def transactions() -> Flow[None]:
    assert_type((yield from transaction("move", move, 5)), int)
    assert_type((yield from transaction("move", move, 5, "rent", retry=Retry(attempts=3))), int)
    assert_type((yield from transaction("count", count)), tuple[int, str])
    assert_type((yield from transaction("count", count, timeout="30s", limit="rows")), tuple[int, str])
    assert_type((yield from transaction("move", functools.partial(move, note="rent"), 5)), int)


def deferring(shop: Shop) -> Flow[None]:
    assert_type((yield from defer("fetch-item", fetch, 42)), None)
    assert_type((yield from defer("reserve", shop.reserve, "spoon", 3, retry=Retry(attempts=3), timeout="1m")), None)


def yielded_bare() -> Flow[None]:
    item = yield step("fetch-item", fetch, 42)
    assert_type(item, Any)
