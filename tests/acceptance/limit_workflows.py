"""Workflows whose steps share limits: one creates tasks in ClickUp, one takes a place of which there are few."""

from __future__ import annotations

import functools
import os
import time
from datetime import datetime

import psycopg

from dataflows import Flow, RateLimited, Retry, step, workflow
from dataflows.connectors.clickup import SERVICE, ClickUp, CreatedTask
from dataflows.connectors.connection import Connection
from dataflows.connectors.gate import Gate
from examples.services.clickup import EXTERNAL_ID, INBOX
from tests.acceptance.ledger import record

__all__ = ["AS_A_WHOLE", "CLICKUP", "PLACES", "PLACES_TAKEN", "SCALE", "as_a_whole", "create_tasks", "take_places"]

SCALE = 30
"""So many times as fast as ours time passes for the service, and for who waits for it."""

PLACES, AS_A_WHOLE = 3, 2
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


@workflow("shared/create task")
def create_tasks(number: int) -> Flow[bool]:
    made = yield from step("create-task", create_task, number, limit=CLICKUP)
    return made["created"]


# Places -----------------------------------------------------------------------------------------


def take_place(number: int, kind: int = 1, places: int = PLACES) -> int:
    """Take a place as long as the work lasts, and give it back.

    The server does so, too, when the connection is gone, as where this process is killed: but some moments later.
    """
    record()
    with psycopg.connect(os.environ["DATAFLOWS_TEST_LEDGER"], autocommit=True) as connection:
        for place in range(places):
            row = connection.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", [kind, place]).fetchone()
            if row is not None and row[0]:
                time.sleep(0.05)
                connection.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", [kind, place])
                return number
    raise AssertionError("no place is left: more run at once than may")


@workflow("shared/take place", retry=Retry(attempts=1))
def take_places(number: int) -> Flow[int]:
    return (yield from step("take-place", take_place, number, limit=PLACES_TAKEN))


@workflow("shared/as a whole", at_once=AS_A_WHOLE, retry=Retry(attempts=1))
def as_a_whole(number: int) -> Flow[int]:
    first = yield from step("first", take_place, number, 2, AS_A_WHOLE)
    return (yield from step("second", take_place, first, 2, AS_A_WHOLE))
