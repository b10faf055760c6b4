"""What an offer comes to: which triggers want the delivery's events, and what that starts.

Owns the ids of what is started, and the patience with predicates of authors. Has no connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dataflows.connectors.sources import identifier
from dataflows.errors import DataflowsError
from dataflows.events import Event, Trigger
from dataflows.names import check_name
from dataflows.workflow import Workflow
from interpreter.codec import Encoded, encode
from interpreter.operations import NewExecution, prepare
from interpreter.operations.deliveries import DeliveredEvents, events_of
from interpreter.operations.events import emission
from interpreter.requests import Query
from interpreter.scheduler.monitor import Monitor
from interpreter.scheduler.schedules import Workflows
from interpreter.store.offers import Known, Offer

__all__ = ["Asked", "Triggered", "ask", "emissions"]

_IDENTIFIER = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Triggered:
    """The workflows that have triggers, the newest version of each.

    :ivar workflows: by name.
    :ivar triggers: what of them a database is told.
    """

    workflows: dict[str, Workflow[..., Any]] = field(default_factory=dict)
    triggers: frozenset[Known] = frozenset()

    @classmethod
    def of(cls, served: Workflows) -> Triggered:
        newest = {name: served[name, version] for name, version in sorted(served)}
        triggered = {name: workflow for name, workflow in newest.items() if any(_triggers(workflow))}
        known = frozenset((w.name, one.source, one.type) for w in triggered.values() for one in _triggers(w))
        return cls(triggered, known)


def _triggers(workflow: Workflow[..., Any]) -> Iterator[Trigger]:
    return (each for each in workflow.triggers if isinstance(each, Trigger))


class Asked(NamedTuple):
    """An execution that a trigger wants to be started.

    :ivar offer: what it came of.
    """

    offer: Offer
    new: NewExecution


def ask(known: Triggered, offer: Offer, monitor: Monitor) -> Iterator[Asked]:
    """What the workflow starts of the events that it is offered: an execution for each that a trigger of it wants.

    An event that a trigger raises for is taken as not wanted by it, and that is told.
    """
    workflow = known.workflows[offer.workflow]
    for key, event in _read(offer, monitor):
        if any(_wants(trigger, event, offer, monitor) for trigger in _triggers(workflow)):
            id = _execution_id(workflow.name, key, offer)
            try:
                yield Asked(offer, prepare(workflow, (event,), {}, id, 0, None))
            except DataflowsError as error:
                _tell(monitor, offer, error)


def emissions(offer: Offer, monitor: Monitor) -> list[Query]:
    """What tells those who wait for a delivery's events by key; in the order in which these are locked.

    An event without a subject has no key, and one whose type or subject is no name is awaited by nobody.
    """
    queries = [query for key, event in _read(offer, monitor) for query in _emission(key, event, offer)]
    return sorted(queries, key=lambda query: str(query.lock))


def _emission(key: str, event: Event, offer: Offer) -> Iterator[Query]:
    try:
        name, subject = check_name(event.type, "a type"), check_name(event.subject, "a subject")
    except (TypeError, ValueError):
        return
    id = identifier(offer.source, key, *_of_round(offer))
    yield emission(name, subject, id, encode(event, f"an event of {offer.source}"))


def _wants(trigger: Trigger, event: Event, offer: Offer, monitor: Monitor) -> bool:
    if trigger.source != offer.source:
        return False
    try:
        return trigger.matches(event)
    except Exception as error:
        _tell(monitor, offer, error)
        return False


def _read(offer: Offer, monitor: Monitor) -> DeliveredEvents:
    """The events; none, and that is told, if what a program emitted is of a class that is not found here."""
    try:
        return events_of(offer.source, offer.id, offer.type, offer.subject, Encoded(offer.encoding, offer.data))
    except DataflowsError as error:
        _tell(monitor, offer, error)
        return []


def _tell(monitor: Monitor, offer: Offer, error: Exception) -> None:
    monitor.emit("trigger-failed", workflow=offer.workflow, source=offer.source, delivery=offer.id, error=error)


def _execution_id(workflow: str, key: str, offer: Offer) -> str:
    """Made of the event's key, so that the same event again is the same execution; of its source, if the key is not."""
    if not (key.startswith(f"{offer.source}:") and _IDENTIFIER.fullmatch(key)):
        key = identifier(offer.source, key)
    return identifier(workflow, key=":".join((key, *_of_round(offer))))


def _of_round(offer: Offer) -> tuple[str, ...]:
    return ("again", str(offer.round)) if offer.round else ()
