"""Between the moment that an execution counts as held and the moment that its machine stands where its journal does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from dataflows import Flow, sleep, step, wait, workflow
from interpreter import Client, Scheduler, Status
from interpreter.scheduler.held import Held
from interpreter.store import claims
from tests.databases import opened
from tests.waiting import eventually

Doings: TypeAlias = list[Callable[[str], object]]


def nothing() -> None:
    """A step that only has to be journaled."""


@workflow("taking-up/one-signal")
def one_signal() -> Flow[str]:
    yield from step("at first", nothing)
    payload = yield from wait("go", str)
    yield from step("then", nothing)
    yield from sleep("at last", 0.1)
    return payload


@workflow("taking-up/two-signals")
def two_signals() -> Flow[list[str]]:
    first = yield from wait("go", str)
    yield from step("between", nothing)
    return [first, (yield from wait("go", str))]


@pytest.fixture(params=[0, 1_000], ids=["no machine is cached", "machines are cached"])
def scheduler(database: str, request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    with Scheduler(database, cached=request.param, grace=1) as scheduler:
        yield scheduler


@pytest.fixture
def meanwhile(scheduler: Scheduler, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doings]:
    """Of all that comes to be held, what its inbox shows arrives before its journal does.

    What stands in this list is done before the inbox is read, with the execution's id.
    """
    doings: Doings = []
    driver = scheduler._engine._driver  # type: ignore[union-attr]
    hold = driver._hold

    def hold_and_look(held: Held) -> None:
        hold(held)
        for do in doings:
            do(held.id)
        driver.post(driver.arrivals.on_messages, *claims.read_inbox(sql, [held.id]))
        eventually(lambda: driver.is_idle)

    with opened(database) as sql:
        monkeypatch.setattr(driver, "_hold", hold_and_look)
        yield doings


def suspended(client: Client, id: str, entries: int) -> None:
    eventually(lambda: len(client.history(id)) == entries and client.describe(id).status is Status.SUSPENDED, 20)


@pytest.mark.usefixtures("meanwhile")
def test_a_look_at_its_inbox_that_comes_too_early_does_not_let_it_go(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    handle = scheduler.start(one_signal, id=id)
    suspended(client, id, entries=3)
    client.signal(id, "go", "on")
    assert handle.result(20) == "on"


def test_a_message_that_comes_meanwhile_is_journaled_once_and_in_its_place(
    scheduler: Scheduler, client: Client, id: str, meanwhile: Doings
) -> None:
    handle = scheduler.start(two_signals, id=id)
    suspended(client, id, entries=2)
    meanwhile.append(lambda id: client.signal(id, "go", "second", id="once"))
    client.signal(id, "go", "first")
    assert handle.result(20) == ["first", "second"]
    assert [entry.kind for entry in client.history(id)].count("signal") == 2


def test_a_pause_that_comes_meanwhile_is_obeyed_once_it_stands(
    scheduler: Scheduler, client: Client, id: str, meanwhile: Doings
) -> None:
    handle = scheduler.start(one_signal, id=id)
    suspended(client, id, entries=3)
    meanwhile.append(client.pause)
    client.signal(id, "go", "on")
    eventually(lambda: client.describe(id).paused and client.describe(id).status is Status.SUSPENDED, 20)
    meanwhile.clear()
    client.resume(id)
    assert handle.result(20) == "on"
