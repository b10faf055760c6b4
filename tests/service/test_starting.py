from __future__ import annotations

import json
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from interpreter import AsyncScheduler
from tests.databases import opened
from tests.service.calling import Api, problem

ADD = "/api/workflows/desk%2Fadd/executions"


def test_an_execution_is_started_and_its_place_is_told(api: Api) -> None:
    started = api.post(ADD, {"args": [1], "kwargs": {"b": 2}, "tags": {"customer": "Ada"}})
    assert started.status_code == 202
    id = started.json()["id"]
    assert started.json() == {"id": id, "workflow": "desk/add", "version": 1}
    assert started.headers["location"] == f"/api/executions/{id}"
    assert api.result(id)["result"] == 3
    assert api.get(started.headers["location"]).json()["tags"] == {"customer": "Ada"}


@pytest.mark.parametrize("key", ["order 7", '"order 7"'])
def test_a_key_is_the_executions_id_and_the_same_key_again_starts_nothing(api: Api, key: str) -> None:
    for number in (1, 2):
        started = api.post(ADD, {"args": [number]}, headers={"Idempotency-Key": key})
        assert (started.status_code, started.json()["id"]) == (202, "order 7")
        assert started.headers["location"] == "/api/executions/order%207"
    assert api.result("order 7")["result"] == 11


def test_a_key_of_another_workflows_execution_is_in_use(api: Api, id: str) -> None:
    api.start("desk/add", 1, id=id)
    refused = api.post("/api/workflows/desk%2Fecho/executions", headers={"Idempotency-Key": id})
    assert problem(refused) == (409, "id-in-use")


def test_a_key_and_an_id_that_differ_are_refused(api: Api, id: str) -> None:
    refused = api.post(ADD, {"args": [1], "id": f"{id}-other"}, headers={"Idempotency-Key": id})
    assert problem(refused) == (409, "id-in-use")


def test_an_id_may_hold_a_slash_and_what_else_a_path_has_for_itself(api: Api) -> None:
    id = "parent/1/0?#%2F é"
    started = api.post(ADD, {"args": [1, 1], "id": id})
    place = started.headers["location"]
    assert place == "/api/executions/parent%2F1%2F0%3F%23%252F%20%C3%A9"
    assert api.get(place).json()["id"] == id
    assert api.get(f"{place}/result?wait=20").json()["result"] == 2


def test_an_event_starts_a_workflow_that_events_start(api: Api) -> None:
    event = {"id": "1", "source": "desk", "type": "rang", "subject": "bell", "time": "2026-11-23T12:00:00Z"}
    started = api.post("/api/workflows/desk-triggered/executions", {"event": {"specversion": "1.0", **event}})
    assert api.result(started.json()["id"])["result"] == "rang bell 2026-11-23T12:00:00+00:00"


def test_a_start_may_be_delayed(api: Api, id: str) -> None:
    api.start("desk/add", 1, id=id, delay="1h")
    execution = api.get(f"/api/executions/{id}").json()
    assert execution["status"] == "pending" and execution["due_at"] > execution["created_at"][:10]


def test_workflows_that_can_be_started_are_listed(api: Api) -> None:
    listed = {each["name"]: each for each in api.get("/api/workflows").json()["workflows"]}
    assert listed["desk/add"] == {
        "name": "desk/add",
        "version": 1,
        "description": "Add two numbers.",
        "signature": "(a: int, b: int = 10)",
        "triggers": [],
    }
    assert listed["desk-triggered"]["triggers"] == [
        {"kind": "event", "source": "desk", "type": "rang"},
        {"kind": "cron", "expression": "0 9 29 2 *", "tz": "Europe/Berlin"},
        {"kind": "every", "seconds": 30_000 * 86_400},
    ]
    assert listed["desk/failing"]["signature"] == "(why: str = …)"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"args": [1, 2, 3]}, "too many positional arguments"),
        ({"kwargs": {"c": 1}}, "missing a required argument: 'a'"),
        ({"args": {}}, "'args' is a list"),
        ({"args": [1], "id": ""}, "1 to 200 characters"),
        ({"args": [1], "id": "x" * 201}, "1 to 200 characters"),
        ({"args": [1], "id": "a\0b"}, "must not contain NUL"),
        ({"args": [1], "id": 7}, "is a str, not int"),
        ({"args": [1], "tags": {"a": 1}}, "a tag is a str"),
        ({"args": [1], "tags": {"": "b"}}, "1 to 200 characters"),
        ({"args": [1], "delay": "soon"}, "not a duration"),
        ({"args": [1], "delay": -1}, "must not be negative"),
        ({"args": [1], "delay": True}, "not bool"),
        ({"args": [1], "version": 0}, "whole number from 1"),
        ({"args": [1], "version": 2**63}, "whole number from 1"),
        ({"args": [1], "version": True}, "whole number from 1"),
        ({"args": [1], "event": {}}, "all the arguments"),
        ({"event": {"id": "1", "source": "a", "type": "b", "time": "now"}}, "Invalid isoformat"),
        ({"event": {"id": "1", "source": "a", "type": "b", "time": 7}}, "expected str"),
        ({"event": {"id": "1", "source": "a", "type": "b", "specversion": "0.3"}}, "of CloudEvents 1.0"),
        ({"argz": [1]}, "'argz' is not known here"),
        ([1], "The body is an object"),
    ],
)
def test_what_cannot_be_started_is_refused_in_words(api: Api, body: Any, words: str) -> None:
    refused = api.post(ADD, body)
    assert problem(refused) == (422, "invalid") and words in refused.json()["detail"]


