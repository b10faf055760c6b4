from __future__ import annotations

from typing import Any

import pytest

from tests.service.calling import Api, problem
from tests.waiting import eventually


def status(api: Api, id: str) -> Any:
    return api.get(f"/api/executions/{id}").json()["status"]


def do(api: Api, id: str, verb: str, document: Any = None) -> tuple[int, Any]:
    answered = api.post(f"/api/executions/{id}/{verb}", document)
    return answered.status_code, answered.json()


def test_an_execution_is_paused_resumed_and_cancelled_each_once(api: Api) -> None:
    id = api.start("desk/approval")
    assert [do(api, id, "pause") for _ in range(2)] == [(200, {"id": id, "new": new}) for new in (True, False)]
    assert api.get(f"/api/executions/{id}").json()["paused"] is True
    assert [do(api, id, "resume") for _ in range(2)] == [(200, {"id": id, "new": new}) for new in (True, False)]
    assert do(api, id, "cancel") == (202, {"id": id, "new": True})
    assert api.result(id)["status"] == "cancelled"


def test_an_execution_is_terminated_once(api: Api) -> None:
    id = api.start("desk/approval")
    assert do(api, id, "terminate") == (200, {"id": id, "new": True, "ended": 1})
    assert do(api, id, "terminate", {}) == (200, {"id": id, "new": False, "ended": 0})


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "signals/go"])
def test_what_has_ended_takes_no_more_and_that_is_told_from_what_is_not_there(api: Api, verb: str) -> None:
    id = api.start("desk/add", 1)
    api.result(id)
    refused = api.post(f"/api/executions/{id}/{verb}")
    assert problem(refused) == (409, "wrong-status") and "has completed" in refused.json()["detail"]


def test_what_has_completed_has_nothing_to_retry(api: Api) -> None:
    id = api.start("desk/add", 1)
    api.result(id)
    assert problem(api.post(f"/api/executions/{id}/retry")) == (409, "wrong-status")


def test_a_failed_execution_is_retried_from_a_position_that_is_there(api: Api) -> None:
    id = api.start("desk/failing")
    api.result(id)
    for absent in ("7", "0.0", "9.9"):
        assert problem(api.post(f"/api/executions/{id}/retry", {"position": absent})) == (404, "not-found")
    for wrong in ("x", "1.", "-1", "\0", "1_0", " 1", "\u0663", "9" * 100, "9." * 200 + "0", 1):
        assert problem(api.post(f"/api/executions/{id}/retry", {"position": wrong})) == (422, "invalid")
    assert do(api, id, "retry", {"position": "0"}) == (202, {"id": id, "new": True})
    eventually(lambda: status(api, id) == "failed")


def test_a_fork_is_started_once_under_its_key(api: Api, id: str) -> None:
    api.start("desk/add", 4, id=id)
    api.result(id)
    for _ in range(2):
        forked = api.post(f"/api/executions/{id}/fork", {"position": "0"}, headers={"Idempotency-Key": f"{id}-again"})
        assert forked.status_code == 202 and forked.json() == {"id": f"{id}-again", "of": id}
        assert forked.headers["location"] == f"/api/executions/{id}-again"
    assert api.result(f"{id}-again")["result"] == 14
    refused = api.post(f"/api/executions/{id}/fork", {"version": 2**31})
    assert problem(refused) == (422, "invalid")


def test_a_fork_under_an_id_of_another_workflow_is_refused(api: Api, id: str) -> None:
    api.start("desk/echo", 1, id=id)
    other = api.start("desk/add", 1)
    assert problem(api.post(f"/api/executions/{other}/fork", {"id": id})) == (409, "id-in-use")


def test_only_what_has_ended_is_deleted(api: Api) -> None:
    id = api.start("desk/approval")
    assert problem(api.request("DELETE", f"/api/executions/{id}")) == (409, "wrong-status")
    api.post(f"/api/executions/{id}/terminate")
    eventually(lambda: api.request("DELETE", f"/api/executions/{id}").status_code == 204)
    assert problem(api.request("DELETE", f"/api/executions/{id}")) == (404, "not-found")


@pytest.mark.parametrize("verb", ["cancel", "terminate", "pause", "resume", "retry", "fork"])
def test_a_body_that_says_what_is_not_asked_is_refused(api: Api, verb: str) -> None:
    id = api.start("desk/approval")
    assert problem(api.post(f"/api/executions/{id}/{verb}", {"force": True})) == (422, "invalid")
    assert problem(api.post(f"/api/executions/{id}/{verb}?force=1")) == (422, "invalid")
    assert status(api, id) != "cancelled"
