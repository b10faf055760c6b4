"""What a scheduler tells of its work: one hook, whose listeners harm nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from dataflows import ExecutionBlocked, Flow, Retry, get_logger, step, wait, workflow
from interpreter import Scheduler, Status
from tests.waiting import eventually

logger = get_logger("tests.events")


@workflow("events/fails once")
def fails_once(calls: int) -> Flow[str]:
    def fail() -> None:
        if not TRIED:
            TRIED.append(1)
            raise ConnectionError("down")
        raise KeyError("gone")

    yield from step("fail", fail, retry=Retry(attempts=2, first=0))
    return "never"


@workflow("events/blocked")
def blocked() -> Flow[None]:
    yield from step("far", int, on="nowhere")


@workflow("events/talks")
def talks() -> Flow[str]:
    logger.warning("one")
    yield from step("work", int)
    logger.warning("two")
    yield from wait("go")
    logger.warning("three")
    return "said"


TRIED: list[int] = []


def test_failures_ends_and_blocks_are_told_with_what_names_them(new_scheduler: Callable[..., Scheduler]) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    TRIED.clear()
    with new_scheduler(on_event=lambda event, details: told.append((event, details))) as scheduler:
        failed, stuck = scheduler.start(fails_once, 0), scheduler.start(blocked)
        with pytest.raises(KeyError):
            failed.result()
        with pytest.raises(ExecutionBlocked):
            stuck.result()
    of_failed = {event: details for event, details in told if details.get("execution") == failed.id}
    assert {"attempt-failed", "step-failed", "execution-ended"} <= of_failed.keys()
    attempt = of_failed["attempt-failed"]
    assert (attempt["step"], attempt["attempt"], str(attempt["error"])) == ("fail", 1, "down")
    assert attempt["retry_at"] is not None
    assert of_failed["execution-ended"]["status"] == Status.FAILED
    assert of_failed["execution-ended"]["reason"] == "KeyError: 'gone'"
    (problem,) = [details["problem"] for event, details in told if event == "blocked"]
    assert "on='nowhere'" in problem
    assert [event for event, _ in told][:1] == ["lease-taken"] and "handed-back" in [event for event, _ in told]


def test_a_listener_that_fails_is_logged_and_harms_nobody(
    new_scheduler: Callable[..., Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    def fails(event: str, details: dict[str, Any]) -> None:
        raise ZeroDivisionError(event)

    TRIED.clear()
    with new_scheduler(on_event=fails) as scheduler, pytest.raises(KeyError):
        scheduler.run(fails_once, 0)
    assert "a listener of the scheduler failed at 'step-failed'" in caplog.text


def test_the_log_says_which_execution_which_step_and_what_went_wrong(
    new_scheduler: Callable[..., Scheduler], caplog: pytest.LogCaptureFixture
) -> None:
    TRIED.clear()
    with caplog.at_level(logging.INFO, "dataflows"), new_scheduler() as scheduler:
        handle = scheduler.start(fails_once, 0)
        with pytest.raises(KeyError):
            handle.result()
    (line,) = [record.getMessage() for record in caplog.records if "step-failed" in record.getMessage()]
    assert f"execution={handle.id}" in line and "step=fail" in line and "KeyError" in line
    (line,) = [record.getMessage() for record in caplog.records if "execution-ended" in record.getMessage()]
    assert line == f"execution-ended execution={handle.id} status=failed reason=KeyError: 'gone'"


@pytest.mark.parametrize("cached", [0, 100])
def test_a_workflows_own_log_says_each_line_once_over_evictions_and_restarts(
    new_scheduler: Callable[..., Scheduler], caplog: pytest.LogCaptureFixture, cached: int
) -> None:
    with new_scheduler(cached=cached) as first:
        handle = first.start(talks)
        eventually(lambda: handle.status() == Status.SUSPENDED)
    with new_scheduler(cached=cached) as second:
        eventually(lambda: second.status(handle.id) == Status.SUSPENDED)
        second.signal(handle.id, "go")
        assert second.result(handle.id) == "said"
    assert [record.getMessage() for record in caplog.records if record.name == logger.name] == ["one", "two", "three"]
