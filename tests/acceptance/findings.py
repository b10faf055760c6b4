"""What a run of the chaos is judged by: questions to the database, in SQL, after everything has come to rest.

Owns the questions. A violation is a row that must not be; a count is told for its own sake. The laws hold at any
moment, for any workflow whose steps keep the ledger; the rest is about the chaos's own workflows.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from psycopg import Connection
from psycopg.rows import dict_row

__all__ = ["COUNTS", "LAWS", "VIOLATIONS", "broken_laws", "count", "shown", "violations"]

Found: TypeAlias = dict[str, list[dict[str, Any]]]

LAWS = {
    "steps that began again after their outcome was in the journal": """
        SELECT r.execution_id, r.position, r.step, r.process, r.began_at, j.seq, j.at AS journaled_at
        FROM runs r JOIN dataflows.journal j USING (execution_id, position)
        WHERE j.kind IN ('step', 'stopped') AND r.began_at > j.at
    """,
    "positions with more than one outcome": """
        SELECT execution_id, position, count(*) FROM dataflows.journal
        WHERE kind IN ('step', 'stopped', 'sleep', 'timeout', 'child', 'sent')
        GROUP BY execution_id, generation, position HAVING count(*) > 1
    """,
    "commands that have started more than one execution": """
        SELECT parent, parent_position, count(*) FROM dataflows.executions WHERE parent_position IS NOT NULL
        GROUP BY parent, parent_generation, parent_position HAVING count(*) > 1
    """,
    "children that have ended and not told their parent, which waits": """
        SELECT e.id, e.status FROM dataflows.executions e
        JOIN dataflows.executions p ON p.id = e.parent AND p.generation = e.parent_generation AND p.ended_at IS NULL
        WHERE e.parent_position IS NOT NULL AND e.ended_at IS NOT NULL
          AND NOT EXISTS (
              SELECT FROM dataflows.inbox i
              WHERE i.execution_id = p.id AND i.kind = 'child'
                AND (i.generation, i.position) = (e.parent_generation, e.parent_position)
          )
    """,
    "journals with a gap": """
        SELECT execution_id, min(seq), max(seq), count(*) FROM dataflows.journal
        GROUP BY execution_id, generation HAVING min(seq) <> 1 OR max(seq) <> count(*)
    """,
    "journals whose time goes back": """
        SELECT execution_id, seq, at, before FROM (
            SELECT *, lag(at) OVER (PARTITION BY execution_id, generation ORDER BY seq) AS before FROM dataflows.journal
        ) AS entry WHERE at < before
    """,
}
"""What must never be → the rows that show it."""

VIOLATIONS = LAWS | {
    "executions that are not completed": """
        SELECT id, status, problem FROM dataflows.executions WHERE status <> 'completed'
    """,
    "executions that are stranded: running without a living scheduler, or due and not taken": """
        SELECT e.id, e.status, e.scheduler, e.due_at FROM dataflows.executions e
        LEFT JOIN dataflows.schedulers s ON s.id = e.scheduler AND s.expires_at > clock_timestamp()
        WHERE (e.status = 'running' AND s.id IS NULL) OR e.due_at < clock_timestamp()
    """,
    "tokens in a result that are not the journal's, or of no run of that step": """
        SELECT result.execution_id, used.name, used.token
        FROM dataflows.history result
        CROSS JOIN LATERAL jsonb_each_text(result.payload::jsonb -> 'tokens') AS used (name, token)
        LEFT JOIN dataflows.history given
            ON given.execution_id = result.execution_id AND given.kind = 'step' AND given.ok
            AND given.name = used.name AND given.payload::jsonb #>> '{}' = used.token
        LEFT JOIN runs r
            ON r.token = used.token AND r.execution_id = given.execution_id AND r.position = given.position
        WHERE result.kind = 'completed' AND r.token IS NULL
    """,
    "results with a token too few, or too many": """
        SELECT execution_id, payload FROM dataflows.history, LATERAL (
            SELECT count(*) AS tokens FROM jsonb_object_keys(payload::jsonb -> 'tokens')
        ) AS counted
        WHERE kind = 'completed'
          AND tokens <> %(steps)s - CASE WHEN payload::jsonb ->> 'told' = 'limit' THEN 1 ELSE 0 END
    """,
    "races that were not won by whose end is first in the journal": """
        SELECT result.execution_id, result.payload, first.name
        FROM dataflows.history result
        JOIN dataflows.executions e ON e.id = result.execution_id AND e.workflow = 'chaos/race'
        CROSS JOIN LATERAL (
            SELECT name FROM dataflows.journal j
            WHERE j.execution_id = result.execution_id AND name IN ('contender', 'limit') AND kind IN ('step', 'sleep')
            ORDER BY seq LIMIT 1
        ) AS first
        WHERE result.kind = 'completed' AND result.payload::jsonb ->> 'told' <> first.name
    """,
    "flaky steps that did not fail exactly twice": """
        SELECT e.id, count(j.seq) FROM dataflows.executions e
        LEFT JOIN dataflows.journal j ON j.execution_id = e.id AND j.kind = 'attempt'
        WHERE e.workflow = 'chaos/retry' GROUP BY e.id HAVING count(j.seq) <> 2
    """,
    "signals that did not arrive, or not once": """
        SELECT e.id, count(j.seq) FROM dataflows.executions e
        LEFT JOIN dataflows.history j
            ON j.execution_id = e.id AND j.kind = 'signal' AND j.payload::jsonb #>> '{}' = e.id
        WHERE e.workflow = 'chaos/signal' GROUP BY e.id HAVING count(j.seq) <> 1
    """,
    "signalled executions that were told something else": """
        SELECT result.execution_id, result.payload FROM dataflows.history result
        JOIN dataflows.executions e ON e.id = result.execution_id AND e.workflow = 'chaos/signal'
        WHERE result.kind = 'completed' AND result.payload::jsonb ->> 'told' <> e.id
    """,
}
"""What must not be when the chaos has come to rest → the rows that show it."""

COUNTS = {
    "executions completed": "SELECT count(*) FROM dataflows.executions WHERE status = 'completed'",
    "executions blocked": "SELECT count(*) FROM dataflows.executions WHERE status = 'blocked'",
    "journal entries": "SELECT count(*) FROM dataflows.journal",
    "runs of steps": "SELECT count(*) FROM runs",
    "steps journaled": "SELECT count(*) FROM dataflows.journal WHERE kind = 'step'",
    "attempts that ran more than once (killed before they were journaled; allowed)": """
        SELECT count(*) FROM (
            SELECT FROM runs GROUP BY execution_id, position, attempt HAVING count(*) > 1
        ) AS repeated
    """,
}
"""What is told → one number."""


def broken_laws(connection: Connection[Any]) -> Found:
    """What must never be → the rows that show it; what was found in order is left out."""
    return shown(connection, LAWS)


def violations(connection: Connection[Any], steps: int) -> Found:
    """What must not be after a chaos of so many steps → the rows that show it; what was found in order is left out."""
    return shown(connection, VIOLATIONS, steps=steps)


def count(connection: Connection[Any], questions: dict[str, str] = COUNTS) -> dict[str, int]:
    """What is told → the number."""
    return {what: connection.execute(question).fetchone()[0] for what, question in questions.items()}  # type: ignore[index]


def shown(connection: Connection[Any], questions: dict[str, str], **parameters: Any) -> Found:
    """What must not be → the rows that show it; what was found in order is left out."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = {what: cursor.execute(question, parameters).fetchall() for what, question in questions.items()}
    return {what: rows for what, rows in found.items() if rows}
