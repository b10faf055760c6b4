"""Very many executions at once, written as a whole and not one by one; living, ended, and dead ones."""

from __future__ import annotations

import os
from typing import Any

from psycopg import Connection

__all__ = ["MANY", "crowd", "dead_rows", "leave_to_autovacuum_nothing"]

MANY = int(os.environ.get("DATAFLOWS_TEST_ROWS", "100000"))
"""How many dead rows there are where there are very many."""

_OTHERS = ("subscriptions", "events", "limits", "tickets", "uses", "deliveries", "offers", "callbacks")
_BY_EXECUTION = ("executions", "journal", "inbox", "subscriptions", "events")
_EXECUTIONS = """
INSERT INTO dataflows.executions
    (id, workflow, version, status, due_at, scheduler, format, inbox_seq, created_at, ended_at)
SELECT 'e' || lpad(n::text, 7, '0'), 'w' || n %% 40, 1,
       CASE WHEN n %% 100 = 0 THEN 'running' WHEN %(ended)s AND n %% 5 > 0 THEN 'completed' ELSE 'suspended' END,
       CASE WHEN n %% 100 > 0 AND NOT (%(ended)s AND n %% 5 > 0) THEN now() + (n - %(most)s / 5) * interval '10 ms' END,
       CASE WHEN n %% 100 = 0 THEN 7 END,
       1, 1, now() - interval '1 year' + n * interval '1 s',
       CASE WHEN %(ended)s AND n %% 5 > 0 AND n %% 100 > 0 THEN now() - interval '1 year' + n * interval '2 s' END
FROM generate_series(1, %(most)s) AS n
"""
_SCHEDULER = """
INSERT INTO dataflows.schedulers (id, name, expires_at) OVERRIDING SYSTEM VALUE VALUES (7, 'held by', now() + '1 day')
ON CONFLICT DO NOTHING
"""
_JOURNAL = """
INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, data)
SELECT 'e' || lpad(n::text, 7, '0'), 1, seq, now(), 'step', '1'
FROM generate_series(1, %(most)s) AS n, generate_series(1, %(entries)s) AS seq
"""
_INBOX = """
INSERT INTO dataflows.inbox (execution_id, number, id, kind, seq)
SELECT 'e' || lpad(n::text, 7, '0'), number, 'signal:' || number, 'signal', CASE WHEN n %% 10 > 0 THEN 3 END
FROM generate_series(1, %(most)s, 2) AS n, generate_series(1, %(entries)s / 2) AS number
"""
_SUBSCRIPTIONS = """
INSERT INTO dataflows.subscriptions (execution_id, generation, position, name, key, delivered_at)
SELECT 'e' || lpad(n::text, 7, '0'), 1, '1', 'paid', 'order ' || n, CASE WHEN n %% 5 > 0 THEN now() END
FROM generate_series(1, %(most)s) AS n
"""
_EVENTS = """
INSERT INTO dataflows.events (name, key, id, woken, is_kept, emitted_at, expires_at)
SELECT 'paid', 'order ' || n, '1', n %% 2, n %% 2 = 0, now(), now() + n * interval '1 minute'
FROM generate_series(1, %(most)s) AS n
"""
_LIMITS = """
INSERT INTO dataflows.limits (name, rate, per, at_once, used)
VALUES ('clickup', 100, '1 minute', 5, %(most)s), ('shopify', 100, '1 minute', 5, 0)
"""
_TICKETS = """
INSERT INTO dataflows.tickets (execution_id, generation, position, limit_name, granted_at, scheduler)
SELECT 'e' || lpad(n::text, 7, '0'), 1, '1', 'clickup', CASE WHEN n <= 3 THEN now() END, CASE WHEN n <= 2 THEN 7 END
FROM generate_series(1, %(most)s) AS n
"""
_USES = """
INSERT INTO dataflows.uses (limit_name, number, at)
SELECT 'clickup', n, now() - (%(most)s - n) * interval '1 s' FROM generate_series(1, %(most)s) AS n
"""
_DELIVERIES = """
INSERT INTO dataflows.deliveries
    (source, id, digest, events, type, encoding, data, received_at, routed_at)
SELECT 'shop', 'e' || lpad(n::text, 7, '0'), '1', 1, 'paid', 'json', '1',
       now() - interval '1 year' + n * interval '1 s', CASE WHEN n %% 100 > 0 THEN now() END
FROM generate_series(1, %(most)s) AS n
"""
_OFFERS = """
INSERT INTO dataflows.offers (workflow, source, delivery_id, received_at)
SELECT 'w' || n %% 40, source, id, received_at
FROM (SELECT *, row_number() OVER () AS n FROM dataflows.deliveries WHERE routed_at IS NOT NULL) AS d
WHERE n %% 5 = 0
"""
_CALLBACKS = """
INSERT INTO dataflows.callbacks
    (digest, execution_id, generation, seq, name, question, opened_at, answered_at, message)
SELECT sha256(n::text::bytea), 'e' || lpad(n::text, 7, '0'), 1, 3, 'approval', '{}', now(),
       CASE WHEN n %% 5 > 0 THEN now() END, CASE WHEN n %% 5 > 0 THEN 1 END
FROM generate_series(1, %(most)s) AS n
"""
_DEAD = [
    """
    INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, created_at)
    SELECT 'dead' || n, %(workflow)s, 1, 'pending', now() - interval '1 hour' + n * interval '1 ms', 1, now()
    FROM generate_series(1, %(most)s) AS n
    """,
    "UPDATE dataflows.executions SET status = 'running', due_at = NULL, scheduler = 7",
    "UPDATE dataflows.executions SET status = 'completed', scheduler = NULL, ended_at = now()",
]


def leave_to_autovacuum_nothing(connection: Connection[Any]) -> None:
    """Statistics and dead rows stay as the test makes them."""
    for table in (*_BY_EXECUTION, "tickets", "uses", "deliveries", "offers", "callbacks"):
        connection.execute(f"ALTER TABLE dataflows.{table} SET (autovacuum_enabled = off)".encode())


def crowd(connection: Connection[Any], most: int, *, entries: int = 4, ended: bool = True) -> None:
    """Executions ``e0000001`` and on, with journals and inboxes: some held by scheduler 7, the others asleep.

    :param ended: but for four of five, which have ended.
    """
    for table, column in (("executions", "id"), ("journal", "execution_id"), ("inbox", "execution_id")):
        connection.execute(f"DELETE FROM dataflows.{table} WHERE {column} LIKE 'e_______'".encode())
    connection.execute(f"TRUNCATE {', '.join(f'dataflows.{table}' for table in _OTHERS)}".encode())
    connection.execute(_SCHEDULER)
    for query in (
        _EXECUTIONS,
        _JOURNAL,
        _INBOX,
        _SUBSCRIPTIONS,
        _EVENTS,
        _LIMITS,
        _TICKETS,
        _USES,
        _DELIVERIES,
        _OFFERS,
        _CALLBACKS,
    ):
        connection.execute(query, {"most": most, "entries": entries, "ended": ended})


def dead_rows(connection: Connection[Any], most: int = MANY, workflow: str = "w1") -> None:
    """So many executions that were due within the last hour, were claimed and have ended: three versions a row."""
    for query in _DEAD:
        connection.execute(query, {"most": most, "workflow": workflow})
