"""What the one hook is told."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from dataflows.errors import DatabaseUnavailable
from interpreter.scheduler.monitor import Monitor


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (psycopg.OperationalError("gone"), "database-unreachable"),
        (psycopg.errors.ReadOnlySqlTransaction("a replica by now"), "database-unreachable"),
        (DatabaseUnavailable("not there"), "database-unreachable"),
        (ZeroDivisionError("ours"), "thread-failed"),
    ],
)
def test_only_what_is_no_matter_of_the_database_is_told_as_a_fault_of_a_thread(error: Exception, event: str) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    Monitor(lambda *each: told.append(each)).thread_failed("limits", error)
    assert told == [(event, {"thread": "limits", "error": error})]
