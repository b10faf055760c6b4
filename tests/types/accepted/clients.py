"""What starting a workflow takes and what its handle answers, in plain code and in asyncio's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from dataflows import Event, Flow, Trigger, every, sleep, workflow
from interpreter import (
    AsyncHandle,
    Client,
    Delivered,
    Execution,
    Handle,
    HistoryEntry,
    Scheduler,
    Status,
    WorkflowSchedule,
)


@workflow("order")
def order_workflow(order: int, address: str, express: bool = False) -> Flow[str]:
    yield from sleep("no hurry", 0 if express else 60)
    return f"{order} to {address}"


@workflow("on-order", trigger=Trigger("shop", "order.created"))
def on_order(event: Event) -> Flow[None]:
    yield from sleep("no hurry", 60)


def starting_with_a_client(event: Event) -> None:
    with Client("postgresql:///orders") as client:
        handle = client.start(order_workflow, 7, "here", id="order-7", delay=timedelta(hours=1), tags={"kind": "book"})
        assert_type(handle, Handle[str])
        assert_type(client.start(order_workflow, 7, "here", True, version=1), Handle[str])
        assert_type(client.start(on_order, event, id=event.id), Handle[None])
        signalled = client.start_with_signal(
            order_workflow, 7, "here", id="order-7", signal="paid", payload={"by": "Ada"}
        )
        assert_type(signalled, Handle[str])
        assert_type(client.handle("order-7"), Handle[Any])


def starting_in_a_scheduler() -> None:
    with Scheduler(concurrency=4, workflows=[order_workflow, on_order], lease="5s") as scheduler:
        assert_type(scheduler.start(order_workflow, 7, "here", id="order-7"), Handle[str])
        assert_type(scheduler.run(order_workflow, 7, "here"), str)


def asking_a_handle(handle: Handle[str]) -> None:
    assert_type(handle.id, str)
    assert_type(handle.result(), str)
    assert_type(handle.result(timeout="1h"), str)
    assert_type(handle.status(), Status)
    assert_type(handle.describe(), Execution)
    assert_type(handle.history(), list[HistoryEntry])
    assert_type(handle.signal("approval", {"by": "Ada"}, id="approval-1"), bool)
    assert_type(handle.cancel(), bool)
    assert_type(handle.terminate(), int)
    assert_type(handle.pause(), bool)
    assert_type(handle.resume(), bool)
    assert_type(handle.retry("3.0.2"), bool)
    assert_type(handle.fork("3.0.2", id="order-7-again"), str)
    assert_type(handle.delete(), bool)


def asking_by_id(client: Client) -> None:
    assert_type(client.result("order-7", timeout=5), Any)
    assert_type(client.status("order-7"), Status)
    assert_type(client.signal("order-7", "approval", {"by": "Ada"}), bool)
    assert_type(client.emit("paid", {"amount": 3}, key="order-7", id="payment-1", keep="1h"), int)
    assert_type(client.in_bulk("pause", workflow="order", status=Status.SUSPENDED, dry_run=True, tell=print), int)
    assert_type(client.list_schedules("order"), list[WorkflowSchedule])
    assert_type(client.pause_schedule("order", every("15m")), bool)
    assert_type(client.resume_schedule("order", "every 15m"), bool)
    assert_type(client.trigger_schedule("order", id="by-hand"), str)
    assert_type(client.backfill("order", datetime(2026, 1, 1, tzinfo=UTC), dry_run=True, tell=print), int)
    assert_type(client.delete_schedule("order"), bool)
    assert_type(client.list_deliveries(source="shop", started=False, limit=10), list[Delivered])
    assert_type(client.describe_delivery("shop", "shop:7"), Delivered)
    assert_type(client.replay_delivery("shop", "shop:7", anew=True), None)
    assert_type(client.list(status=Status.SUSPENDED, tags={"kind": "book"}, limit=10), list[Execution])


async def starting_from_asyncio() -> None:
    async with Client() as client:
        assert_type(await client.start(order_workflow, 7, "here", id="order-7"), AsyncHandle[str])
        assert_type(await client.status("order-7"), Status)
    async with Scheduler() as scheduler:
        assert_type(await scheduler.run(order_workflow, 7, "here"), str)


async def asking_a_handle_from_asyncio(handle: AsyncHandle[str]) -> None:
    assert_type(await handle.result(timeout="1h"), str)
    assert_type(await handle.history(), list[HistoryEntry])
    assert_type(await handle.signal("approval", {"by": "Ada"}), bool)
