from __future__ import annotations

import json
import pickle
import time
from typing import Any

import pytest

from tests.databases import opened
from tests.service.calling import Api, problem, quoted
from tests.service.desks import HOSTILE


def test_an_execution_is_shown_with_what_it_has_published(api: Api) -> None:
    id = api.start("desk/approval")
    api.post(f"/api/executions/{id}/signals/approval", "granted")
    api.result(id)
    shown = api.get(f"/api/executions/{id}").json()
    assert (shown["id"], shown["workflow"], shown["version"], shown["status"]) == (id, "desk/approval", 1, "completed")
    assert shown["published"] == {"stage": '"waiting"'} and shown["ended_at"] > shown["created_at"]


def test_its_history_is_read_page_by_page_to_the_end(api: Api) -> None:
    id = api.start("desk/many", 9, id="many/9")
    api.result(id)
    page = api.get(f"/api/executions/{quoted(id)}/history?limit=4").json()
    entries = page["entries"]
    while page["next"]:
        page = api.get(page["next"]).json()
        entries += page["entries"]
    assert [each["seq"] for each in entries] == list(range(1, 13))
    assert [each["kind"] for each in entries] == ["started", "begun", *["step"] * 9, "completed"]
    assert {"position": "0.8.0", "name": "count", "ok": True, "text": "8", "moment": None}.items() <= next(
        each for each in entries if each["position"] == "0.8.0"
    ).items()


def test_an_older_generation_is_read_by_its_number_and_one_that_is_not_there_is_told(api: Api) -> None:
    id = api.start("desk/failing")
    api.result(id)
    assert api.post(f"/api/executions/{id}/retry").json() == {"id": id, "new": True}
    api.result(id)
    assert api.get(f"/api/executions/{id}/history").json()["generation"] == 2
    older = api.get(f"/api/executions/{id}/history?generation=1").json()
    assert older["generation"] == 1 and older["entries"][-1]["kind"] == "failed"
    assert problem(api.get(f"/api/executions/{id}/history?generation=7")) == (404, "not-found")


def test_a_result_that_is_not_there_yet_is_202_and_its_place(api: Api) -> None:
    id = api.start("desk/approval")
    answered = api.get(f"/api/executions/{id}/result?wait=0.05")
    assert answered.status_code == 202 and answered.headers["location"] == f"/api/executions/{id}"
    assert answered.json()["id"] == id and answered.json()["status"] in ("pending", "running", "suspended")


def test_a_value_is_told_as_the_journal_holds_it(api: Api) -> None:
    id = api.start("desk/echo", {"a": [1, 2.5, None, "é"]})
    answered = api.result(id)
    assert answered["result"] == {"a": [1, 2.5, None, "é"]} and answered["status"] == "completed"
    assert answered["error"] is None and answered["text"] is None


def test_an_error_is_told_by_type_message_and_traceback_and_is_inert(api: Api) -> None:
    id = api.start("desk/failing")
    answered = api.get(f"/api/executions/{id}/result?wait=20")
    error = answered.json()["error"]
    assert (error["type"], error["message"]) == ("ValueError", HOSTILE)
    assert "raise ValueError(why)" in error["traceback"] and answered.json()["status"] == "failed"
    assert answered.content.isascii() and b"\x1b" not in answered.content and b"\r" not in answered.content
    assert answered.headers["content-type"] == "application/json"
    assert answered.headers["x-content-type-options"] == "nosniff"
    entry = api.get(f"/api/executions/{id}/history").json()["entries"][-1]
    assert entry["ok"] is False and entry["text"].isprintable()


def test_a_result_that_only_python_can_read_is_told_by_its_size(api: Api) -> None:
    answered = api.result(api.start("desk/granted"))
    assert answered["result"] is None and answered["error"] is None
    assert answered["text"] == f"<dill, {answered['bytes']:,} bytes>" and answered["bytes"] > 0


