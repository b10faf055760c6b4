"""What a workflow may be started by."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from dataflows import Event, Flow, Trigger, cron, every, on, sleep, workflow
from dataflows.connectors import azure_devops as azure
from dataflows.errors import WorkflowRefused


def takes_an_event(event: Event, note: str = "", *, loudly: bool = False) -> Flow[None]:
    yield from sleep("a while", "1s")


def takes_nothing() -> Flow[None]:
    yield from sleep("a while", "1s")


def takes_more(event: Event, note: str) -> Flow[None]:
    yield from sleep("a while", "1s")


def takes_it_by_name(*, event: Event) -> Flow[None]:
    yield from sleep("a while", "1s")


def test_a_workflow_is_started_by_nothing_by_one_thing_or_by_any_of_several() -> None:
    created, daily = azure.work_item_created(project="Shop"), cron("0 9 * * 1-5")
    assert workflow("tests.triggers.by-nothing")(takes_an_event).triggers == ()
    assert workflow("tests.triggers.by-a-trigger", trigger=created)(takes_an_event).triggers == (created,)
    assert workflow("tests.triggers.by-a-schedule", trigger=daily)(takes_an_event).triggers == (daily,)
    several = workflow("tests.triggers.by-several", trigger=[created, daily, on("order.paid"), created])(takes_an_event)
    assert several.triggers == (created, daily, on("order.paid"))
    assert workflow("tests.triggers.by-none-of-several", trigger=())(takes_nothing).triggers == ()


@pytest.mark.parametrize("wrong", ["0 9 * * *", 900, [every("1h"), None], [[every("1h")]], {"a"}, Trigger])
def test_what_is_no_trigger_is_refused_where_it_stands(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"@workflow\('tests.triggers.wrong', trigger=\) is a trigger like"):
        workflow("tests.triggers.wrong", trigger=wrong)


def test_a_trigger_that_was_not_called_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"call it: work_item_created\(\)"):
        workflow("tests.triggers.uncalled", trigger=azure.work_item_created)  # type: ignore[call-overload]


@pytest.mark.parametrize("function", [takes_nothing, takes_more, takes_it_by_name])
def test_a_workflow_with_a_trigger_that_cannot_be_called_with_an_event_alone_is_refused(function: Any) -> None:
    with pytest.raises(WorkflowRefused, match=rf"{function.__name__}\(.*\) cannot be: write"):
        workflow("tests.triggers.takes", trigger=every("30000d"))(function)


def test_what_a_workflow_takes_beside_the_event_may_be_given_beforehand() -> None:
    with_a_note = functools.partial(takes_more, note="given")
    assert workflow("tests.triggers.partial", trigger=every("30000d"))(with_a_note).triggers == (every("30000d"),)


def event(**data: object) -> Event:
    return Event("1", "/shop", "order.paid", data)


def test_a_trigger_is_narrowed_by_a_plain_predicate() -> None:
    large = on("order.paid", where=lambda event: "total" in event.data).when(lambda event: event.data["total"] > 100)
    assert large.matches(event(total=101))
    assert not large.matches(event(total=100))
    assert not large.matches(event()), "the second is asked only where the first accepts"
    assert not large.matches(Event("1", "/shop", "order.placed", {"total": 101}))


def test_a_predicate_that_raises_is_heard_by_whoever_asks() -> None:
    with pytest.raises(KeyError, match="total"):
        on("order.paid").when(lambda event: event.data["total"] > 100).matches(event())


def test_narrowing_makes_another_trigger_equal_to_what_is_narrowed_alike() -> None:
    def is_large(event: Event) -> bool:
        return bool(event.data["total"] > 100)

    plain = on("order.paid")
    assert plain.when(is_large) == on("order.paid").when(is_large) != plain
    assert hash(plain.when(is_large)) == hash(on("order.paid").when(is_large))
    assert plain == on("order.paid")
