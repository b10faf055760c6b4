"""Deliveries over HTTP: what each is answered, and what it starts."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from anyio.from_thread import BlockingPortal

from dataflows.connectors.sources import identifier
from interpreter import Client
from interpreter.service import Limits, create_app
from tests.databases import opened
from tests.service.calling import Api, problem
from tests.service.hooks import SOURCES, body_of, item, signed
from tests.service.test_outages import down
from tests.waiting import eventually

AZURE = {"Authorization": "Basic " + base64.b64encode(b"hooks:a password of the tests").decode()}


@pytest.fixture(scope="module")
def hooks(new_api: Callable[..., Api]) -> Api:
    return new_api(sources=SOURCES)


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE datname = current_database() AND NOT granted
"""


def deliver(hooks: Api, body: bytes, place: str = "hook-shop", **headers: str) -> httpx2.Response:
    return hooks.post(f"/hooks/{place}", content=body, headers=signed(body, place.rpartition("/")[2]) | headers)


def outcome(client: Client, workflow: str, *key: str) -> Any:
    """What the execution came to that this event has started."""
    execution_id = identifier(workflow, key=identifier(*key))
    eventually(lambda: any(each.id == execution_id for each in client.list(workflow=workflow, limit=500)))
    return client.result(execution_id, "20s")


def test_a_delivery_is_stored_accepted_and_started(hooks: Api, client: Client, id: str) -> None:
    accepted = deliver(hooks, body_of(id, total=3))
    assert (accepted.status_code, accepted.json()) == (202, {"delivery": f"hook-shop:{id}", "status": "accepted"})
    assert client.describe_delivery("hook-shop", f"hook-shop:{id}").type == "order.created"
    assert outcome(client, "hooks/order", "hook-shop", id) == id
    assert eventually(lambda: client.describe_delivery("hook-shop", f"hook-shop:{id}").starts) == 1


def test_a_redelivery_is_answered_as_accepted_and_starts_nothing(hooks: Api, client: Client, id: str) -> None:
    body = body_of(id, total=3)
    with ThreadPoolExecutor(8) as threads:  # at once, and later
        answers = list(threads.map(lambda _: deliver(hooks, body), range(16)))
    told = [answer.json()["status"] for answer in answers]
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(told) == ["accepted", *["duplicate"] * 15]
    eventually(lambda: client.describe_delivery("hook-shop", f"hook-shop:{id}").routed_at)
    assert deliver(hooks, body).json()["status"] == "duplicate"
    assert outcome(client, "hooks/order", "hook-shop", id) == id
    assert client.describe_delivery("hook-shop", f"hook-shop:{id}").conflicts == 0


