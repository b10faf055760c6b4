"""Events, which come from outside, and triggers, which say which of them start a workflow.

Owns the two values. Knows no service: ``dataflows.connectors`` make events of what services
send, and triggers for what they can send.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

__all__ = ["EMITTED", "All", "Event", "Predicate", "Trigger", "on"]

EMITTED = "events"
"""The source of the events that programs emit themselves."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, with the attribute names of CloudEvents 1.0.

    :ivar id: unique within its source; a redelivery has the same one.
    :ivar source: where it happened, a URI or a path.
    :ivar type: what happened, with the namespace of who defined it: ``com.azure.devops.workitem.created``.
    :ivar data: the payload, as it came.
    :ivar subject: what it happened to, within the source: ``workitem/42``.
    :ivar time: when it happened, aware, or None where the source does not say.
    :ivar datacontenttype: the media type that ``data`` came in.
    :ivar dataschema: the URI of the schema of ``data``, if it has one.
    :raises ValueError: ``id``, ``source`` or ``type`` is empty, or ``time`` has no time zone.
    """

    specversion: ClassVar[str] = "1.0"

    id: str
    source: str
    type: str
    data: Any = field(default=None, hash=False)
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str = "application/json"
    dataschema: str | None = None

    def __post_init__(self) -> None:
        for name in ("id", "source", "type"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ValueError(f"Event({name}=) is a text of at least one character; got {value!r}")
        if self.time is not None and self.time.tzinfo is None:
            raise ValueError(f"Event(time=) is an aware datetime; {self.time!r} has no time zone")


Predicate: TypeAlias = Callable[[Event], bool]
"""Whether an event is wanted. Pure, since it may be asked again at a redelivery."""


@dataclass(frozen=True, slots=True)
class All:
    """Accepts an event that each of the predicates accepts; equal to another that asks equal ones."""

    predicates: tuple[Predicate, ...] = ()

    def __call__(self, event: Event) -> bool:
        return all(accepts(event) for accepts in self.predicates)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which events start a workflow: those of one type, from one source, that a plain predicate accepts.

    :ivar source: the name under which deliveries come in, like ``"azure-devops"``; whoever
        routes events offers a trigger those of its own source only.
    :ivar type: the type of event.
    :ivar where: says whether this one is wanted. Whoever routes events takes one that it raises for as not wanted.
    """

    source: str
    type: str
    where: Predicate = All()

    def matches(self, event: Event) -> bool:
        """Whether this event starts the workflow.

        :raises Exception: what ``where`` raised.
        """
        return event.type == self.type and self.where(event)

    def when(self, accepts: Predicate) -> Trigger:
        """Narrow it: only those of its events that the predicate accepts too.

        ::

            azure.work_item_created().when(lambda event: "urgent" in event.data["resource"]["fields"]["System.Tags"])
        """
        return replace(self, where=All((self.where, accepts)))


def on(type: str, *, where: Predicate = All()) -> Trigger:
    """The events of that type that programs emit themselves.

    :param where: only those that it accepts.
    :raises ValueError: ``type`` is empty.
    """
    if not isinstance(type, str) or not type:
        raise ValueError(f'on("order.paid") takes the type of an event; got {type!r}')
    return Trigger(EMITTED, type, where)
