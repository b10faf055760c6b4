"""The local services speak the real protocols; what connectors are tested against is itself tested."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from examples.services import LocalAzureDevOps, LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX

ROOT = Path(__file__).parents[2]


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f":{token}".encode()).decode()}


@pytest.fixture
def to_azure(azure_service: LocalAzureDevOps) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=azure_service.url, headers=basic(azure_service.token)) as client:
        yield client


@pytest.fixture
def to_clickup(clickup_service: LocalClickUp) -> Iterator[httpx2.Client]:
    headers = {"Authorization": clickup_service.token}
    with httpx2.Client(base_url=f"{clickup_service.url}/api/v2", headers=headers) as client:
        yield client


def search(client: httpx2.Client, operator: str, value: str) -> list[dict[str, Any]]:
    condition = [{"field_id": EXTERNAL_ID, "operator": operator, "value": value}]
    found = client.get(f"/list/{INBOX}/task", params={"custom_fields": json.dumps(condition)}).json()
    tasks: list[dict[str, Any]] = found["tasks"]
    return tasks


def test_azure_devops_answers_a_bad_token_with_203_and_html_but_a_patch_with_401_and_json(
    azure_service: LocalAzureDevOps,
) -> None:
    path = f"{azure_service.url}/_apis/wit/workitems/{azure_service.create_item('t').id}"
    got = httpx2.get(path, headers=basic("wrong"))
    assert (got.status_code, got.headers["Content-Type"]) == (203, "text/html; charset=utf-8")
    patched = httpx2.patch(path, headers=basic("wrong"), json=[])
    assert patched.status_code == 401
    assert patched.json()["message"].startswith("TF400813")


@pytest.mark.parametrize("version", ["latest", "7", "99.1"])
def test_azure_devops_refuses_a_version_that_it_does_not_know(
    azure_service: LocalAzureDevOps, to_azure: httpx2.Client, version: str
) -> None:
    path = f"/_apis/wit/workitems/{azure_service.create_item('t').id}"
    assert to_azure.get(path, params={"api-version": version}).status_code == 400
    assert to_azure.get(path, params={"api-version": "7.1"}).status_code == 200


def test_azure_devops_errors_have_all_their_fields(to_azure: httpx2.Client) -> None:
    error = to_azure.get("/_apis/wit/workitems/999").json()
    assert set(error) == {"$id", "innerException", "message", "typeName", "typeKey", "errorCode", "eventId"}


def test_azure_devops_first_asks_to_slow_down_and_then_blocks_until_five_minutes_have_passed() -> None:
    with LocalAzureDevOps(usage_limit=2) as service, httpx2.Client(headers=basic(service.token)) as client:
        path = f"{service.url}/_apis/wit/workitems/{service.create_item('t').id}"
        answers = [client.get(path) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
        assert ["Retry-After" in answer.headers for answer in answers] == [False, False, True, True, True]
        assert answers[4].json()["message"].startswith("TF400733")
        service.clock.advance(300)
        assert client.get(path).status_code == 200


def test_a_person_is_an_object_over_rest_and_a_text_in_a_delivery(
    azure_service: LocalAzureDevOps, to_azure: httpx2.Client
) -> None:
    item = azure_service.create_item("t")
    over_rest = to_azure.get(f"/_apis/wit/workitems/{item.id}").json()
    in_delivery = json.loads(azure_service.delivery(item.id))["resource"]
    assert over_rest["fields"]["System.CreatedBy"]["uniqueName"] == "ada@example.com"
    assert in_delivery["fields"]["System.CreatedBy"] == "Ada Example <ada@example.com>"


def test_an_update_counts_up_the_revision(azure_service: LocalAzureDevOps, to_azure: httpx2.Client) -> None:
    path = f"/_apis/wit/workitems/{azure_service.create_item('t').id}"
    operation = {"op": "add", "path": "/fields/System.State", "value": "Active"}
    as_patch = {"Content-Type": "application/json-patch+json"}
    assert to_azure.patch(path, json=[operation]).status_code == 415
    updated = to_azure.patch(path, json=[operation], headers=as_patch).json()
    assert (updated["rev"], updated["fields"]["System.State"]) == (2, "Active")


def test_a_delivery_is_the_same_bytes_each_time_and_counts_its_notifications(azure_service: LocalAzureDevOps) -> None:
    one, other = azure_service.create_item("one").id, azure_service.create_item("other").id
    assert azure_service.delivery(one) == azure_service.delivery(one)
    assert [json.loads(azure_service.delivery(id))["notificationId"] for id in (one, other)] == [1, 2]
    assert len(json.loads(azure_service.delivery(one))["createdDate"]) == len("2026-11-22T09:15:51.0412237Z")


def test_clickup_tells_a_missing_token_from_a_wrong_one(clickup_service: LocalClickUp) -> None:
    path = f"{clickup_service.url}/api/v2/list/{INBOX}/task"
    assert httpx2.get(path).json()["ECODE"] == "OAUTH_017"
    assert httpx2.get(path, headers={"Authorization": "pk_wrong"}).json()["ECODE"] == "OAUTH_019"


def test_clickup_compares_whole_texts_with_two_equal_signs_and_parts_with_one(
    clickup_service: LocalClickUp, to_clickup: httpx2.Client
) -> None:
    for value in ("ado:acme:4", "ado:acme:42"):
        clickup_service.add_task({"name": value, "custom_fields": [{"id": EXTERNAL_ID, "value": value}]})
    assert [task["name"] for task in search(to_clickup, "==", "ado:acme:4")] == ["ado:acme:4"]
    assert [task["name"] for task in search(to_clickup, "=", "ado:acme:4")] == ["ado:acme:4", "ado:acme:42"]


def test_clickup_pages_by_a_hundred(clickup_service: LocalClickUp, to_clickup: httpx2.Client) -> None:
    for number in range(101):
        clickup_service.add_task({"name": str(number)})
    pages = [to_clickup.get(f"/list/{INBOX}/task", params={"page": page}).json() for page in (0, 1)]
    assert [len(page["tasks"]) for page in pages] == [100, 1]
    assert [page["last_page"] for page in pages] == [False, True]


def test_clickup_answers_ids_and_times_as_texts_and_takes_both_names_of_the_markdown(to_clickup: httpx2.Client) -> None:
    for name in ("markdown_content", "markdown_description"):
        content = {"name": "t", name: "*text*", "due_date": 1_795_338_951_000, "priority": None}
        task = to_clickup.post(f"/list/{INBOX}/task", json=content).json()
        assert (task["description"], task["due_date"], task["priority"]) == ("*text*", "1795338951000", None)
        assert task["date_created"].isdigit()
        assert isinstance(task["id"], str)
        assert to_clickup.get(f"/task/{task['id']}").json() == task


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"name": ""}', b'{"name": 5}'])
def test_clickup_refuses_what_is_no_task(to_clickup: httpx2.Client, content: bytes) -> None:
    answer = to_clickup.post(f"/list/{INBOX}/task", content=content)
    assert answer.status_code == 400
    assert set(answer.json()) == {"err", "ECODE"}


def test_clickup_shows_the_fields_of_a_list(to_clickup: httpx2.Client) -> None:
    fields = to_clickup.get(f"/list/{INBOX}/field").json()["fields"]
    assert [field["name"] for field in fields] == ["External ID", "Severity"]


def test_clickup_limits_each_minute_and_names_its_end_but_no_retry_after() -> None:
    with LocalClickUp(limit=2) as service, httpx2.Client(headers={"Authorization": service.token}) as client:
        service.clock.advance(60 - service.clock.timestamp() % 60)
        path = f"{service.url}/api/v2/list/{INBOX}/task"
        answers = [client.get(path) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
        assert 0 < int(answers[2].headers["X-RateLimit-Reset"]) - service.clock.timestamp() <= 60
        assert "Retry-After" not in answers[2].headers
        service.clock.advance(60)
        assert client.get(path).status_code == 200


def test_a_fault_is_committed_as_often_as_asked_and_only_at_its_method(
    clickup_service: LocalClickUp, to_clickup: httpx2.Client
) -> None:
    clickup_service.faults.add("status", times=2, method="POST", status=503)
    path = f"/list/{INBOX}/task"
    assert to_clickup.get(path).status_code == 200
    assert [to_clickup.post(path, json={"name": "t"}).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_that_is_none_is_refused(clickup_service: LocalClickUp) -> None:
    with pytest.raises(ValueError, match="drop-answer"):
        clickup_service.faults.add("explode")  # type: ignore[arg-type]  # that is the point


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "examples.services", "--until-eof", "--minute=1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as running:
        yield running


def addresses_of(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_both_services_run_as_a_process_that_is_controlled_over_http(process: subprocess.Popen[str]) -> None:
    addresses = addresses_of(process)
    azure, clickup = addresses["azure_devops"], addresses["clickup"]
    made = httpx2.post(azure["control"], json={"create_item": {"title": "Checkout total is wrong"}}).json()
    assert json.loads(made["delivery"])["resource"]["id"] == made["id"]
    httpx2.post(clickup["control"], json={"fault": "drop-answer", "method": "POST", "times": 1, "advance": 1})
    path = f"{clickup['url']}/api/v2/list/{clickup['list_id']}/task"
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.post(path, json={"name": "t"}, headers={"Authorization": clickup["token"]})
    state = httpx2.get(clickup["control"]).json()
    assert [task["name"] for task in state["tasks"]] == ["t"]
    assert [(seen["method"], "authorization" in seen["headers"]) for seen in state["requests"]] == [("POST", False)]


def test_the_process_ends_with_its_input_and_says_nothing(process: subprocess.Popen[str]) -> None:
    addresses_of(process)
    rest, complaints = process.communicate(timeout=30)
    assert (process.returncode, rest, complaints) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_ends_when_it_is_told_to(process: subprocess.Popen[str], number: signal.Signals) -> None:
    addresses_of(process)
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
