"""A work item that is created in Azure DevOps becomes a task in ClickUp, once somebody has approved it.

``dataflows serve examples.copy_to_clickup`` runs it, and a service hook of Azure DevOps that leads to
``/hooks/azure-devops`` starts it. It may be killed at any moment, between any two lines, and goes on where it stood;
whatever happens, ClickUp gets exactly one task.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from dataflows import Event, Flow, sleep, step, wait, workflow
from dataflows.connectors import azure_devops as azure
from dataflows.connectors import clickup
from dataflows.connectors.credentials import setting
from dataflows.connectors.sources import AzureDevOpsSource, Basic

COOL_DOWN = os.environ.get("COOL_DOWN", "24h")

HOOK_USER = "azure-devops"

# With this basic login Azure DevOps delivers; as long as there is no password, everything is refused.
sources = [AzureDevOpsSource(Basic(HOOK_USER, os.environ.get("AZURE_DEVOPS_HOOK_PASSWORD")))]


@dataclass(frozen=True)
class Approval:
    """The payload of the signal ``approval``."""

    by: str
    priority: int = 3


@workflow("copy-to-clickup", trigger=azure.work_item_created())
def copy_to_clickup(event: Event) -> Flow[clickup.CreatedTask]:
    """Fetch the item, wait for the approval, let it cool down, create the task."""
    item = yield from step("fetch-item", azure.get_work_item, event.data["resource"]["id"])
    approval = yield from wait("approval", Approval, timeout="7d")
    yield from sleep("cool-down", COOL_DOWN)
    return (yield from step("create-task", create_task, item, approval))


def create_task(item: dict[str, Any], approval: Approval) -> clickup.CreatedTask:
    """Look for the item's task by its external id, and create it only if there is none: made to be tried again."""
    return clickup.create_task(
        setting("CLICKUP_LIST"),
        name=item["fields"]["System.Title"],
        description=f"{item['url']}, approved by {approval.by}",
        priority=approval.priority,
        external_id=item["url"],
        external_id_field=setting("CLICKUP_EXTERNAL_ID_FIELD"),
    )
