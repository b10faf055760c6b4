"""Parents and children of several kinds, and what the database says of them."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dataflows import Cancelled, Flow, Retry, child, gather, race, sleep, start, step, wait, workflow
from dataflows.workflow import registry
from tests.databases import opened

__all__ = [
    "LOCK",
    "RAN",
    "Parcel",
    "asks",
    "asks_twice",
    "cleans_up",
    "counts",
    "endless",
    "fails",
    "flaky",
    "gives_a_lock",
    "grandparent",
    "in_a_race",
    "keeps_going",
    "mends",
    "of_an_executor",
    "of_another",
    "parent",
    "parents",
    "sends_off",
    "sends_off_and_waits",
    "told",
    "twice_the_same",
    "waits_first",
]

RAN: Counter[tuple[str, str]] = Counter()
"""Whose step of which name ran how often."""

LOCK: Any = threading.Lock()
"""What cannot be stored."""


@dataclass
class Parcel:
    """A value of an own type."""

    weight: float
    lifetime: timedelta


class OutOfStock(Exception):
    """An error of an own type."""


def note(id: str, name: str) -> str:
    RAN[id, name] += 1
    return name


@workflow("family/counts", retry=Retry(attempts=1))
def counts(id: str, number: int) -> Flow[int]:
    yield from step("count", note, id, str(number))
    return number


@workflow("family/asks")
def asks(id: str) -> Flow[Any]:
    yield from step("ask", note, id, "ask")
    return (yield from wait("answer"))


def fail_twice(id: str) -> int:
    RAN[id, "flaky"] += 1
    if RAN[id, "flaky"] < 3:
        raise ConnectionError("not yet")
    return RAN[id, "flaky"]


def fail_first(id: str) -> str:
    RAN[id, "mend"] += 1
    if RAN[id, "mend"] == 1:
        raise OutOfStock("for now")
    return "mended"


@workflow("family/mends", retry=Retry(attempts=1))
def mends(id: str) -> Flow[str]:
    return (yield from step("mend", fail_first, id))


@workflow("family/flaky", retry=Retry(attempts=3, first=0.01))
def flaky(id: str) -> Flow[int]:
    return (yield from step("flaky", fail_twice, id))


@workflow("family/fails")
def fails(what: str) -> Flow[None]:
    yield from sleep("a moment", 0)
    raise OutOfStock(what)


@workflow("family/packs")
def packs(weight: float) -> Flow[Parcel]:
    yield from sleep("a moment", 0)
    return Parcel(weight, timedelta(days=2))


@workflow("family/cleans up")
def cleans_up(id: str) -> Flow[str]:
    try:
        return (yield from wait("answer"))
    except Cancelled:
        yield from sleep("a while", 0.1)
        yield from step("clean up", note, id, "clean up")
        raise


@workflow("family/keeps going")
def keeps_going(id: str) -> Flow[str]:
    try:
        return (yield from wait("answer"))
    except Cancelled:
        yield from step("refuse", note, id, "refuse")
        return "all the same"


@workflow("family/of an executor")
def of_an_executor() -> Flow[int]:
    return (yield from step("count", len, "four", on="far away"))


@workflow("family/parent")
def parent(of: str, *args: Any) -> Flow[Any]:
    """Waits for one child of that workflow."""
    return (yield from child(registry.find(of), *args))


@workflow("family/grandparent")
def grandparent(of: str, *args: Any) -> Flow[Any]:
    return (yield from child(parent, of, *args))


@workflow("family/parents")
def parents(id: str, number: int) -> Flow[list[int]]:
    """Has so many children at once."""
    return list((yield from gather(*[child(counts, id, index) for index in range(number)])))


@workflow("family/waits first")
def waits_first(of: str, *args: Any) -> Flow[Any]:
    yield from wait("go")
    return (yield from child(registry.find(of), *args))


@workflow("family/endless")
def endless(depth: int) -> Flow[int]:
    """Its child is as it is."""
    return (yield from child(endless, depth + 1))


@workflow("family/of another")
def of_another(of: str, id: str) -> Flow[Any]:
    """A child under an id that is given."""
    return (yield from child(registry.find(of), "any", id=id))


@workflow("family/twice the same")
def twice_the_same(id: str) -> Flow[Any]:
    first = yield from child(counts, id, 1, id=f"{id}/own")
    return first, (yield from child(counts, id, 1, id=f"{id}/own"))


@workflow("family/in a race")
def in_a_race(id: str) -> Flow[Any]:
    return (yield from race(child=child(asks, id), timer=sleep("long", 60)))


@workflow("family/asks twice")
def asks_twice(id: str) -> Flow[Any]:
    return (yield from gather(child(asks, id, id=f"{id}/a"), child(asks, id, id=f"{id}/b")))


@workflow("family/gives a lock")
def gives_a_lock() -> Flow[Any]:
    return (yield from child(counts, "any", LOCK))


@workflow("family/sends off and waits")
def sends_off_and_waits(id: str) -> Flow[Any]:
    yield from start(asks, id)
    return (yield from wait("answer"))


@workflow("family/sends off")
def sends_off(of: str, id: str | None, *args: Any) -> Flow[tuple[str, str]]:
    first = yield from start(registry.find(of), *args, id=id)
    return first, (yield from start(registry.find(of), *args, id=first))


def told(database: str, query: str, *parameters: object) -> list[Any]:
    with opened(database) as connection:
        return connection.execute(query.encode(), parameters).fetchall()
