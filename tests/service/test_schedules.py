from __future__ import annotations

from typing import Any

import pytest

from dataflows import Event, Flow, cron, sleep, workflow
from tests.databases import opened
from tests.service.calling import Api, problem
from tests.service.conftest import QUICK
from tests.waiting import eventually

YEARLY, LEAP = "0 3 1 1 * Europe/Berlin", "0 0 29 2 * UTC"


@workflow("yearly", trigger=[cron("0 3 1 1 *", tz="Europe/Berlin"), cron("0 0 29 2 *")])
def yearly(event: Event) -> Flow[str]:
    yield from sleep("nothing", 0)
    return f"{event.type} {event.time and event.time.year}"


@workflow("each/minute", trigger=cron("* * 29 2 *"))
def minutely(event: Event) -> Flow[None]:
    yield from sleep("nothing", 0)


@pytest.fixture(scope="module", autouse=True)
def served(api: Api) -> None:
    """The scheduler has made them known."""
    eventually(lambda: len(listed(api, "yearly")) == 2)


def listed(api: Api, workflow: str) -> list[dict[str, Any]]:
    return list(api.get("/api/schedules", params={"workflow": workflow}).json()["schedules"])


def do(api: Api, verb: str, document: Any = None, workflow: str = "yearly") -> tuple[int, Any]:
    answered = api.post(f"/api/schedules/{workflow}/{verb}", document)
    return answered.status_code, answered.json()


def are_paused(api: Api) -> dict[str, bool]:
    return {each["schedule"]: each["paused"] for each in listed(api, "yearly")}


def test_schedules_are_listed_all_or_those_of_one_workflow(api: Api) -> None:
    leap, january = listed(api, "yearly")
    assert (leap["schedule"], january["schedule"]) == (LEAP, YEARLY)
    assert january["workflow"] == "yearly" and january["catch_up"] == "latest" and january["version"] == 1
    assert january["next_at"].endswith("-01-01T02:00:00+00:00")
    assert january["served"] and not january["paused"] and january["last_at"] is None
    everything = api.get("/api/schedules").json()["schedules"]
    assert {"desk-triggered", "each/minute", "yearly"} <= {each["workflow"] for each in everything}
    assert listed(api, "nobody") == []


def test_one_of_several_is_paused_and_all_of_them_are_resumed(api: Api) -> None:
    assert do(api, "pause", {"schedule": LEAP}) == (200, {"workflow": "yearly", "new": True})
    assert do(api, "pause", {"schedule": LEAP}) == (200, {"workflow": "yearly", "new": False})
    assert are_paused(api) == {LEAP: True, YEARLY: False}
    assert [do(api, "resume")[1]["new"] for _ in range(2)] == [True, False]
    assert are_paused(api) == {LEAP: False, YEARLY: False}


def test_a_workflow_is_started_by_hand_once_under_its_key(api: Api, id: str) -> None:
    for _ in range(2):
        started = api.post("/api/schedules/yearly/trigger", headers={"Idempotency-Key": id})
        assert (started.status_code, started.json()) == (202, {"id": id, "workflow": "yearly"})
        assert started.headers["location"] == f"/api/executions/{id}"
    assert api.result(id)["result"].startswith("dataflows.schedule.slot ")
    assert do(api, "trigger", {"id": id})[1]["id"] == id
    assert do(api, "trigger")[1]["id"].startswith("yearly@")


def test_an_id_of_another_workflows_execution_is_not_taken_for_one_started_by_hand(api: Api, id: str) -> None:
    api.start("desk/echo", id=id)
    assert problem(api.post("/api/schedules/yearly/trigger", {"id": id})) == (409, "id-in-use")
    refused = api.post("/api/schedules/yearly/trigger", {"id": id}, headers={"Idempotency-Key": f"{id}-other"})
    assert problem(refused) == (409, "id-in-use")


def test_a_dry_run_tells_what_a_backfill_starts_and_each_moment_is_started_once(api: Api) -> None:
    span = {"from": "2015-12-31T00:00:00Z", "to": "2017-01-01T02:00:00Z"}
    leap, january = (
        {"id": f"yearly@{moment}", "at": moment}
        for moment in ("2016-02-29T00:00:00+00:00", "2016-01-01T02:00:00+00:00")
    )
    everything = (202, {"workflow": "yearly", "executions": [january, leap]})
    assert do(api, "backfill", span | {"dry_run": True}) == (200, everything[1])
    assert do(api, "backfill", span | {"schedule": LEAP})[1]["executions"] == [leap]
    assert do(api, "backfill", span) == (202, everything[1] | {"executions": [january]})
    assert do(api, "backfill", span)[1]["executions"] == []
    assert api.result(january["id"])["result"] == "dataflows.schedule.slot 2016"


