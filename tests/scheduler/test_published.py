"""Values that workflows publish, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflows import CannotStore, Flow, NotFound, continue_as_new, publish, step, wait, workflow
from interpreter import Client, Scheduler, Status
from tests.scheduler.doors import DOORS, opened_door
from tests.waiting import eventually


@workflow("published/progress")
def progress(values: list[Any]) -> Flow[str]:
    for value in values:
        yield from publish("progress", value)
        yield from wait("next")
    return "done"


@workflow("published/unstorable")
def unstorable() -> Flow[str]:
    try:
        yield from publish("recipe", lambda: "no value")
    except CannotStore as error:
        yield from publish("why", str(error))
    return "went on"


@workflow("published/over-generations")
def over_generations(generation: int) -> Flow[int]:
    yield from publish("latest", generation)
    if generation == 1:
        yield from publish("first", "kept")
    if generation < 8:
        return (yield from continue_as_new(generation + 1))
    return generation


@workflow("published/beside-a-step")
def beside_a_step() -> Flow[int]:
    value = yield from step("measure", lambda: 20)
    yield from publish("measured", value)
    return value + 1


def test_the_last_value_is_read_while_it_runs_and_after_it_has_ended(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    values: list[Any] = [1, "half", {"of": [2.5, None]}]
    handle = scheduler.start(progress, values, id=id)
    for value in values:
        eventually(lambda: handle.status() is Status.SUSPENDED and client.published(id, "progress") == value)  # noqa: B023
        handle.signal("next")
    assert handle.result(20) == "done"
    assert handle.published("progress") == values[-1]


@pytest.mark.parametrize("kind", DOORS)
def test_every_door_reads_it(database: str, client: Client, scheduler: Scheduler, id: str, kind: str) -> None:
    assert scheduler.run(beside_a_step, id=id) == 21
    with opened_door(kind, database) as door:
        assert door.published(id, "measured") == 20
        assert door.call(door.verbs.handle(id), "published")("measured") == 20


def test_what_cannot_be_stored_is_told_at_the_yield_and_the_former_value_stays(scheduler: Scheduler, id: str) -> None:
    assert scheduler.run(unstorable, id=id) == "went on"
    assert "the published value of 'recipe'" in scheduler.published(id, "why")
    with pytest.raises(NotFound):
        scheduler.published(id, "recipe")


def test_what_was_not_published_is_answered_with_what_was(scheduler: Scheduler, id: str) -> None:
    scheduler.run(beside_a_step, id=id)
    with pytest.raises(NotFound, match=r"published nothing under 'pressure'; it has published: 'measured'"):
        scheduler.published(id, "pressure")
    with pytest.raises(NotFound, match="does not exist"):
        scheduler.published("nobody", "pressure")


def test_it_outlives_the_generation_that_published_it_and_that_ones_journal(
    scheduler: Scheduler, client: Client, id: str
) -> None:
    assert scheduler.run(over_generations, 1, id=id) == 8
    assert (client.published(id, "latest"), client.published(id, "first")) == (8, "kept")
    eventually(lambda: [entry.kind for entry in client.history(id, generation=1)] == ["published"])
    assert client.published(id, "first") == "kept"


def test_it_is_published_once_however_often_it_is_replayed(new_scheduler: Callable[..., Scheduler], id: str) -> None:
    with new_scheduler() as first:
        handle = first.start(progress, [1, 2], id=id)
        eventually(lambda: handle.status() is Status.SUSPENDED)
    with new_scheduler() as second:
        second.signal(id, "next")
        eventually(lambda: second.published(id, "progress") == 2)
        second.signal(id, "next")
        assert second.result(id, 20) == "done"
        assert [entry.text for entry in second.history(id) if entry.kind == "published"] == ["1", "2"]
