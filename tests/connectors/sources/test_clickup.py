"""What ClickUp's deliveries are known by."""

from __future__ import annotations

from tests.connectors.sources.examples import BY_NAME, TASK_CREATED, received


def test_one_creation_that_clickup_tells_twice_makes_two_deliveries_of_two_types() -> None:
    created, status = ({**TASK_CREATED, "event": event} for event in ("taskCreated", "taskStatusUpdated"))
    ids = {received("clickup", BY_NAME["clickup"].delivered(content)).id for content in (created, status)}
    assert len(ids) == 2


def test_a_clickup_delivery_without_history_is_known_by_what_it_is_about() -> None:
    deleted = {"event": "taskDeleted", "task_id": "1vj37mc", "webhook_id": "7fa3ec74"}
    assert received("clickup", BY_NAME["clickup"].delivered(deleted)).id == "clickup:7fa3ec74:taskDeleted:task/1vj37mc"
