"""The chaos's workflows as a load for other faults: start some, send their signals, wait for their end, judge them."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from interpreter import Client, Scheduler
from tests.acceptance import findings
from tests.acceptance.chaos_workflows import SHAPES, signalled
from tests.acceptance.waiting import wait_until

__all__ = ["STEPS", "assert_all_went_right", "start_load", "unfinished"]

STEPS = 5


def start_load(starter: Client | Scheduler, executions: int, first: int = 0) -> None:
    """Start so many, of all shapes, and send the signals that they wait for; the number of the first may be given."""
    for number in range(first, first + executions):
        shape, execution_id = SHAPES[number % len(SHAPES)], f"load-{number}"
        starter.start(shape, number, STEPS, id=execution_id)
        if shape is signalled:
            starter.signal(execution_id, "go", execution_id, id="once")


def unfinished(sql: Connection[Any]) -> int:
    """How many executions have not ended."""
    question = "SELECT count(*) FROM dataflows.executions WHERE status NOT IN ('completed', 'failed', 'cancelled')"
    row = sql.execute(question).fetchone()
    assert row is not None
    return int(row[0])


def assert_all_went_right(sql: Connection[Any], executions: int) -> None:
    """Wait for their end; each is completed, with the result that its journal leads to."""
    wait_until(lambda: _ended(sql) == executions, f"{executions} executions end, or block", pause=0.1)
    assert findings.violations(sql, STEPS) == {}


def _ended(sql: Connection[Any]) -> int:
    question = "SELECT count(*) FROM dataflows.executions WHERE status NOT IN ('pending', 'running', 'suspended')"
    row = sql.execute(question).fetchone()
    assert row is not None
    return int(row[0])
