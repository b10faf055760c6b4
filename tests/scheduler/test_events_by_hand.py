"""The event with which a person starts a workflow that has triggers: what is not said is as the trigger has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dataflows import Event, Flow, cron, every, on, sleep
from dataflows.events import Trigger
from dataflows.workflow import Workflow
from interpreter.operations import read_event_for


def triggered(event: Event) -> Flow[None]:
    yield from sleep("nothing", 0)


def by(*triggers: Any) -> Workflow[..., Any]:
    return Workflow(triggered, "by-hand", triggers=triggers)


PAID = Trigger("shop", "order.paid")


def test_type_and_source_are_its_triggers_and_each_event_has_an_id_of_its_own() -> None:
    first, second = (read_event_for(by(PAID, cron("0 9 * * *")), {"data": 5}) for _ in range(2))
    assert (first.source, first.type, first.data) == ("shop", "order.paid", 5)
    assert first.id != second.id


def test_what_is_said_counts() -> None:
    said = {"id": "7", "source": "/elsewhere", "type": "order.sent", "subject": "A-1", "time": "2026-01-02T03:04:05Z"}
    event = read_event_for(by(PAID), said)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert event == Event("7", "/elsewhere", "order.sent", subject="A-1", time=at)


def test_of_several_types_one_has_to_be_said_and_brings_its_source() -> None:
    workflow = by(PAID, Trigger("shop", "order.paid", where=bool), on("order.sent"))
    with pytest.raises(ValueError, match="say \"type\", one of 'order.paid', 'order.sent'"):
        read_event_for(workflow, {})
    assert read_event_for(workflow, {"type": "order.sent"}).source == "events"


def test_one_that_only_schedules_start_is_given_the_event_of_this_moment() -> None:
    event = read_event_for(by(every("1h")), {})
    assert (event.source, event.type, event.subject) == ("/schedules/by-hand", "dataflows.schedule.slot", "by-hand")
    assert event.time is not None and datetime.now(UTC) - event.time < timedelta(minutes=1)


def test_one_that_has_no_trigger_is_given_an_event_of_its_own_name() -> None:
    event = read_event_for(by(), {"data": 5})
    assert (event.source, event.type, event.data) == ("/by-hand", "by-hand", 5)


def test_an_attribute_that_events_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="Event has no field 'total'"):
        read_event_for(by(PAID), {"total": 5})
