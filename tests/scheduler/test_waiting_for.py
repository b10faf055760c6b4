"""Of a suspended execution the database knows for which signals it waits, for whoever sends one."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dataflows import Flow, gather, sleep, step, wait, workflow
from interpreter import Client, Scheduler
from tests.waiting import eventually

RELEASED = threading.Event()


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    RELEASED.clear()
    yield
    RELEASED.set()


@workflow("waiting for/one after the other")
def one_after_the_other(key: str) -> Flow[str]:
    yield from gather(wait("veto"), wait("approval"), wait("approval"), wait("payment", key=key))
    yield from sleep("a while", "1h")
    return "done"


@workflow("waiting for/many")
def many(number: int) -> Flow[None]:
    yield from gather(*(wait(f"name {each}") for each in range(number)))


@workflow("waiting for/step")
def in_a_step() -> Flow[None]:
    yield from gather(wait("approval"), step("hold", RELEASED.wait, 20))


def test_it_waits_for_each_name_once_and_for_none_when_it_sleeps(scheduler: Scheduler, client: Client, id: str) -> None:
    handle = scheduler.start(one_after_the_other, id, id=id)
    eventually(lambda: client.describe(id).waits_for == ["approval", "veto"])
    assert client.list(limit=1)[0].waits_for == ["approval", "veto"]
    handle.signal("approval")
    handle.signal("veto")
    eventually(lambda: client.describe(id).waits_for == ["approval"])
    handle.signal("approval")
    eventually(lambda: client.describe(id).waits_for == [])
    client.emit("payment", key=id)
    eventually(lambda: any(entry.kind == "signal" and entry.branch for entry in client.history(id)))
    eventually(lambda: client.describe(id).waits_for == [])
    handle.terminate()
    assert client.describe(id).waits_for is None


def test_of_one_that_runs_it_is_not_known(scheduler: Scheduler, client: Client, id: str) -> None:
    scheduler.start(in_a_step, id=id)
    eventually(lambda: client.describe(id).status == "running")
    assert client.describe(id).waits_for is None


def test_of_too_many_none_is_noted(scheduler: Scheduler, client: Client, id: str) -> None:
    for number, noted in ((50, 50), (51, None)):
        scheduler.start(many, number, id=f"{id}-{number}")
        eventually(lambda number=number: client.describe(f"{id}-{number}").status == "suspended")  # type: ignore[misc]
        names = client.describe(f"{id}-{number}").waits_for
        assert (None if names is None else len(names)) == noted
