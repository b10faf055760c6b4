"""A simulation journals what the scheduler journals: the same workflow, in memory and on PostgreSQL."""

from __future__ import annotations

import threading
from typing import Any

from dataflows import (
    CannotStore,
    Flow,
    Retry,
    StepTimeout,
    current_attempt,
    gather,
    race,
    sleep,
    step,
    wait,
    workflow,
)
from interpreter import Scheduler
from interpreter.codec import Encoded, describe
from interpreter.machine import Entry, Started
from interpreter.store.rows import to_row
from interpreter.testing import NEVER, REAL, simulate
from tests.testing.shop import OutOfStock


def unsteady(number: int) -> str:
    if current_attempt().number < number:
        raise OSError(f"attempt {current_attempt().number}")
    return f"attempt {current_attempt().number}"


async def ship(order_id: str) -> str:
    raise OutOfStock(f"no {order_id}")


def a_lock() -> Any:
    return threading.Lock()


def hang(hung: list[int]) -> None:
    threading.Event().wait(30)


@workflow("kit-twin", retry=Retry(attempts=3, first=0.01))
def everything(order_id: str) -> Flow[Any]:
    """Steps that fail, hang, and come to what cannot be stored; timers, signals, branches; and a cleanup."""
    seen: list[Any] = [(yield from step("unsteady", unsteady, 3))]
    try:
        yield from step("ship", ship, order_id)
    except OutOfStock as error:
        seen.append(str(error))
    try:
        yield from step("lock", a_lock)
    except CannotStore as error:
        seen.append(str(error))
    try:
        yield from step("hang", hang, [1], timeout=0.05, retry=Retry(attempts=1))
    except StepTimeout as error:
        seen.append(str(error))
    seen.append((yield from wait("address", str)))
    seen.append((yield from wait("late", timeout=0.02, default="nobody")))
    first = yield from race(short=sleep("short", 0.02), long=cleaned_up(seen))
    seen.append(first.name)
    yield from gather(sleep("a", 0.01), sleep("b", 0.1))
    return seen


def cleaned_up(seen: list[Any]) -> Flow[None]:
    try:
        yield from sleep("long", "1d")
    finally:
        seen.append((yield from step("clean", unsteady, 1)))


def test_a_simulation_and_a_scheduler_journal_the_same(database: str) -> None:
    simulation = simulate(
        everything, "A-1", otherwise=REAL, steps={"hang": NEVER}, signals=[("address", "Main Street 1")]
    )
    with Scheduler(database, grace=0.05) as scheduler:
        handle = scheduler.start(everything, "A-1", id="twin")
        handle.signal("address", "Main Street 1")
        assert handle.result(timeout=60) == simulation.result
        live = [
            (entry.kind, entry.position, entry.name, entry.branch, entry.ok, entry.text)
            for entry in handle.history()
            if entry.kind not in {"started", "signal"}
        ]
    simulated = [as_row(entry) for entry in simulation.journal if not isinstance(entry.fact, Started)]
    assert [row for row in simulated if row[0] != "signal"] == live
    assert len(live) == 13


def as_row(entry: Entry) -> tuple[Any, ...]:
    row = to_row(entry.fact)
    text = "" if row.encoding is None else describe(Encoded(row.encoding, row.data or b""))
    return row.kind, row.position, row.name, row.branch, row.ok, text
