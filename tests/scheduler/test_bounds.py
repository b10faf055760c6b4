"""How much runs at once, how much is held, and that nobody takes all of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from dataflows import Flow, gather, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.databases import opened
from tests.store.desk import one
from tests.waiting import eventually


class Crowd:
    """Counts who is inside at once; those inside stay until they are released."""

    def __init__(self) -> None:
        self.most = self.inside = 0
        self.released = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            yield
        finally:
            with self._lock:
                self.inside -= 1

    def enter(self) -> int:
        with self._entered():
            self.released.wait(20)
        return self.most

    async def enter_async(self) -> int:
        with self._entered():
            while not self.released.is_set():
                await asyncio.sleep(0.005)
        return self.most


CROWDS: dict[str, Crowd] = {}


def enter(name: str) -> int:
    return CROWDS[name].enter()


async def enter_async(name: str) -> int:
    return await CROWDS[name].enter_async()


@workflow("bounds/many")
def many(name: str, number: int, kind: str) -> Flow[int]:
    fn = enter_async if kind == "async" else enter
    on = "pool" if kind == "executor" else None
    return max((yield from gather(*(step("enter", fn, name, on=on) for _ in range(number)))))


@workflow("bounds/one")
def one_step() -> Flow[str]:
    return (yield from step("quick", lambda: "quick"))


@workflow("bounds/endless")
def endless() -> Flow[None]:
    while True:
        yield from step("instant", int)


@workflow("bounds/busy and then waiting")
def busy(name: str) -> Flow[int]:
    entered = yield from step("enter", enter, name)
    yield from wait("go")
    return entered


@pytest.fixture
def crowd(id: str) -> Crowd:
    return CROWDS.setdefault(id, Crowd())


# Steps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["thread", "async", "executor"])
def test_so_many_steps_run_at_once_and_no_more(
    new_scheduler: Callable[..., Scheduler], id: str, crowd: Crowd, kind: str
) -> None:
    with ThreadPoolExecutor(8) as pool, new_scheduler(concurrency=3, executors={"pool": pool}) as scheduler:
        handles = [scheduler.start(many, id, 5, kind) for _ in range(2)]
        eventually(lambda: crowd.inside == 3)
        crowd.released.set()
        for handle in handles:
            handle.result()
    assert crowd.most == 3


def test_steps_of_all_kinds_share_the_room(new_scheduler: Callable[..., Scheduler], id: str, crowd: Crowd) -> None:
    with ThreadPoolExecutor(8) as pool, new_scheduler(concurrency=4, executors={"pool": pool}) as scheduler:
        handles = [scheduler.start(many, id, 3, kind) for kind in ("thread", "async", "executor")]
        eventually(lambda: crowd.inside == 4)
        crowd.released.set()
        for handle in handles:
            handle.result()
    assert crowd.most == 4


def test_every_free_place_is_taken_even_by_steps_that_come_one_by_one(
    new_scheduler: Callable[..., Scheduler], id: str, crowd: Crowd
) -> None:
    with new_scheduler(concurrency=6) as scheduler:
        for _ in range(20):
            scheduler.run(one_step)  # now there is an idle thread
        handles = [scheduler.start(many, id, 1, "thread") for _ in range(6)]
        eventually(lambda: crowd.inside == 6)
        crowd.released.set()
        for handle in handles:
            handle.result()


def test_endless_instant_steps_leave_a_share_to_others(new_scheduler: Callable[..., Scheduler]) -> None:
    with new_scheduler(concurrency=2) as scheduler:
        for _ in range(4):
            scheduler.start(endless)
        assert [scheduler.start(one_step).result(20) for _ in range(5)] == ["quick"] * 5


# Executions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["scheduler", "client"])
def test_so_many_executions_are_held_and_the_others_wait_their_turn(
    new_database: Callable[[], str], id: str, crowd: Crowd, door: str
) -> None:
    database = new_database()
    with Scheduler(database, holding=3, concurrency=8) as scheduler, Client(database) as client:
        verbs: Any = scheduler if door == "scheduler" else client
        with ThreadPoolExecutor(10) as threads:
            handles = list(threads.map(lambda _: verbs.start(busy, id), range(10)))
        eventually(lambda: crowd.inside == 3)
        with opened(database) as connection:
            assert one(connection, "SELECT count(*) FROM dataflows.executions WHERE status = 'running'") == 3
        crowd.released.set()
        eventually(lambda: {handle.status() for handle in handles} == {Status.SUSPENDED})
        for handle in handles:
            handle.signal("go")
        for handle in handles:
            handle.result()
    assert crowd.most == 3


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"concurrency": 0}, "concurrency"),
        ({"holding": 0}, "holding"),
        ({"deaths": 0}, "deaths"),
        ({"lease": 0.1}, "lease"),
        ({"grace": "soon"}, "not a duration"),
        ({"drive_limit": -1}, "negative"),
    ],
)
def test_a_setting_out_of_range_is_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Scheduler(**settings)
