"""ClickUp's webhooks: their deliveries as events, and the triggers on them.

Owns the delivery's envelope. It has the task's id and what changed, and no task: fetch the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from dataflows.connectors.sources.checks import SignedBody
from dataflows.connectors.sources.delivery import Delivery
from dataflows.connectors.sources.one_event import OneEventSource
from dataflows.connectors.sources.predicates import holds, trigger_on
from dataflows.connectors.sources.reading import body_hash, identifier, number_or_word, read_object, word
from dataflows.connectors.sources.times import moment_of_number
from dataflows.events import Event, Trigger

__all__ = [
    "SOURCE",
    "ClickUpSource",
    "list_created",
    "task_commented",
    "task_created",
    "task_deleted",
    "task_status_changed",
    "task_updated",
]

SOURCE = "clickup"

TYPE_PREFIX = "com.clickup."
WHAT = "a ClickUp delivery"


class ClickUpSource(OneEventSource):
    """The deliveries of one webhook, or of two: each webhook has a secret of its own.

    ClickUp waits 7 s for an answer, and suspends a webhook at once that is answered 401 or 410.
    The signature covers no time: an old delivery that comes again is known by its id alone.

    :param secrets: as the answer to the webhook's creation had them; with none, everything is refused.
    :raises ValueError: as ``SignedBody``.
    """

    name = SOURCE

    def __init__(self, *secrets: str | bytes | None) -> None:
        super().__init__(SignedBody("X-Signature", *secrets, what="the ClickUp webhook's secret"))

    def read(self, delivery: Delivery) -> Event:
        """One event for a delivery, whatever the number of its history items: these tell one change in parts.

        The id is made of webhook, event and first history item, since ClickUp sends none: one creation is told
        twice, as ``taskCreated`` and as ``taskStatusUpdated``, with the same items. Without items it is made of
        what the event is about; without that, of a hash of the body.
        """
        envelope = read_object(delivery.body, WHAT)
        event_type, webhook = word(envelope, "event", WHAT), word(envelope, "webhook_id", WHAT)
        item = _first_item(envelope)
        subject = _subject(envelope)
        return Event(
            id=identifier(
                SOURCE, webhook, event_type, number_or_word(item.get("id")) or subject or body_hash(delivery)
            ),
            source=f"/clickup/webhook/{webhook}",
            type=TYPE_PREFIX + event_type,
            data=envelope,
            subject=subject,
            time=moment_of_number(item.get("date"), timedelta(milliseconds=1)),
        )


def task_created(list: str | int | None = None) -> Trigger:
    """The creation of a task; ``event.data["task_id"]`` is the task.

    :param list: only in the list of this id.
    """
    return trigger_on(SOURCE, TYPE_PREFIX + "taskCreated", holds(list, "history_items/parent_id"))


def task_updated() -> Trigger:
    """A change of a task; ``event.data["history_items"]`` say what has changed."""
    return trigger_on(SOURCE, TYPE_PREFIX + "taskUpdated")


def task_status_changed(to: str | None = None) -> Trigger:
    """A task's new status; the creation of a task is one too.

    :param to: only if it is this one, by its name.
    """
    return trigger_on(SOURCE, TYPE_PREFIX + "taskStatusUpdated", holds(to, "history_items/after/status"))


def task_commented() -> Trigger:
    """A comment on a task."""
    return trigger_on(SOURCE, TYPE_PREFIX + "taskCommentPosted")


def task_deleted() -> Trigger:
    """A task that was deleted, and can no longer be fetched."""
    return trigger_on(SOURCE, TYPE_PREFIX + "taskDeleted")


def list_created() -> Trigger:
    """The creation of a list; ``event.data["list_id"]`` is the list."""
    return trigger_on(SOURCE, TYPE_PREFIX + "listCreated")


def _first_item(envelope: Mapping[str, Any]) -> dict[str, Any]:
    items = envelope.get("history_items")
    return items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}


def _subject(envelope: Mapping[str, Any]) -> str | None:
    for kind in ("task", "list", "folder", "space", "goal"):
        number = number_or_word(envelope.get(f"{kind}_id"))
        if number:
            return f"{kind}/{number}"
    return None
