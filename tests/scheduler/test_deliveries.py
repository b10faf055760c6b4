"""Deliveries to executions: each is offered once to each workflow with a trigger, whoever routes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import Connection

from dataflows import Event, Flow, NotFound, Trigger, on, sleep, wait, workflow
from dataflows.connectors.sources import Received, identifier
from interpreter import Client, Scheduler
from interpreter.operations import Stored, new_delivery, store_deliveries
from tests.databases import opened
from tests.scheduler.conftest import Told
from tests.waiting import eventually

SOURCE = "warehouse"


@workflow("deliveries/stored", trigger=Trigger(SOURCE, "stored"))
def stored(event: Event) -> Flow[Any]:
    yield from sleep("nothing", 0)
    return event.data


@workflow("deliveries/counted", trigger=[Trigger(SOURCE, "stored"), Trigger(SOURCE, "counted")])
def counted(event: Event) -> Flow[str]:
    yield from sleep("nothing", 0)
    return event.type


@workflow("deliveries/versioned", trigger=Trigger(SOURCE, "old"))
def versioned(event: Event) -> Flow[int]:
    yield from sleep("nothing", 0)
    return 1


@workflow("deliveries/versioned", version=2, trigger=Trigger(SOURCE, "versioned"))
def versioned_anew(event: Event) -> Flow[int]:
    yield from sleep("nothing", 0)
    return 2


@workflow("deliveries/emitted", trigger=on("deliveries.emitted"))
def emitted(event: Event) -> Flow[Any]:
    yield from sleep("nothing", 0)
    return [event.source, event.subject, event.data]


@workflow("deliveries/awaiting")
def awaiting(key: str) -> Flow[Any]:
    event: Event = yield from wait("stored", key=key)
    return event.data


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def sql(database: str) -> Iterator[Connection[Any]]:
    with opened(database) as connection:
        yield connection


@pytest.fixture
def serve(database: str) -> Iterator[Callable[..., Scheduler]]:
    """Opens schedulers of these workflows; they are closed with the test."""
    with ExitStack() as stack:

        def open_one(*workflows: Any, **settings: Any) -> Scheduler:
            return stack.enter_context(Scheduler(database, workflows=workflows, grace=1, **settings))

        yield open_one


def event(id: str, type: str = "stored", subject: str | None = None, data: Any = None) -> Event:
    return Event(id, f"/{SOURCE}", type, data, subject)


def deliver(client: Client, *events: Event, body: bytes = b"{}", id: str | None = None) -> Stored:
    """One delivery of these events."""
    keys = tuple(each.id for each in events)
    received = Received(id or keys[0], events, keys)
    [outcome] = client._perform(store_deliveries([new_delivery(SOURCE, received, body)]))
    return outcome


def result(client: Client, workflow: str, id: str, *round: str) -> Any:
    execution_id = identifier(f"deliveries/{workflow}", SOURCE, id, *round)
    eventually(lambda: any(each.id == execution_id for each in client.list(limit=500)))
    return client.result(execution_id, "20s")


def routed(client: Client, id: str) -> int:
    """How many executions it has started, when every trigger has been asked."""
    eventually(lambda: (found := client.describe_delivery(SOURCE, id)).routed_at and not found.offered)
    return client.describe_delivery(SOURCE, id).starts


def test_an_event_starts_each_workflow_that_has_a_trigger_on_it_and_no_other(
    client: Client, serve: Callable[..., Scheduler]
) -> None:
    serve(stored, counted, awaiting)
    assert deliver(client, event("1", data={"at": "shelf 7"})) is Stored.ACCEPTED
    assert deliver(client, event("2", "counted")) is Stored.ACCEPTED
    assert deliver(client, event("3", "moved")) is Stored.ACCEPTED
    assert result(client, "stored", "1") == {"at": "shelf 7"}
    assert (result(client, "counted", "1"), result(client, "counted", "2")) == ("stored", "counted")
    assert [routed(client, id) for id in "123"] == [2, 1, 0]
    assert len(client.list()) == 3


def test_schedulers_that_serve_different_workflows_settle_nothing_of_each_others(
    client: Client, serve: Callable[..., Scheduler], database: str
) -> None:
    with Scheduler(database, workflows=[counted], grace=1):
        pass  # it is known from now on, and away
    serve(stored)
    deliver(client, event("1"))
    assert result(client, "stored", "1") is None
    assert client.describe_delivery(SOURCE, "1").offered == ("deliveries/counted",)
    serve(counted)
    assert result(client, "counted", "1") == "stored"
    assert routed(client, "1") == 2


def test_what_comes_before_any_scheduler_does_waits_for_one(client: Client, serve: Callable[..., Scheduler]) -> None:
    deliver(client, event("1"))
    assert client.describe_delivery(SOURCE, "1").routed_at is None
    serve(stored)
    assert result(client, "stored", "1") is None


def test_several_schedulers_start_one_execution_of_each_event(
    client: Client, serve: Callable[..., Scheduler], sql: Connection[Any]
) -> None:
    for _ in range(3):
        serve(stored, counted)
    ids = [f"{number:03}" for number in range(200)]
    for id in ids:
        deliver(client, event(id))
    assert [routed(client, id) for id in ids] == [2] * len(ids)
    query = "SELECT workflow, count(*) FROM dataflows.executions GROUP BY workflow ORDER BY workflow"
    assert sql.execute(query).fetchall() == [("deliveries/counted", 200), ("deliveries/stored", 200)]


def test_an_event_that_comes_alone_and_in_a_batch_starts_one_execution(
    client: Client, serve: Callable[..., Scheduler]
) -> None:
    serve(stored, counted)
    deliver(client, event("1"))
    assert routed(client, "1") == 2
    deliver(client, event("1"), event("2"), event("3", "counted"), id="batch")
    assert routed(client, "batch") == 3
    assert len(client.list()) == 5


def test_the_newest_version_that_is_served_is_asked_and_started(
    client: Client, serve: Callable[..., Scheduler]
) -> None:
    serve(versioned, versioned_anew)
    deliver(client, event("1", "versioned"))
    deliver(client, event("2", "old"))
    assert result(client, "versioned", "1") == 2
    assert routed(client, "2") == 0


def test_who_waits_by_key_is_woken_also_where_no_workflow_has_a_trigger(
    client: Client, serve: Callable[..., Scheduler], sql: Connection[Any]
) -> None:
    serve(awaiting)
    first, second = client.start(awaiting, "shelf/7"), client.start(awaiting, "shelf/8")
    waiting = "SELECT count(*) FROM dataflows.subscriptions"
    eventually(lambda: sql.execute(waiting).fetchone() == (2,))
    deliver(client, event("1", subject="shelf/7", data=7))
    assert first.result("20s") == 7
    deliver(client, event("2", data="of no subject"), event("3", subject="shelf/8", data=8), id="batch")
    assert second.result("20s") == 8


def test_an_event_that_came_before_the_wait_is_kept_for_it(client: Client, serve: Callable[..., Scheduler]) -> None:
    scheduler = serve(awaiting)
    deliver(client, event("1", subject="shelf/7", data=7))
    assert scheduler.run(awaiting, "shelf/7") == 7


def test_a_replay_starts_what_was_not_started_and_anew_it_starts_everything(
    client: Client, serve: Callable[..., Scheduler]
) -> None:
    serve(stored)
    deliver(client, event("1"))
    assert routed(client, "1") == 1
    serve(counted)
    client.replay_delivery(SOURCE, "1")
    assert result(client, "counted", "1") == "stored"
    assert routed(client, "1") == 2
    client.replay_delivery(SOURCE, "1", anew=True)
    assert result(client, "stored", "1", "again", "1") is None
    assert routed(client, "1") == 4
    with pytest.raises(NotFound, match="deliveries list"):
        client.replay_delivery(SOURCE, "2")


def test_an_emitted_event_starts_what_has_a_trigger_on_it_with_any_value_once_an_id(
    client: Client, serve: Callable[..., Scheduler], sql: Connection[Any]
) -> None:
    serve(emitted)
    payload = {"tuple": (1, 2), "moment": datetime(2026, 1, 1, tzinfo=UTC)}
    for _ in range(2):
        assert client.emit("deliveries.emitted", payload, key="7", id="once") == 0
    execution_id = identifier("deliveries/emitted", key=identifier("events", "deliveries.emitted", "7", "once"))
    eventually(lambda: client.list(workflow="deliveries/emitted"))
    assert client.result(execution_id, "20s") == ["/events", "7", payload]
    assert len(client.list()) == 1
    client.emit("deliveries.other", payload, key="7")
    assert sql.execute("SELECT count(*) FROM dataflows.deliveries").fetchone() == (1,)  # what starts nothing costs none


def test_what_was_emitted_with_a_class_that_is_gone_starts_nothing_and_is_told(
    client: Client, serve: Callable[..., Scheduler], sql: Connection[Any], told: Told
) -> None:
    serve(emitted, on_event=told)
    sql.execute(
        "INSERT INTO dataflows.deliveries (source, id, digest, events, type, subject, encoding, data, received_at) "
        "VALUES ('events', '1', '', 1, 'deliveries.emitted', '7', 'dill', 'no pickle', now())"
    )
    eventually(lambda: "trigger-failed" in told.events)
    client.emit("deliveries.emitted", 1, key="8", id="1")
    eventually(lambda: client.list(workflow="deliveries/emitted"))
    assert len(client.list()) == 1


def test_a_trigger_that_raises_wants_nothing_and_is_told(
    serve: Callable[..., Scheduler], client: Client, told: Told
) -> None:
    serve(picky, stored, on_event=told)
    deliver(client, event("1"))
    assert result(client, "stored", "1") is None
    assert routed(client, "1") == 1
    [details] = [details for name, details in told if name == "trigger-failed"]
    assert (details["workflow"], details["delivery"], type(details["error"])) == ("deliveries/picky", "1", TypeError)


@workflow("deliveries/picky", trigger=Trigger(SOURCE, "stored").when(lambda event: event.data["at"] == "shelf 7"))
def picky(event: Event) -> Flow[None]:
    yield from sleep("nothing", 0)


def test_deliveries_are_listed_newest_first_page_by_page(client: Client, serve: Callable[..., Scheduler]) -> None:
    serve(stored)
    for number in range(7):
        deliver(client, event(str(number), "stored" if number % 2 else "moved"))
    ids = "6543210"
    assert "".join(each.id for each in client.list_deliveries()) == ids
    page = client.list_deliveries(limit=3)
    found = [each.id for each in page]
    while page := client.list_deliveries(limit=3, before=page[-1]):
        found += [each.id for each in page]
    assert "".join(found) == ids
    eventually(lambda: all(routed(client, id) == int(id) % 2 for id in ids))
    assert "".join(each.id for each in client.list_deliveries(started=True)) == "531"
    assert "".join(each.id for each in client.list_deliveries(started=False, source=SOURCE)) == "6420"
    assert client.list_deliveries(source="another") == []
    with pytest.raises(ValueError, match="1 to 1,000"):
        client.list_deliveries(limit=0)


def test_old_deliveries_are_purged_but_none_of_the_last_week_and_none_that_is_not_routed(
    client: Client, serve: Callable[..., Scheduler], sql: Connection[Any]
) -> None:
    serve(stored)
    for id in "12":
        deliver(client, event(id))
        assert routed(client, id) == 1
    sql.execute("UPDATE dataflows.deliveries SET received_at = received_at - interval '8 days' WHERE id = '1'")
    client.purge(older_than="1d", workflow="another")
    assert len(client.list_deliveries()) == 2
    client.purge(older_than="0s")
    assert [each.id for each in client.list_deliveries()] == ["2"]
    assert deliver(client, event("2")) is Stored.DUPLICATE


def test_a_group_is_stored_in_one_commit_and_each_is_told_what_became_of_it(
    client: Client, sql: Connection[Any]
) -> None:
    def made(id: int, body: bytes) -> Any:
        return new_delivery(SOURCE, Received(str(id), (event(str(id)),), (str(id),)), body)

    group = [made(id, b"first") for id in (3, 1, 2)]
    assert client._perform(store_deliveries(group)) == [Stored.ACCEPTED] * 3
    again = [made(1, b"first"), made(2, b"second"), made(4, b"first")]
    assert client._perform(store_deliveries(again)) == [Stored.DUPLICATE, Stored.CONFLICT, Stored.ACCEPTED]
    assert sql.execute(
        "SELECT count(DISTINCT xmin::text) FROM dataflows.deliveries WHERE conflicts = 0"
    ).fetchone() == (2,)
    arrived = sql.execute("SELECT id FROM dataflows.deliveries ORDER BY received_at").fetchall()
    assert arrived == [(str(id),) for id in (3, 1, 2, 4)]


def test_a_lock_that_somebody_keeps_does_not_keep_who_routes_from_closing(
    serve: Callable[..., Scheduler], database: str, sql: Connection[Any]
) -> None:
    scheduler = serve(stored)
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dataflows router' AND wait_event_type = 'Lock'"
    )
    with ThreadPoolExecutor(1) as pool, opened(database) as keeper:
        keeper.execute("BEGIN; LOCK TABLE dataflows.deliveries, dataflows.offers")
        scheduler._host._router.hint()
        eventually(lambda: sql.execute(waits).fetchone() == (1,))
        pool.submit(scheduler._close).result(20)
