"""Changing tasks, on a service that speaks ClickUp's REST protocol."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows.connectors import clickup as connector
from dataflows.connectors.clickup import ClickUp
from dataflows.errors import PermanentError, TransientError
from examples.services import LocalClickUp
from examples.services.clickup import EXTERNAL_ID, SEVERITY


@pytest.fixture
def task(clickup_service: LocalClickUp) -> dict[str, Any]:
    return clickup_service.add_task({"name": "Total is wrong", "assignees": [1, 2]})


def test_a_task_is_shown(clickup: ClickUp, task: dict[str, Any]) -> None:
    assert clickup.get_task(task["id"]) == task


def test_a_change_answers_the_task_as_it_stands_then(
    clickup_service: LocalClickUp, clickup: ClickUp, task: dict[str, Any]
) -> None:
    changed = clickup.update_task(
        task["id"], name="Total is right", status="complete", priority=1, assignees={"add": [3], "rem": [1]}
    )
    assert (changed["name"], changed["status"]["status"], changed["priority"]["id"]) == (
        "Total is right",
        "complete",
        "1",
    )
    assert [person["id"] for person in changed["assignees"]] == [2, 3]
    assert clickup_service.tasks == [changed]


def test_a_change_may_empty_what_is_filled(clickup: ClickUp, task: dict[str, Any]) -> None:
    clickup.update_task(task["id"], due_date=1_795_338_951_000, priority=2)
    changed = clickup.update_task(task["id"], due_date=None, priority=None)
    assert (changed["due_date"], changed["priority"]) == (None, None)


def test_a_change_whose_answer_was_lost_is_made_again_and_does_no_harm(
    clickup_service: LocalClickUp, clickup: ClickUp, task: dict[str, Any]
) -> None:
    clickup_service.faults.add("drop-answer", method="PUT")
    with pytest.raises(TransientError) as caught:
        clickup.update_task(task["id"], assignees={"add": [3], "rem": [1]})
    assert not caught.value.outcome_unknown
    changed = clickup.update_task(task["id"], assignees={"add": [3], "rem": [1]})
    assert [person["id"] for person in changed["assignees"]] == [2, 3]


def test_a_custom_field_is_set_though_it_is_a_post_as_often_as_needed(
    clickup_service: LocalClickUp, clickup: ClickUp, task: dict[str, Any]
) -> None:
    clickup_service.faults.add("status", method="POST", status=503, headers={"Retry-After": "0"})
    clickup.set_custom_field(task["id"], SEVERITY, "opt-high")
    values = {field["id"]: field.get("value") for field in clickup_service.tasks[0]["custom_fields"]}
    assert values == {SEVERITY: "opt-high", EXTERNAL_ID: None}


def test_what_the_list_does_not_take_changes_nothing(
    clickup_service: LocalClickUp, clickup: ClickUp, task: dict[str, Any]
) -> None:
    before = clickup.get_task(task["id"])
    for call in (
        lambda: clickup.update_task(task["id"], name="t", status="no such status"),
        lambda: clickup.update_task(task["id"], name=""),
        lambda: clickup.set_custom_field(task["id"], SEVERITY, "high"),
        lambda: clickup.set_custom_field(task["id"], "no such field", 1),
    ):
        with pytest.raises(PermanentError) as caught:
            call()
        assert caught.value.status == 400
    assert clickup_service.tasks == [before]


@pytest.mark.parametrize("id", ["no-such-task", "../list/901200300", ""])
def test_a_task_that_is_not_there_is_refused_for_good(clickup: ClickUp, id: str) -> None:
    with pytest.raises(PermanentError) as caught:
        clickup.get_task(id)
    assert caught.value.status == 404


def test_the_plain_functions_find_the_token_in_the_environment(
    clickup_service: LocalClickUp, task: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKUP_URL", clickup_service.url)
    monkeypatch.setenv("CLICKUP_TOKEN", clickup_service.token)
    connector.update_task(task["id"], name="t")
    connector.set_custom_field(task["id"], EXTERNAL_ID, "ado:acme:42")
    assert connector.get_task(task["id"])["name"] == "t"


def test_a_minute_may_be_shorter_here_so_that_nobody_waits_for_a_whole_one() -> None:
    with LocalClickUp(limit=1, minute=1) as service:
        service.clock.advance(1 - service.clock.timestamp() % 1)
        for _ in range(2):
            ClickUp(service.url, service.token).find_task("901200300", EXTERNAL_ID, "a")
        assert service.statuses == [200, 429, 200]
