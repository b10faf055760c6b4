from __future__ import annotations

from typing import Any

import pytest

from tests.service.calling import Api, problem
from tests.waiting import eventually


@pytest.mark.parametrize("payload", [{"by": "Ada"}, [1], "text", 7, None, False])
def test_a_signal_carries_any_json(api: Api, payload: Any) -> None:
    id = api.start("desk/approval")
    details = {"content": "null"} if payload is None else {"json": payload}
    sent = api.request(
        "POST", f"/api/executions/{id}/signals/approval", headers={"Content-Type": "application/json"}, **details
    )
    assert sent.status_code == 202
    assert {**sent.json(), "waits_for": None} == {"id": id, "signal": "approval", "new": True, "waits_for": None}
    assert api.result(id)["result"] == payload


def test_who_misspells_a_signal_finds_in_the_answer_for_which_the_execution_waits(api: Api) -> None:
    id = api.start("desk/approval")
    eventually(lambda: api.get(f"/api/executions/{id}").json()["waits_for"] == ["approval"])
    assert api.post(f"/api/executions/{id}/signals/aproval").json()["waits_for"] == ["approval"]
    assert api.post(f"/api/executions/{id}/signals/approval", 7).status_code == 202
    assert api.result(id)["result"] == 7


def test_a_signal_without_a_body_carries_nothing(api: Api) -> None:
    id = api.start("desk/approval")
    assert api.post(f"/api/executions/{id}/signals/approval").status_code == 202
    assert api.result(id)["result"] is None


def test_a_signal_that_is_sent_twice_under_one_key_arrives_once(api: Api) -> None:
    id = api.start("desk/approval", delay="1h")
    sent = [
        api.post(f"/api/executions/{id}/signals/approval", payload, headers={"Idempotency-Key": "delivery 7"})
        for payload in ("first", "second")
    ]
    assert [each.json()["new"] for each in sent] == [True, False]


def test_an_event_wakes_whoever_waits_for_its_key_and_is_kept_otherwise(api: Api, id: str) -> None:
    event = {"name": "shipped", "key": id, "payload": {"by": "post"}}
    kept = api.post("/api/events", event, headers={"Idempotency-Key": id})
    assert (kept.status_code, kept.json()) == (202, {"name": "shipped", "key": id, "woken": 0})
    assert api.post("/api/events", event, headers={"Idempotency-Key": id}).json()["woken"] == 0
    assert api.result(api.start("desk/shipped", id))["result"] == {"by": "post"}
    waiting = api.start("desk/shipped", id)
    eventually(lambda: api.get(f"/api/executions/{waiting}").json()["status"] == "suspended")
    assert api.post("/api/events", {"name": "shipped", "key": id, "keep": "1s"}).json()["woken"] == 1
    assert api.result(waiting)["result"] is None


@pytest.mark.parametrize(
    "document",
    [
        {"name": "shipped"},
        {"key": "7"},
        {"name": "", "key": "7"},
        {"name": "shipped", "key": 7},
        {"name": "shipped", "key": "a\0"},
        {"name": "shipped", "key": "7", "keep": "long"},
        {"name": "shipped", "key": "7", "payloads": 1},
        [],
    ],
)
def test_an_event_that_cannot_be_is_refused(api: Api, document: Any) -> None:
    assert problem(api.post("/api/events", document)) == (422, "invalid")


def test_an_event_that_is_nothing_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"null", b"", b"{}", b"0"):
        assert problem(api.post("/api/events", content=content, headers=headers)) == (422, "invalid")
