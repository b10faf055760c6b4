-- How executions come to be held, with all that a holder has to know of them.

-- name: look_for_due
-- Whether there is anything to claim, and whether there is a suspect; how many schedules are known to be served, and the
-- earliest of their next moments; whether a delivery waits to be routed: what an idle scheduler asks, which locks and
-- writes nothing. "since" as in claim.
SELECT bool_or(EXISTS (
    SELECT FROM dataflows.executions e
    WHERE e.workflow = known.workflow AND e.version = known.version
      AND e.due_at >= coalesce(%(since)s::timestamptz, '-infinity') AND e.due_at <= now()
      AND e.deaths < 2 AND NOT e.paused AND e.format <= %(format)s
    OFFSET 0
)) AS is_due, (
    SELECT true FROM dataflows.executions e WHERE e.deaths >= 2 AND e.due_at <= now() AND NOT e.paused
    ORDER BY e.due_at LIMIT 1
) AS is_suspect, (
    SELECT count(*) FROM dataflows.served_schedules served JOIN dataflows.schedules s USING (workflow, schedule)
    WHERE served.scheduler = %(scheduler)s
) AS schedules, (
    SELECT min(s.next_at) FROM dataflows.served_schedules served JOIN dataflows.schedules s USING (workflow, schedule)
    WHERE served.scheduler = %(scheduler)s AND NOT s.paused
) AS next_slot, EXISTS (
    SELECT FROM dataflows.deliveries WHERE routed_at IS NULL AND received_at > '-infinity' OFFSET 0
) OR EXISTS (
    SELECT FROM unnest(%(triggered)b) AS known (workflow),
    LATERAL (SELECT FROM dataflows.offers WHERE workflow = known.workflow ORDER BY received_at LIMIT 1) AS o
) AS is_unrouted
FROM unnest(%(workflows)b, %(versions)b) AS known (workflow, version)

-- name: claim
-- One index range scan for each workflow version known here, oldest due first; "expected" is one row that is expected to
-- be a thousand, so that it is never thought better to read and sort all that is due. What became due before "since" is
-- not looked at: no live row is expected there, and dead ones are while an old snapshot keeps them. Each row tells the
-- latest due time among those taken; it is null where no clock shows it. Here all parameters stand in (SELECT …), so that
-- a plan for these is no better than one for any.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), taken AS MATERIALIZED (
    SELECT found.id, found.due_at
    FROM unnest((SELECT %(workflows)b), (SELECT %(versions)b)) AS known (workflow, version),
    LATERAL (
        SELECT e.id, e.due_at FROM dataflows.executions e, generate_series(1, (SELECT 1)) AS expected
        WHERE e.workflow = known.workflow AND e.version = known.version
          AND e.due_at >= (SELECT coalesce(%(since)s::timestamptz, '-infinity')) AND e.due_at <= now()
          AND e.deaths < 2 AND NOT e.paused AND e.format <= (SELECT %(format)s)
        ORDER BY e.due_at LIMIT (SELECT %(most)s::bigint)
        FOR UPDATE OF e SKIP LOCKED
    ) AS found
    ORDER BY found.due_at LIMIT (SELECT %(most)s::bigint)
)
UPDATE dataflows.executions e
SET scheduler = %(scheduler)s, status = 'running', due_at = NULL, waits_for = NULL
FROM lease
WHERE e.id = ANY (ARRAY(SELECT id FROM taken))
RETURNING e.id, e.generation, e.workflow, e.version, e.inbox_seq, e.deaths, e.created_at,
          e.parent_position IS NOT NULL,
          (SELECT max(due_at) FROM taken WHERE isfinite(due_at))