class Trap:
    """Sets off an alarm where it is made again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return time.sleep, (3600,)


def test_a_hostile_pickle_in_the_journal_is_never_made_again_for_a_reader(api: Api, database: str) -> None:
    id = api.start("desk/echo", 1)
    api.result(id)
    with opened(database) as connection:
        connection.execute(
            "UPDATE dataflows.journal SET encoding = 'dill', data = %s WHERE execution_id = %s AND kind <> 'begun'",
            [pickle.dumps(Trap()), id],
        )
    assert api.result(id)["text"].startswith("<dill, ")
    assert "<dill, " in api.get(f"/api/executions/{id}/history").text


def test_an_error_that_somebody_has_damaged_is_told_by_its_size(api: Api, database: str) -> None:
    id = api.start("desk/failing")
    api.result(id)
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.journal SET data = '[]' WHERE execution_id = %s AND NOT ok", [id])
    answered = api.result(id)
    assert answered["error"] is None and answered["text"] == "<error, 2 bytes, unreadable>"
    assert "<error, 2 bytes, unreadable>" in api.get(f"/api/executions/{id}/history").text


def test_a_result_that_is_too_large_is_told_by_its_size_and_so_it_is_in_the_history(api: Api) -> None:
    id = api.start("desk/large", 100_001)
    answered = api.get(f"/api/executions/{id}/result?wait=20")
    assert answered.json()["result"] is None and answered.json()["bytes"] == 100_003
    assert answered.json()["text"] == "<100,003 bytes>"
    history = api.get(f"/api/executions/{id}/history")
    assert [len(each["text"]) for each in history.json()["entries"]][-2:] == [200, 200]


def test_a_cancelled_execution_has_a_result_too(api: Api) -> None:
    id = api.start("desk/approval")
    api.post(f"/api/executions/{id}/cancel")
    answered = api.result(id)
    assert answered["status"] == "cancelled" and answered["result"] is None


def test_a_blocked_execution_says_why_at_once(api: Api, database: str) -> None:
    id = api.start("desk/approval", delay="1h")
    with opened(database) as connection:
        connection.execute("UPDATE dataflows.executions SET status = 'blocked', problem = 'why' WHERE id = %s", [id])
    answered = api.get(f"/api/executions/{id}/result?wait=20")
    assert answered.status_code == 202
    assert answered.json() == {"id": id, "status": "blocked", "problem": "why"}


# The list ---------------------------------------------------------------------------------------------


def test_a_list_is_read_page_by_page_newest_first_also_where_the_last_one_was_deleted(api: Api) -> None:
    ids = [api.start("desk/add", number, tags={"page": "yes"}) for number in range(5)]
    for id in ids:
        api.result(id)
    first = api.get("/api/executions?tag=page%3Dyes&limit=2").json()
    assert [each["id"] for each in first["executions"]] == [ids[4], ids[3]]
    assert api.request("DELETE", f"/api/executions/{ids[3]}").status_code == 204
    second = api.get(first["next"]).json()
    assert [each["id"] for each in second["executions"]] == [ids[2], ids[1]]
    third = api.get(second["next"]).json()
    assert [each["id"] for each in third["executions"]] == [ids[0]] and third["next"] is None


def test_a_list_is_filtered_by_workflow_status_tags_and_time(api: Api) -> None:
    id = api.start("desk/failing", tags={"a b": "c=d", "e": "%"})
    api.result(id)
    other = api.start("desk/failing", tags={"a b": "c=d"}, delay="1h")
    created = api.get(f"/api/executions/{id}").json()["created_at"]

    def found(**query: Any) -> list[str]:
        listed = api.get("/api/executions", params={"workflow": "desk/failing", "tag": "a b=c=d", **query})
        return [each["id"] for each in listed.json()["executions"]]

    assert found() == [other, id]
    assert found(status="failed") == [id]
    assert found(tag=["a b=c=d", "e=%"]) == [id]
    assert found(tag="e=_") == []
    assert found(workflow="desk/add") == []
    assert found(created_before=created) == [] and found(created_after=created) == [other, id]
    assert found(created_after="2100-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=1&limit=2",
        "limit=" + "9" * 5000,
        "limit=%D9%A3",
        "status=done",
        "status=",
        "workflow=",
        "workflow=%00",
        "tag=novalue",
        "tag=a=%00",
        "tag==b",
        "created_after=yesterday",
        "created_after=2026-01-01",
        "created_after=2026-01-01T00:00:00",
        "created_before=%00",
        "cursor=x",
        "cursor=%00",
        "cursor=%C3%A9",
        "cursor=MjAyNi0wMS0wMSBh",
        "cursor=",
        "statuss=failed",
        "%00=1",
    ],
)
def test_a_filter_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert problem(api.get(f"/api/executions?{query}")) == (422, "invalid")


@pytest.mark.parametrize("query", ["wait=-1", "wait=nan", "wait=inf", "wait=x", "wait=1&wait=1"])
def test_a_wait_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert problem(api.get(f"/api/executions/nobody/result?{query}")) == (422, "invalid")


# Names from outside -----------------------------------------------------------------------------------

NAMES = [
    "nobody",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "%252e",
    "%00",
    "a%00b",
    "%0d%0aSet-Cookie:%20a=b",
    "x" * 201,
    "x" * 3000,
    "%F0%9F%98%80",
    "%ff%fe",
    "%ed%a0%80",
    "';%20DROP%20TABLE%20dataflows.executions;--",
    "%25",
    "_",
    "<img src=x onerror=alert(1)>",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["", "/history", "/result", "/events"])
def test_an_id_that_nobody_has_is_not_found_whatever_it_looks_like(api: Api, name: str, place: str) -> None:
    assert problem(api.get(f"/api/executions/{name}{place}")) == (404, "not-found")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_done_to_an_id_that_nobody_has(api: Api, name: str) -> None:
    for verb in ("cancel", "terminate", "pause", "resume", "retry", "fork", "signals/go", f"signals/{name}"):
        assert problem(api.post(f"/api/executions/{name}/{verb}")) == (404, "not-found"), verb
    assert problem(api.request("DELETE", f"/api/executions/{name}")) == (404, "not-found")


def test_a_history_of_fifty_thousand_entries_is_read_by_its_page(api: Api, database: str) -> None:
    id = api.start("desk/approval", delay="1h")
    with opened(database) as connection:
        connection.execute(
            "INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data) "
            "SELECT %s, 1, number, now(), 'step', 'json', convert_to(to_json(repeat('x', 1000))::text, 'UTF8') "
            "FROM generate_series(2, 50000) AS number",
            [id],
        )
    page = api.get(f"/api/executions/{quoted(id)}/history?after=49990&limit=500")
    assert [each["seq"] for each in page.json()["entries"]] == list(range(49_991, 50_001))
    assert len(api.get(f"/api/executions/{id}/history?limit=500").content) < 500 * 500
    assert json.loads(page.content)["next"] is None
