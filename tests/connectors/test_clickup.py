"""Finding and creating tasks, on a service that speaks ClickUp's REST protocol."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from dataflows.connectors import clickup as connector
from dataflows.connectors.clickup import ClickUp, CreatedTask, TaskFields
from dataflows.errors import AuthenticationFailed, PermanentError, RateLimited, TransientError
from examples.services import LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX, SEVERITY


def create(client: ClickUp, external_id: str = "ado:acme:42", **fields: Any) -> CreatedTask:
    details: TaskFields = {**fields}  # type: ignore[typeddict-item]  # some tests give what is wrong
    return client.create_task(
        INBOX, name="Checkout total is wrong", external_id=external_id, external_id_field=EXTERNAL_ID, **details
    )


def add_task(service: LocalClickUp, external_id: str, **content: Any) -> dict[str, Any]:
    custom_fields = [{"id": EXTERNAL_ID, "value": external_id}]
    return service.add_task({"name": "by hand", "custom_fields": custom_fields, **content})


def test_a_task_is_created_with_its_external_id(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    answer = create(clickup, markdown_content="Total *ignores* the discount", priority=2, tags=["checkout"])
    assert answer["created"]
    assert answer["task"]["priority"]["priority"] == "high"
    assert clickup_service.tasks == [answer["task"]]
    assert clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:42") == answer["task"]


def test_a_task_that_is_there_already_is_answered_and_not_created_again(
    clickup_service: LocalClickUp, clickup: ClickUp
) -> None:
    first, second = create(clickup), create(clickup)
    assert (first["created"], second["created"]) == (True, False)
    assert first["task"] == second["task"]
    assert [seen.method for seen in clickup_service.requests] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("fault", ["drop-answer", "truncate"])
def test_a_creation_whose_answer_was_lost_is_found_by_the_next_try(
    clickup_service: LocalClickUp, clickup: ClickUp, fault: Any
) -> None:
    clickup_service.faults.add(fault, method="POST")
    with pytest.raises(TransientError) as caught:
        create(clickup)
    assert caught.value.outcome_unknown
    assert not create(clickup)["created"]
    assert len(clickup_service.tasks) == 1


def test_a_creation_that_never_arrived_is_made_by_the_next_try(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    clickup_service.faults.add("drop", method="POST")
    with pytest.raises(TransientError):
        create(clickup)
    assert create(clickup)["created"]
    assert len(clickup_service.tasks) == 1


def test_nothing_is_created_while_the_look_up_fails(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    clickup_service.faults.add("status", method="GET", status=502)
    with pytest.raises(TransientError):
        create(clickup)
    assert [seen.method for seen in clickup_service.requests] == ["GET"]


def test_an_answer_without_tasks_is_not_taken_for_a_list_without_the_task(
    clickup_service: LocalClickUp, clickup: ClickUp
) -> None:
    clickup_service.faults.add("status", method="GET", status=200, body={})
    with pytest.raises(TransientError, match="without any 'tasks'"):
        create(clickup)
    assert clickup_service.tasks == []


def test_the_look_up_asks_for_the_exact_text(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    clickup.find_task(INBOX, EXTERNAL_ID, 'ado:"acme" & co:42')
    query = parse_qs(clickup_service.requests[0].query)
    (condition,) = json.loads(query["custom_fields"][0])
    assert condition == {"field_id": EXTERNAL_ID, "operator": "==", "value": 'ado:"acme" & co:42'}


def test_a_task_whose_id_only_contains_the_one_looked_for_is_not_taken_even_if_the_service_offers_it(
    clickup_service: LocalClickUp, clickup: ClickUp
) -> None:
    near = add_task(clickup_service, "ado:acme:42")
    clickup_service.faults.add("status", method="GET", status=200, body={"tasks": [near], "last_page": True})
    assert clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:4") is None


@pytest.mark.parametrize("content", [{"status": "complete"}, {"parent": "9hx1abc"}])
def test_closed_tasks_and_subtasks_are_found_too(
    clickup_service: LocalClickUp, clickup: ClickUp, content: dict[str, Any]
) -> None:
    task = add_task(clickup_service, "ado:acme:42", **content)
    assert clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:42") == task


def test_of_several_tasks_with_one_external_id_the_oldest_is_taken(
    clickup_service: LocalClickUp, clickup: ClickUp
) -> None:
    oldest = add_task(clickup_service, "ado:acme:42")
    clickup_service.clock.advance(60)
    add_task(clickup_service, "ado:acme:42")
    clickup_service.lists[INBOX].tasks.reverse()
    assert clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:42") == oldest


def test_a_task_on_a_later_page_is_found(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    oldest = add_task(clickup_service, "ado:acme:42")
    clickup_service.clock.advance(60)
    for _ in range(150):
        add_task(clickup_service, "ado:acme:42")
    clickup_service.lists[INBOX].tasks.reverse()
    assert clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:42") == oldest
    assert len(clickup_service.requests) == 2


def test_a_service_whose_pages_never_end_is_given_up(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    page = {"tasks": [add_task(clickup_service, "another")] * 100}
    clickup_service.faults.add("status", times=60, status=200, body=page)
    with pytest.raises(PermanentError, match=r"is .* a text field"):
        clickup.find_task(INBOX, EXTERNAL_ID, "ado:acme:42")


def test_other_custom_fields_go_along_and_cannot_replace_the_external_id(
    clickup_service: LocalClickUp, clickup: ClickUp
) -> None:
    create(clickup, custom_fields=[{"id": SEVERITY, "value": "opt-high"}, {"id": EXTERNAL_ID, "value": "another"}])
    values = {field["id"]: field.get("value") for field in clickup_service.tasks[0]["custom_fields"]}
    assert values == {EXTERNAL_ID: "ado:acme:42", SEVERITY: "opt-high"}


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "no such status"},
        {"custom_fields": [{"id": SEVERITY, "value": "high"}]},
        {"custom_fields": [{"id": "no such field", "value": 1}]},
        {"priority": 9},
    ],
)
def test_what_the_list_does_not_take_is_refused_for_good(
    clickup_service: LocalClickUp, clickup: ClickUp, fields: dict[str, Any]
) -> None:
    with pytest.raises(PermanentError) as caught:
        create(clickup, **fields)
    assert caught.value.status == 400
    assert caught.value.code is not None
    assert clickup_service.tasks == []


def test_a_task_without_a_name_is_refused_for_good(clickup: ClickUp) -> None:
    with pytest.raises(PermanentError):
        clickup.create_task(INBOX, name="", external_id="a", external_id_field=EXTERNAL_ID)


def test_a_list_that_does_not_exist_is_refused_for_good(clickup: ClickUp) -> None:
    with pytest.raises(PermanentError) as caught:
        clickup.find_task("../901200300", EXTERNAL_ID, "a")
    assert caught.value.status == 404


def test_a_wrong_token_is_not_tried_again(clickup_service: LocalClickUp) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        ClickUp(clickup_service.url, "pk_wrong").find_task(INBOX, EXTERNAL_ID, "a")
    assert (caught.value.status, caught.value.code) == (401, "OAUTH_019")
    assert len(clickup_service.requests) == 1


def test_a_token_of_oauth_is_sent_as_it_is(clickup_service: LocalClickUp) -> None:
    clickup_service.token = "Bearer 183_local"
    assert ClickUp(clickup_service.url, "Bearer 183_local").find_task(INBOX, EXTERNAL_ID, "a") is None


def test_an_error_under_status_200_is_an_error(clickup_service: LocalClickUp, clickup: ClickUp) -> None:
    body = {"err": "Task name invalid", "ECODE": "INPUT_005"}
    clickup_service.faults.add("status", method="POST", status=200, body=body)
    with pytest.raises(PermanentError, match="INPUT_005: Task name invalid"):
        create(clickup)


def test_the_minutes_limit_becomes_a_wait_until_it_begins_anew_although_no_retry_after_is_sent() -> None:
    with LocalClickUp(limit=1) as service:
        service.clock.advance(3600)  # the machine's clock and the service's need not agree
        ClickUp(service.url, service.token).find_task(INBOX, EXTERNAL_ID, "a")
        service.clock.advance(60 - service.clock.timestamp() % 60 + 20)
        client = ClickUp(service.url, service.token)
        client.find_task(INBOX, EXTERNAL_ID, "a")
        with pytest.raises(RateLimited) as limited_here:
            client.find_task(INBOX, EXTERNAL_ID, "a")
        with pytest.raises(RateLimited, match="429") as limited_there:
            ClickUp(service.url, service.token).find_task(INBOX, EXTERNAL_ID, "a")
        assert len(service.requests) == 3
        for caught in (limited_here, limited_there):
            assert isinstance(caught.value.when, float)
            assert 1 <= caught.value.when <= 41
        service.clock.advance(40)
        assert ClickUp(service.url, service.token).find_task(INBOX, EXTERNAL_ID, "a") is None


def test_the_plain_functions_find_the_token_in_the_environment(
    clickup_service: LocalClickUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKUP_URL", clickup_service.url)
    monkeypatch.setenv("CLICKUP_TOKEN", clickup_service.token)
    answer = connector.create_task(INBOX, name="t", external_id="a", external_id_field=EXTERNAL_ID, status="complete")
    assert answer["created"]
    assert connector.find_task(INBOX, EXTERNAL_ID, "a") == answer["task"]


def test_without_a_token_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLICKUP_TOKEN", raising=False)
    with pytest.raises(PermanentError, match="CLICKUP_TOKEN"):
        connector.find_task(INBOX, EXTERNAL_ID, "a")
