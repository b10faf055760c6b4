-- What clients write, and executions about others: starts and messages.

-- name: start
-- A client starts an execution, or another execution does, unless that has ended since; whoever claims it begins it.
-- The notification is a hint to whoever is idle: everything is found by polling too.
WITH parent AS MATERIALIZED (
    SELECT FROM dataflows.executions
    WHERE id = %(parent)s AND generation = %(generation)s AND status NOT IN ('completed', 'failed', 'cancelled')
    FOR SHARE
), made AS (
    INSERT INTO dataflows.executions
        (id, workflow, version, status, due_at, format, tags, created_at,
         parent, parent_generation, parent_position, parent_branch)
    SELECT %(id)s, %(workflow)s, %(version)s, 'pending', clock_timestamp() + %(delay)s, %(format)s, %(tags)s::jsonb,
           clock_timestamp(), %(parent)s, %(generation)s, %(position)s, %(branch)s
    WHERE %(parent)s::text IS NULL OR EXISTS (SELECT FROM parent)
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
), written AS (
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data)
    SELECT id, 1, 1, created_at, 'started', %(encoding)s, %(payload)b FROM made
)
SELECT id, CASE WHEN %(delay)s <= interval '0' THEN pg_notify('dataflows', '') END FROM made

-- name: send
-- A message to one execution, and the number that tells its holder. Ended or unknown: no row, and none is left.
-- A message id that was used before changes nothing.
WITH target AS (
    UPDATE dataflows.executions e
    SET inbox_seq = inbox_seq + 1,
        due_at = CASE WHEN status = 'suspended' OR (status = 'pending' AND %(kind)s = 'cancel')
                      THEN least(due_at, clock_timestamp()) ELSE due_at END
    WHERE id = %(execution_id)s AND status NOT IN ('completed', 'failed', 'cancelled')
      AND NOT EXISTS (SELECT FROM dataflows.inbox i WHERE i.execution_id = e.id AND i.id = %(id)s)
    RETURNING id, inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, id, kind, name, encoding, data)
    SELECT id, inbox_seq, %(id)s, %(kind)s, %(name)s, %(encoding)s, %(payload)b FROM target
    ON CONFLICT DO NOTHING
    RETURNING number
)
SELECT EXISTS (SELECT FROM sent) AS sent,
       EXISTS (SELECT FROM dataflows.inbox i WHERE i.execution_id = %(execution_id)s AND i.id = %(id)s) AS known,
       before.status, before.waits_for,
       (SELECT pg_notify('dataflows', %(execution_id)s) FROM sent)
FROM (VALUES (%(execution_id)s)) AS asked (id)
LEFT JOIN LATERAL (
    SELECT status, CASE WHEN status = 'suspended' THEN waits_for END AS waits_for
    FROM dataflows.executions e WHERE e.id = asked.id OFFSET 0
) AS before ON true
