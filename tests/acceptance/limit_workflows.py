"""Workflows whose steps share limits: one creates tasks in ClickUp, one takes a place of which there are few."""

from __future__ import annotations

import functools
import os
import time
from datetime import datetime

import psycopg

from dataflows import Flow, RateLimited, Retry, step, workflow
from dataflows.connectors.clickup import SERVICE, ClickUp, CreatedTask
from dataflows.connectors.http import Connection, Gate
from examples.services.clickup import EXTERNAL_ID, INBOX
from tests.acceptance.ledger import record

__all__ = ["CLICKUP", "PLACES", "PLACES_TAKEN", "SCALE", "create_tasks", "take_places"]

SCALE = 30
"""So many times as fast as ours time passes for the service, and for who waits for it."""

PLACES = 3
CLICKUP, PLACES_TAKEN = "clickup", "places"
ADDRESS = "LIMITS_CLICKUP_URL"


# ClickUp ----------------------------------------------------------------------------------------


@functools.cache
def client() -> ClickUp:
    """A client for whom a minute is as short as it is for the service."""
    token = "pk_183_LOCAL0A1B2C"
    made = ClickUp(os.environ[ADDRESS], token)
    made._connection = Connection(
        *(SERVICE, os.environ[ADDRESS], {"Authorization": token}),
        pause=lambda seconds: time.sleep(seconds / SCALE),
        gate=Gate(lambda: time.monotonic() * SCALE),
    )
    return made


def create_task(number: int) -> CreatedTask:
    try:
        return client().create_task(
            INBOX, name=f"task {number}", external_id=str(number), external_id_field=EXTERNAL_ID
        )
    except RateLimited as limited:
        if isinstance(limited.when, datetime):
            raise
        raise RateLimited(limited.when / SCALE, limited.message) from limited


@workflow("limits/create task")
def create_tasks(number: int) -> Flow[bool]:
    made = yield from step("create-task", create_task, number, limit=CLICKUP)
    return made["created"]


# Places -----------------------------------------------------------------------------------------


def take_place(number: int) -> int:
    """Take a place as long as the work lasts. The server gives it back, too, when this process is killed."""
    record()
    with psycopg.connect(os.environ["DATAFLOWS_TEST_LEDGER"], autocommit=True) as connection:
        for place in range(PLACES):
            row = connection.execute("SELECT pg_try_advisory_lock(4711, %s::int)", [place]).fetchone()
            if row is not None and row[0]:
                time.sleep(0.05)
                return number
    raise AssertionError("no place is left: more run at once than may")


@workflow("limits/take place", retry=Retry(attempts=1))
def take_places(number: int) -> Flow[int]:
    return (yield from step("take-place", take_place, number, limit=PLACES_TAKEN))