-- name: claim_suspect
-- The same for one execution that was held by two or more schedulers that died, with no progress between: one at a time,
-- so that the next death names the guilty one.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), known AS MATERIALIZED (
    SELECT * FROM unnest(%(workflows)b, %(versions)b) AS known (workflow, version)
), suspect AS MATERIALIZED (
    SELECT e.id FROM dataflows.executions e
    WHERE e.deaths >= 2 AND e.due_at <= now() AND NOT e.paused AND e.format <= %(format)s
      AND EXISTS (SELECT FROM known WHERE known.workflow = e.workflow AND known.version = e.version OFFSET 0)
    ORDER BY e.due_at LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE dataflows.executions e
SET scheduler = %(scheduler)s, status = 'running', due_at = NULL, waits_for = NULL
FROM lease
WHERE e.id = ANY (ARRAY(SELECT id FROM suspect))
RETURNING e.id, e.generation, e.workflow, e.version, e.inbox_seq, e.deaths, e.created_at,
          e.parent_position IS NOT NULL, NULL::timestamptz

-- name: read_journal
-- The entries that a holder does not have yet. A time that Python cannot show (somebody has edited the row) is null
-- here, so that it is one execution's trouble, and not that of all that are read with it.
SELECT j.execution_id, j.seq,
       CASE WHEN j.at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC' THEN j.at END AS at,
       j.kind, j.position, j.name, j.branch, j.ok, j.encoding, j.data,
       CASE WHEN j.moment BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC' THEN j.moment END AS moment
FROM unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(afters)b)) AS wanted (id, generation, after),
LATERAL (
    SELECT * FROM dataflows.journal j
    WHERE j.execution_id = wanted.id AND j.generation = wanted.generation AND j.seq > wanted.after
    ORDER BY j.seq OFFSET 0
) AS j

-- name: take_in_messages
-- What came while nobody held these executions enters their journals, in the transaction that takes them up.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), unread AS MATERIALIZED (
    SELECT i.execution_id, i.number, last.generation,
           i.kind, i.position, i.name, i.branch, i.ok, i.encoding, i.data, i.sent_at,
           last.seq + row_number() OVER (PARTITION BY i.execution_id ORDER BY i.number) AS seq,
           greatest(clock_timestamp(), last.at) AS at
    FROM lease
    CROSS JOIN unnest((SELECT %(ids)b), (SELECT %(generations)b)) AS taken (id, generation)
    CROSS JOIN LATERAL (
        SELECT j.generation, j.seq, j.at FROM dataflows.journal j
        WHERE j.execution_id = taken.id AND j.generation = taken.generation
        ORDER BY j.seq DESC LIMIT 1
    ) AS last
    CROSS JOIN LATERAL (
        SELECT * FROM dataflows.inbox i
        WHERE i.execution_id = taken.id AND i.seq IS NULL
          AND coalesce(i.generation, last.generation) = last.generation OFFSET 0
    ) AS i
), marked AS (
    UPDATE dataflows.inbox i SET seq = unread.seq
    FROM unread WHERE i.execution_id = ANY (ARRAY[unread.execution_id]) AND i.number = ANY (ARRAY[unread.number])
)
INSERT INTO dataflows.journal
    (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
SELECT execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data,
       CASE kind WHEN 'signal' THEN sent_at END
FROM unread ORDER BY execution_id, seq
RETURNING execution_id, seq, at, kind, position, name, branch, ok, encoding, data, moment

-- name: read_inbox
-- For each execution the number of the last message sent to it, whether people have terminated or paused it, and the
-- messages that are not journaled yet, in order.
SELECT e.id, e.inbox_seq, e.status = 'cancelled' AS terminated, e.paused,
       i.number, i.kind, i.position, i.name, i.branch, i.ok, i.encoding, i.data, i.sent_at
FROM unnest((SELECT %(ids)b)) AS wanted (id),
LATERAL (SELECT * FROM dataflows.executions WHERE id = wanted.id OFFSET 0) AS e
LEFT JOIN LATERAL (
    SELECT * FROM dataflows.inbox i
    WHERE i.execution_id = e.id AND i.seq IS NULL AND coalesce(i.generation, e.generation) = e.generation
    ORDER BY i.number OFFSET 0
) AS i ON true

-- name: find_messages
-- Which of these executions, where the scheduler holds them, have messages that are not journaled yet, or are terminated
-- or paused.
SELECT e.id
FROM unnest((SELECT %(ids)b)) AS asked (id),
LATERAL (SELECT * FROM dataflows.executions WHERE id = asked.id OFFSET 0) AS e
WHERE e.scheduler = %(scheduler)s
  AND (e.paused OR e.status <> 'running' OR EXISTS (
      SELECT FROM dataflows.inbox i
      WHERE i.execution_id = e.id AND i.seq IS NULL AND coalesce(i.generation, e.generation) = e.generation OFFSET 0
  ))

-- name: list_held
-- What a scheduler holds by the database's account, as a claim would have told it.
SELECT e.id, e.generation, e.workflow, e.version, e.inbox_seq, e.deaths, e.created_at,
       e.parent_position IS NOT NULL
FROM dataflows.executions e
WHERE e.scheduler = %(scheduler)s
