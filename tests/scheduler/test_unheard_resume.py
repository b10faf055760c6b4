"""A resume of which no notification came, as behind a pooler, while the execution is held: polling finds it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dataflows import Flow, gather, sleep, step, workflow
from interpreter import Client, Scheduler
from interpreter.scheduler import listener
from tests.scheduler.controlled import RAN, RELEASED, RUNNING, forget, hold, note
from tests.waiting import eventually


@workflow("unheard/beside a long step")
def beside_a_long_step(id: str) -> Flow[tuple[str, ...]]:
    return (yield from gather(step("long", hold, id, "long"), after_a_nap(id)))


def after_a_nap(id: str) -> Flow[str]:
    yield from sleep("nap", 4)  # longer than it takes to see that it is paused
    return (yield from step("after", note, id, "after"))


def test_a_resume_that_is_not_heard_is_found_by_polling(
    new_scheduler: Callable[..., Scheduler], monkeypatch: pytest.MonkeyPatch, id: str
) -> None:
    forget()
    monkeypatch.setattr(listener, "is_pooled", lambda _: True)
    with new_scheduler() as scheduler, Client(scheduler._named) as client:
        handle = scheduler.start(beside_a_long_step, id, id=id)
        assert RUNNING.acquire(timeout=20)
        client.pause(id)
        eventually(lambda: scheduler._host._driver.held[id].paused, 20)  # type: ignore[union-attr]
        client.resume(id)
        try:
            eventually(lambda: RAN[id, "after"], 15)  # not only when the long step is over
        finally:
            RELEASED.set()
        assert handle.result(20) == ("long", "after")
