"""Workflows with schedules, made for one test each, and schedules whose last moments lie in the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from dataflows import Event, Flow, Workflow, cron, step
from dataflows.schedules import CatchUp, Cron, Schedule
from dataflows.slots import slots
from interpreter import Scheduler, WorkflowSchedule
from tests.databases import opened
from tests.waiting import eventually

__all__ = [
    "away_from_now",
    "executions",
    "missed",
    "moment_of",
    "moments_of",
    "only",
    "put_back",
    "scheduled",
    "settled",
]


def tell_time(event: Event) -> Flow[str]:
    return (yield from step("tell", str, event.time))


def scheduled(*schedules: Schedule, name: str = "report", version: int = 1) -> Workflow[[Event], str]:
    """A workflow that nobody else serves."""
    return Workflow(tell_time, name, version, triggers=schedules)


def away_from_now(catch_up: CatchUp = "latest") -> Cron:
    """Once an hour, half an hour from now: no moment is near, however long a test takes."""
    return cron(f"{(datetime.now(UTC).minute + 30) % 60} * * * *", catch_up=catch_up)


def put_back(database: str, length: timedelta, workflow: str = "report") -> None:
    """As if no scheduler had looked at the workflow's schedules for so long."""
    query = (
        "UPDATE dataflows.schedules SET next_at = next_at - %(length)s, "
        "created_at = created_at - %(length)s - interval '1 h' WHERE workflow = %(workflow)s"
    )
    with opened(database) as connection:
        connection.execute(query.encode(), {"length": length, "workflow": workflow})


def missed(new_scheduler: Any, workflow: Workflow[..., Any], length: timedelta, **settings: Any) -> Scheduler:
    """A scheduler that is not open yet, for a workflow whose schedules nobody has looked at for so long."""
    scheduler: Scheduler = new_scheduler(workflows=[workflow], **settings)
    with scheduler:
        eventually(scheduler.list_schedules)
    put_back(str(scheduler._named), length, workflow.name)
    return scheduler


def settled(scheduler: Scheduler) -> list[WorkflowSchedule]:
    """All schedules, when nothing of those that are served and not paused is due."""
    due = "SELECT count(*) FROM dataflows.schedules WHERE NOT paused AND next_at <= clock_timestamp()"

    def look(connection: Connection[Any]) -> bool:
        [(count,)] = connection.execute(due.encode()).fetchall()
        return not count

    with opened(str(scheduler._named)) as connection:
        eventually(lambda: look(connection))
    return scheduler.list_schedules()


def only(schedules: Sequence[WorkflowSchedule]) -> WorkflowSchedule:
    [one] = schedules
    return one


def executions(scheduler: Scheduler) -> list[str]:
    """The ids of all, sorted."""
    return sorted(execution.id for execution in scheduler.list(limit=10_000))


def moment_of(execution_id: str) -> datetime:
    """The moment that it was started for."""
    return datetime.fromisoformat(execution_id.partition("@")[2])


def moments_of(schedule: Schedule, first: datetime, end: datetime, name: str = "report") -> list[str]:
    """The ids of the executions of all moments from the first on, before the end."""
    instant = timedelta(microseconds=1)
    return [f"{name}@{moment.isoformat()}" for moment in slots(schedule, first - instant, end - instant)]
