"""Connectors as the steps of a workflow: what is tried again, and what is not."""

from __future__ import annotations

from functools import partial
from typing import Any

from dataflows import Flow, step, workflow
from dataflows.connectors import clickup, http
from dataflows.errors import OutcomeUnknown
from examples.services import LocalClickUp
from examples.services.clickup import EXTERNAL_ID, INBOX
from interpreter.testing import simulate
from tests.connectors.till import Till


@workflow("charged")
def charged(url: str, deduplicated: bool) -> Flow[Any]:
    try:
        return (yield from step("charge", partial(http.post, url, {"amount": 5}, deduplicated=deduplicated)))
    except OutcomeUnknown:
        return "unknown"


@workflow("task-created")
def task_created(external_id: str) -> Flow[bool]:
    created = yield from step("create", clickup.create_task, INBOX, "Total is wrong", external_id, EXTERNAL_ID)
    return created["created"]


def test_a_charge_whose_answer_is_lost_twice_is_tried_again_under_one_key_and_made_once(till: Till) -> None:
    till.faults.add("drop-answer", times=2)
    simulation = simulate(charged, f"{till.address}/charges", True, steps={"charge": http.post})
    assert simulation.result == {"number": 1}
    assert till.charges == [{"amount": 5}]
    assert len(till.keys) == 3
    assert len(set(till.keys)) == 1


def test_a_charge_that_nobody_may_repeat_is_sent_once_and_the_workflow_decides(till: Till) -> None:
    till.faults.add("drop-answer")
    assert simulate(charged, f"{till.address}/charges", False, steps={"charge": http.post}).result == "unknown"
    assert len(till.requests) == 1


def test_a_limit_is_waited_out_on_the_workflows_clock_and_costs_no_attempt(till: Till) -> None:
    till.faults.add("status", status=429, headers={"Retry-After": "3000"})
    simulation = simulate(charged, f"{till.address}/charges", False, steps={"charge": limited_once})
    assert simulation.result == {"number": 1}
    assert 3000 <= simulation.elapsed.total_seconds() <= 3001


def limited_once(url: str, content: Any, deduplicated: bool) -> Any:
    """A gate keeps real time, which does not pass here: the second try is another process's, so to speak."""
    http._shared.cache_clear()
    return http.post(url, content, deduplicated=deduplicated)


def test_a_task_whose_creation_was_lost_is_found_by_the_next_try(
    clickup_service: LocalClickUp, monkeypatch: Any
) -> None:
    monkeypatch.setenv("CLICKUP_URL", clickup_service.url)
    monkeypatch.setenv("CLICKUP_TOKEN", clickup_service.token)
    clickup_service.faults.add("drop-answer", method="POST")
    simulation = simulate(task_created, "ado:acme:42", steps={"create": clickup.create_task})
    assert simulation.result is False
    assert len(clickup_service.tasks) == 1
