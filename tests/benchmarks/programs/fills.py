"""Executions written straight into the tables: those whose making is not what is measured.

Owns the SQL that makes pending, sleeping, completed and half-done executions of workflows whose steps are all called
``noop``, row for row as a scheduler writes them. Knows nothing of what they are filled in for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from psycopg import Connection

from interpreter.store.rows import FORMAT, started_payload

__all__ = ["fill_asleep", "fill_completed", "fill_half_done", "fill_pending"]

_EXECUTIONS = """
    INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, created_at, ended_at)
    SELECT lpad(number::text, 36, '0'), %(workflow)s, 1, %(status)s, clock_timestamp() + %(due)s, %(format)s,
           clock_timestamp(), CASE %(status)s WHEN 'completed' THEN clock_timestamp() END
    FROM generate_series(1, %(number)s) AS number
"""
_JOURNAL = """
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, position, name, ok, encoding, data)
    SELECT lpad(number::text, 36, '0'), 1, line.seq, clock_timestamp(), line.kind, line.position, line.name, line.ok,
           CASE line.seq WHEN 1 THEN %(encoding)s WHEN 2 THEN NULL ELSE 'json' END,
           CASE line.seq WHEN 1 THEN %(payload)s::bytea WHEN 2 THEN NULL ELSE 'null'::bytea END
    FROM generate_series(1, %(number)s) AS number,
    (VALUES (1, 'started', NULL, NULL, NULL::boolean), (2, 'begun', NULL, NULL, NULL),
            (3, 'step', '0', 'noop', true), (4, 'completed', NULL, NULL, true)) AS line (seq, kind, position, name, ok)
    WHERE line.seq <= %(lines)s
"""
_STEPS = """
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, position, name, ok, encoding, data)
    SELECT %(id)s, 1, index + 3, clock_timestamp(), 'step', index::text, 'noop', true, 'json', 'null'::bytea
    FROM generate_series(0, %(steps)s - 1) AS index
"""


def fill_pending(connection: Connection[Any], workflow: str, number: int) -> None:
    """So many executions that can be claimed from now on."""
    _fill(connection, workflow, number, "pending", due=timedelta(0), lines=1)


def fill_asleep(connection: Connection[Any], workflow: str, number: int) -> None:
    """So many executions that are to go on tomorrow."""
    _fill(connection, workflow, number, "suspended", due=timedelta(days=1), lines=2)
    _settle(connection)


def fill_completed(connection: Connection[Any], workflow: str, number: int) -> None:
    """So many executions that have done their one step."""
    _fill(connection, workflow, number, "completed", due=None, lines=4)
    _settle(connection)


def fill_half_done(connection: Connection[Any], workflow: str, steps: int) -> str:
    """One execution with so many steps in its journal, which is its argument too; nothing wakes it. Answers its id."""
    execution_id = f"half-done-{steps}"
    with connection.transaction():
        _fill(connection, workflow, 1, "suspended", due=None, lines=2, arguments=(steps,))
        for table, column in (("executions", "id"), ("journal", "execution_id")):
            rename = f"UPDATE dataflows.{table} SET {column} = %s WHERE {column} = lpad('1', 36, '0')"
            connection.execute(rename.encode(), [execution_id])
        connection.execute(_STEPS, {"id": execution_id, "steps": steps})
    _settle(connection)
    return execution_id


def _fill(
    connection: Connection[Any],
    workflow: str,
    number: int,
    status: str,
    *,
    due: timedelta | None,
    lines: int,
    arguments: tuple[Any, ...] = (),
) -> None:
    encoded = started_payload("an argument", arguments, {}, "0" * 32)
    what = {"workflow": workflow, "number": number, "status": status, "due": due, "lines": lines, "format": FORMAT}
    with connection.transaction():
        connection.execute(_EXECUTIONS, what)
        connection.execute(_JOURNAL, {**what, "encoding": encoded.encoding, "payload": encoded.data})


def _settle(connection: Connection[Any]) -> None:
    """As a database is that has been running for long: else autovacuum does this while something is measured."""
    connection.execute("VACUUM (ANALYZE) dataflows.executions, dataflows.journal")
    connection.execute("CHECKPOINT")
