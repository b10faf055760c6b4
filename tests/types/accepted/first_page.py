"""The workflow that the design and the README open with, on the real connectors."""

from __future__ import annotations

from typing import Any, assert_type

from dataflows import Event, Flow, Workflow, sleep, step, wait, workflow
from dataflows.connectors import azure_devops as azure
from dataflows.connectors import clickup


def create_task(item: dict[str, Any], decision: dict[str, str]) -> clickup.CreatedTask:
    name = f"{item['fields']['System.Title']} (approved by {decision['by']})"
    return clickup.create_task("901100", name=name, external_id=f"ado:{item['id']}", external_id_field="0a1b2c")


@workflow("copy-to-clickup", trigger=azure.work_item_created())
def copy_to_clickup(event: Event) -> Flow[clickup.CreatedTask]:
    item = yield from step("fetch-item", azure.get_work_item, event.data["resource"]["id"])
    assert_type(item, dict[str, Any])
    decision = yield from wait("approval", timeout="7d")
    assert_type(decision, Any)
    assert_type((yield from sleep("cooldown", "24h")), None)
    created = yield from step("create-task", create_task, item, decision)
    assert_type(created, clickup.CreatedTask)
    return created


def decorated() -> None:
    takes_an_event: Workflow[[Event], clickup.CreatedTask] = copy_to_clickup
    assert_type(takes_an_event.version, int)