def test_another_body_under_the_same_id_is_recorded_told_and_starts_nothing(
    hooks: Api, client: Client, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = body_of(id, total=3), body_of(id, total=30)
    assert deliver(hooks, first).json()["status"] == "accepted"
    conflict = deliver(hooks, second, Cookie="a secret")
    assert (conflict.status_code, conflict.json()["status"]) == (202, "conflict")
    assert deliver(hooks, first).json()["status"] == "duplicate"
    assert client.describe_delivery("hook-shop", f"hook-shop:{id}").conflicts == 1
    assert outcome(client, "hooks/order", "hook-shop", id) == id
    assert not [each for each in client.list(workflow="hooks/large order") if id in each.id]
    assert "another body came under the id" in caplog.text and "a secret" not in caplog.text


def test_several_workflows_stand_behind_one_source_and_each_is_started_where_its_trigger_wants_the_event(
    hooks: Api, client: Client, id: str
) -> None:
    deliver(hooks, body_of(id, total=10))
    assert outcome(client, "hooks/order", "hook-shop", id) == id
    assert outcome(client, "hooks/large order", "hook-shop", id) == 10
    eventually(lambda: client.describe_delivery("hook-shop", f"hook-shop:{id}").starts == 2)


def test_a_predicate_that_raises_counts_as_no_match_and_is_told_and_harms_nobody_else(
    hooks: Api, client: Client, id: str, caplog: pytest.LogCaptureFixture
) -> None:
    deliver(hooks, body_of(id))  # without a total
    assert outcome(client, "hooks/order", "hook-shop", id) == id
    eventually(lambda: not client.describe_delivery("hook-shop", f"hook-shop:{id}").offered)
    assert client.describe_delivery("hook-shop", f"hook-shop:{id}").starts == 1
    assert any("trigger-failed" in line and "KeyError" in line for line in caplog.messages)


def test_a_source_may_be_in_two_places_with_two_secrets(hooks: Api, client: Client, id: str) -> None:
    body = body_of(id)
    assert deliver(hooks, body, "hook-shop/theirs").status_code == 202
    assert problem(hooks.post("/hooks/hook-shop/theirs", content=body, headers=signed(body))) == (401, "not-genuine")
    assert outcome(client, "hooks/order", "hook-shop", id) == id


def test_what_is_not_genuine_is_refused_in_the_same_words_whether_a_secret_is_wrong_or_missing(hooks: Api) -> None:
    body = body_of("1")
    texts = set()
    for place, headers in (
        ("hook-shop", {}),
        ("hook-shop", {"X-Signature": "é"}),
        ("hook-shop", signed(body, "another")),
        ("hook-shop", signed(body + b" ")),
        ("github", {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": "push"}),
        ("azure-devops", {"Authorization": "Basic x"}),
    ):
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        refused = hooks.post(f"/hooks/{place}", content=body, headers=raw)
        assert problem(refused) == (401, "not-genuine")
        texts.add(refused.text)
    assert len(texts) == 1


def test_a_signature_that_comes_twice_proves_nothing(hooks: Api) -> None:
    body = body_of("1")
    twice = [(b"X-Signature", value.encode()) for value in signed(body).values()] * 2
    assert problem(hooks.post("/hooks/hook-shop", content=body, headers=twice)) == (401, "not-genuine")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":' * 200 + b"1" + b"}" * 200])
def test_what_is_genuine_and_cannot_be_read_is_400(hooks: Api, body: bytes) -> None:
    assert problem(deliver(hooks, body)) == (400, "malformed")


def test_a_body_is_read_no_further_than_its_source_allows(hooks: Api) -> None:
    assert problem(deliver(hooks, b"x" * 1_000_001)) == (413, "too-large")
    large = body_of("large", filling="x" * 900_000)  # more than the API takes elsewhere
    assert deliver(hooks, large).status_code == 202


def test_a_compressed_body_is_not_inflated(hooks: Api) -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    refused = deliver(hooks, bomb, **{"Content-Encoding": "gzip"})
    assert problem(refused) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "name", ["nobody", "..%2f..%2fetc%2fpasswd", "%2e%2e", "x" * 5_000, "%F0%9F%92%A9", "'; DROP TABLE deliveries --"]
)
def test_where_no_source_is_there_is_nothing(hooks: Api, name: str) -> None:
    assert problem(hooks.post(f"/hooks/{name}", content=b"{}")) == (404, "not-found")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_method_that_the_source_asks_nothing_by_is_not_allowed(hooks: Api, method: str) -> None:
    refused = hooks.request(method, "/hooks/hook-shop")
    assert problem(refused) == (405, "method-not-allowed") and refused.headers["allow"] == "POST"


def test_a_handshake_is_answered_as_the_service_wants_it_and_nothing_is_stored(hooks: Api, client: Client) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"}).encode()
    stamp = str(int(time.time()))
    proof = hmac.new(b"a signing secret", f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={proof}",
        "Content-Type": "application/json",
    }
    answer = hooks.post("/hooks/slack", content=body, headers=headers)
    assert answer.status_code == 200 and "c-1" in answer.text
    assert client.list_deliveries(source="slack") == []


def test_hooks_take_neither_token_nor_known_host(new_api: Callable[..., Api], id: str) -> None:
    hooks = new_api(transport={"client": ("203.0.113.7", 443)}, sources=SOURCES, tokens=["a-token-of-the-tests"])
    assert deliver(hooks, body_of(id), Host="hooks.example").status_code == 202
    assert problem(hooks.get("/api/executions")) == (401, "unauthorized")


def test_an_event_of_a_service_wakes_whoever_waits_for_it_by_its_subject(
    hooks: Api, client: Client, database: str, id: str
) -> None:
    handle = client.start(item, f"workitem/{id}")
    waiting = "SELECT FROM dataflows.subscriptions WHERE key = %s"
    with opened(database) as connection:
        eventually(lambda: connection.execute(waiting, [f"workitem/{id}"]).fetchone() is not None)
    envelope = {"id": id, "eventType": "workitem.created", "resource": {"id": id}}
    assert hooks.post("/hooks/azure-devops", envelope, headers=AZURE).status_code == 202
    assert handle.result("20s") == id


def test_an_emitted_event_starts_what_has_a_trigger_on_it_once_an_id(api: Api, client: Client, id: str) -> None:
    for _ in range(2):
        client.emit("hooks.paid", {"amount": 3}, key=id, id="once")
    assert outcome(client, "hooks/paid", "events", "hooks.paid", id, "once") == [id, {"amount": 3}]
    emitted = api.post("/api/events", {"name": "hooks.paid", "key": f"{id}-http", "payload": 4})
    assert emitted.status_code == 202
    eventually(lambda: any(f"{id}-http" in each.id for each in client.list(workflow="hooks/paid")))
    assert len([each for each in client.list(workflow="hooks/paid") if id in each.id]) == 2


def test_a_fault_of_a_source_is_503_since_some_services_drop_events_at_a_500(
    hooks: Api, caplog: pytest.LogCaptureFixture
) -> None:
    refused = deliver(hooks, body_of("1"), "broken")
    assert problem(refused) == (503, "unavailable") and refused.headers["retry-after"] == "2"
    assert "ZeroDivisionError" in caplog.text and "ZeroDivisionError" not in refused.text


def test_while_the_database_is_down_deliveries_are_answered_503_and_taken_when_it_is_back(
    portal: BlockingPortal, new_database: Callable[[], str]
) -> None:
    database = new_database()
    bodies = [body_of(str(number)) for number in range(8)]
    with portal.wrap_async_context_manager(Client(database)) as client:
        patient = Api(portal, create_app(client, sources=SOURCES, limits=Limits(database=20)))
        hasty = Api(portal, create_app(client, sources=SOURCES, limits=Limits(database=0.2)))
        with down(database), ThreadPoolExecutor(8) as threads:
            eventually(lambda: deliver(hasty, bodies[0]).status_code == 503)  # its last session has ended
            for refused in threads.map(lambda body: deliver(hasty, body), bodies):
                assert problem(refused) == (503, "unavailable") and refused.headers["retry-after"] == "2"
        eventually(lambda: deliver(patient, bodies[0]).status_code == 202)
        assert {deliver(patient, body).json()["status"] for body in bodies[1:]} == {"accepted"}


def test_while_the_database_does_not_answer_one_delivery_asks_it_and_the_others_are_told_at_once(
    portal: BlockingPortal, new_database: Callable[[], str]
) -> None:
    database = new_database()
    with portal.wrap_async_context_manager(Client(database)) as client, ThreadPoolExecutor(1) as thread:
        hooks = Api(portal, create_app(client, sources=SOURCES, limits=Limits(database=3)))
        with opened(database) as connection:
            connection.execute("BEGIN")
            connection.execute("LOCK TABLE dataflows.deliveries")
            assert problem(deliver(hooks, body_of("1"))) == (503, "unavailable")
            asking = thread.submit(deliver, hooks, body_of("2"))
            eventually(lambda: connection.execute(WAITING).fetchone() == (1,))
            refused = [problem(deliver(hooks, body_of(str(number)))) for number in range(3, 9)]
            assert refused == [(503, "unavailable")] * 6 and not asking.done()
            connection.execute("ROLLBACK")
        assert asking.result().status_code == 202
        assert {deliver(hooks, body_of(str(number))).status_code for number in range(1, 9)} == {202}


def test_a_delivery_that_the_database_refuses_harms_none_that_came_with_it(
    portal: BlockingPortal, new_database: Callable[[], str]
) -> None:
    database = new_database()
    with opened(database) as connection:
        connection.execute("ALTER TABLE dataflows.deliveries ADD CHECK (id <> 'hook-shop:3')")
    with portal.wrap_async_context_manager(Client(database)) as client:
        hooks = Api(portal, create_app(client, sources=SOURCES))
        bodies = [body_of(str(number)) for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            statuses = [answer.status_code for answer in threads.map(lambda body: deliver(hooks, body), bodies)]
    assert statuses == [202, 202, 202, 503, 202, 202, 202, 202]


def test_a_source_without_a_secret_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        create_app(sources=SOURCES)
    assert "/hooks/github has no secret" in caplog.text and "/hooks/hook-shop" not in caplog.text


@pytest.mark.parametrize(
    "sources", [[SOURCES["slack"], SOURCES["slack"]], {"a/b/c": SOURCES["slack"]}, {"": SOURCES["slack"]}]
)
def test_two_sources_in_one_place_and_a_place_that_cannot_be_are_refused(sources: Any) -> None:
    with pytest.raises(ValueError, match="source"):
        create_app(sources=sources)