def test_a_backfill_without_an_end_ends_now(api: Api) -> None:
    status, told = do(api, "backfill", {"from": "2020-01-01T00:00Z", "schedule": LEAP, "dry_run": True})
    assert status == 200
    assert [each["at"][:4] for each in told["executions"]][:2] == ["2020", "2024"]


def test_more_moments_than_one_request_may_start_are_refused_and_none_is_started(api: Api) -> None:
    day = {"from": "2020-02-29T00:00Z", "to": "2020-03-01T00:00Z"}
    assert QUICK.moments < 24 * 60
    refused = api.post("/api/schedules/each%2Fminute/backfill", day)
    assert problem(refused) == (422, "invalid") and "more than 1,000 moments" in refused.json()["detail"]
    half = day | {"to": "2020-02-29T12:00Z", "dry_run": True}
    assert len(do(api, "backfill", half, "each%2Fminute")[1]["executions"]) == 12 * 60


@pytest.mark.parametrize(
    "span",
    [
        {},
        {"to": "2020-01-01T00:00Z"},
        {"from": None},
        {"from": "2020-01-01T00:00:00"},
        {"from": "2020-01-01"},
        {"from": 1577836800},
        {"from": "0001-01-01T00:00:00Z"},
        {"from": "0001-01-01T00:00:00+23:59"},
        {"from": "9999-12-31T23:59:59-23:59"},
        {"from": "2020-01-01T00:00Z", "to": "9999-12-31T23:59:59-23:59"},
        {"from": "2020-01-01T00:00Z", "to": "0001-01-01T00:00:00+23:59"},
        {"from": "2020-01-01T00:00Z", "dry_run": "yes"},
        {"from": "2020-01-01T00:00Z", "dry_run": None},
        {"from": "2020-01-01T00:00Z", "schedule": 7},
        {"from": "2020-01-01T00:00Z", "until": "2021-01-01T00:00Z"},
    ],
)
def test_a_span_that_cannot_be_is_refused(api: Api, span: dict[str, Any]) -> None:
    assert problem(api.post("/api/schedules/yearly/backfill", span)) == (422, "invalid")


@pytest.mark.parametrize("workflow", ["nobody", "desk%2Fadd", "..", "%25", "'; DROP TABLE x --", "\u202e"])
@pytest.mark.parametrize("verb", ["pause", "resume", "trigger", "backfill"])
def test_a_workflow_without_a_schedule_is_not_found(api: Api, workflow: str, verb: str) -> None:
    document = {"from": "2020-01-01T00:00Z"} if verb == "backfill" else None
    assert problem(api.post(f"/api/schedules/{workflow}/{verb}", document)) == (404, "not-found")
    assert problem(api.request("DELETE", f"/api/schedules/{workflow}")) == (404, "not-found")


@pytest.mark.parametrize("verb", ["pause", "resume", "backfill"])
def test_a_schedule_that_the_workflow_does_not_have_is_not_found(api: Api, verb: str) -> None:
    document = {"schedule": "every 1h"} | ({"from": "2020-01-01T00:00Z"} if verb == "backfill" else {})
    assert problem(api.post(f"/api/schedules/yearly/{verb}", document)) == (404, "not-found")
    assert problem(api.request("DELETE", "/api/schedules/yearly?schedule=every+1h")) == (404, "not-found")


def test_only_a_schedule_that_nobody_serves_is_deleted(api: Api, database: str) -> None:
    assert problem(api.request("DELETE", "/api/schedules/yearly")) == (409, "wrong-status")
    with opened(database) as connection:
        connection.execute(
            "INSERT INTO dataflows.schedules "
            "VALUES ('yearly', 'every 1h', 'all', 1, now(), NULL, true, now(), now() - interval '1 h')"
        )
    deleted = api.request("DELETE", "/api/schedules/yearly", params={"schedule": "every 1h"})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [each["schedule"] for each in listed(api, "yearly")] == [LEAP, YEARLY]


@pytest.mark.parametrize("verb", ["pause", "resume", "trigger", "backfill"])
def test_what_is_not_asked_for_is_refused(api: Api, verb: str) -> None:
    for path, document in ((f"{verb}?force=1", None), (verb, {"force": True}), (verb, ["x"])):
        assert problem(api.post(f"/api/schedules/yearly/{path}", document)) == (422, "invalid")
    assert problem(api.request("DELETE", "/api/schedules/yearly?force=1")) == (422, "invalid")
    assert problem(api.get("/api/schedules?force=1")) == (422, "invalid")