@pytest.mark.parametrize("body", [{"args": ["A-1"]}, {"args": [{"id": "1"}]}, {"kwargs": {"event": {"id": "1"}}}])
def test_a_workflow_with_a_trigger_is_started_with_an_event_and_nothing_else(api: Api, body: Any) -> None:
    refused = api.post("/api/workflows/desk-triggered/executions", body)
    assert problem(refused) == (422, "invalid")
    assert "an object with its data" in refused.json()["detail"]


@pytest.mark.parametrize("key", ["", "x" * 201, "käse".encode("latin-1"), '""'])
def test_a_key_that_cannot_be_an_id_is_refused(api: Api, key: str) -> None:
    assert problem(api.post(ADD, {"args": [1]}, headers={"Idempotency-Key": key})) == (422, "invalid")


@pytest.mark.parametrize("path", ["/api/workflows/nix/executions", ADD.replace("add", "add%00"), ADD + "/"])
def test_what_is_not_there_cannot_be_started(api: Api, path: str) -> None:
    assert problem(api.post(path, {"args": [1]})) == (404, "not-found")


def test_a_version_that_is_not_there_is_told(api: Api) -> None:
    assert problem(api.post(ADD, {"args": [1], "version": 7})) == (404, "not-found")


def test_only_the_workflows_that_it_was_given_can_be_started(new_api: Any) -> None:
    assert problem(new_api(workflows=()).post(ADD, {"args": [1]})) == (404, "not-found")


AWKWARD = [-0.0, 2**64 + 1, 1e300, "\0", "\U0001f600", {"$dataflows": "event", "value": {}}, [[[]]], {"": None}, 1.5e-7]


def test_what_comes_in_is_stored_as_json_whatever_it_is(api: Api, id: str, database: str) -> None:
    api.start("desk/echo", AWKWARD, id=id)
    assert api.result(id)["status"] == "completed"
    waiting = api.start("desk/approval")
    assert api.post(f"/api/executions/{waiting}/signals/approval", AWKWARD).status_code == 202
    assert api.post("/api/events", {"name": "shipped", "key": id, "payload": AWKWARD}).status_code == 202
    with opened(database) as connection:
        found = connection.execute(
            "SELECT encoding FROM dataflows.journal "
            "WHERE execution_id = ANY (%(ids)s) AND kind IN ('started', 'signal') "
            "UNION ALL SELECT encoding FROM dataflows.inbox WHERE execution_id = ANY (%(ids)s) "
            "UNION ALL SELECT encoding FROM dataflows.events WHERE key = %(key)s",
            {"ids": [id, waiting], "key": id},
        ).fetchall()
    assert {encoding for (encoding,) in found} == {"json"} and len(found) >= 4


def test_a_workflow_gets_exactly_what_was_sent(api: Api, portal: BlockingPortal, scheduler: AsyncScheduler) -> None:
    id = api.start("desk/echo", AWKWARD)
    assert portal.call(scheduler.result, id, 20) == AWKWARD
    text = portal.call(scheduler.result, id)
    assert json.dumps(text) == json.dumps(AWKWARD)
