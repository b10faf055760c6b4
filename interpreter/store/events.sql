-- Events by key: every statement by name. Each stands in a transaction behind the lock of its event's name and key, so
-- that an event and a subscription do not miss each other. Joins are made row by row, for the reason in schema.sql.

-- name: lock_event
-- Until the end of the transaction nobody else emits, or subscribes to, what has this name and key.
SELECT pg_advisory_xact_lock(hashtextextended(%(lock)s, 0))

-- name: emit
-- Every execution that waits for it gets it as a message; if none does, it is kept until it expires. What was emitted
-- under this id before changes nothing. Answers how many got it, then or now. A few that have expired go by the way.
-- Where a workflow is known to have a trigger on it, it is a delivery too, which routers offer to that workflow.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), before AS MATERIALIZED (
    SELECT woken FROM dataflows.events WHERE name = %(name)s AND key = %(key)s AND id = %(id)s
), subscribed AS MATERIALIZED (
    SELECT s.execution_id, s.generation, s.position
    FROM moment, dataflows.subscriptions s
    WHERE s.name = %(name)s AND s.key = %(key)s AND s.delivered_at IS NULL
      AND (s.deadline IS NULL OR s.deadline >= moment.now) AND NOT EXISTS (SELECT FROM before)
), waiting AS MATERIALIZED (
    SELECT e.id, one.generation, one.position
    FROM (SELECT * FROM subscribed ORDER BY execution_id OFFSET 0) AS one,
    LATERAL (
        SELECT id FROM dataflows.executions
        WHERE id = one.execution_id AND generation = one.generation
          AND status NOT IN ('completed', 'failed', 'cancelled')
        FOR NO KEY UPDATE
    ) AS e
), counted AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY id ORDER BY position) AS number, count(*) OVER (PARTITION BY id) AS waits
    FROM waiting
), woken AS (
    UPDATE dataflows.executions e
    SET inbox_seq = e.inbox_seq + one.waits,
        due_at = CASE WHEN e.status = 'suspended' THEN least(e.due_at, moment.now) ELSE e.due_at END
    FROM moment, (SELECT DISTINCT id, waits FROM counted) AS one
    WHERE e.id = ANY (ARRAY[one.id])
    RETURNING e.id, e.inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, kind, name, branch, encoding, data, sent_at)
    SELECT woken.id, woken.inbox_seq - counted.waits + counted.number, 'signal', %(name)s, %(key)s,
           %(encoding)s, %(payload)b, moment.now
    FROM moment, woken JOIN counted USING (id)
), delivered AS (
    UPDATE dataflows.subscriptions s SET delivered_at = moment.now
    FROM moment, waiting
    WHERE s.execution_id = ANY (ARRAY[waiting.id]) AND s.generation = ANY (ARRAY[waiting.generation])
      AND s.position = ANY (ARRAY[waiting.position])
), expired AS MATERIALIZED (
    SELECT name, key, id FROM dataflows.events
    WHERE expires_at < (SELECT now FROM moment) AND (name, key, id) <> (%(name)s, %(key)s, %(id)s)
    ORDER BY expires_at LIMIT 10
    FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM dataflows.events e USING expired
    WHERE e.name = ANY (ARRAY[expired.name]) AND e.key = ANY (ARRAY[expired.key]) AND e.id = ANY (ARRAY[expired.id])
), noted AS (
    INSERT INTO dataflows.events (name, key, id, woken, is_kept, encoding, data, emitted_at, expires_at)
    SELECT %(name)s, %(key)s, %(id)s, found.woken, found.woken = 0,
           CASE found.woken WHEN 0 THEN %(encoding)s END, CASE found.woken WHEN 0 THEN %(payload)b END,
           moment.now, moment.now + %(keep)s
    FROM moment, (SELECT count(*) AS woken FROM woken) AS found
    ON CONFLICT DO NOTHING
), delivered_to_triggers AS (
    INSERT INTO dataflows.deliveries (source, id, digest, events, type, subject, encoding, data, received_at)
    SELECT %(source)s, %(delivery_id)s, sha256(%(payload)b), 1, %(name)s, %(key)s, %(encoding)s, %(payload)b, moment.now
    FROM moment
    WHERE NOT EXISTS (SELECT FROM before) AND EXISTS (
        SELECT FROM dataflows.triggers t
        WHERE t.source = %(source)s AND t.type = %(name)s AND t.seen_at > now() - interval '7 days'
    )
    ON CONFLICT DO NOTHING
    RETURNING id
), hinted AS MATERIALIZED (
    SELECT pg_notify('dataflows', id) FROM woken
), announced AS MATERIALIZED (
    SELECT pg_notify('dataflows', %(hint)s) FROM delivered_to_triggers
)
SELECT coalesce((SELECT woken FROM before), (SELECT count(*) FROM hinted)), (SELECT count(*) FROM announced)

-- name: subscribe
-- An execution waits for the next event of this name and key from now on; the oldest that is kept is delivered at once.
-- Answers whether an event has been delivered to this wait, now or before.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), target AS MATERIALIZED (
    SELECT id FROM dataflows.executions
    WHERE id = %(execution_id)s AND generation = %(generation)s AND status NOT IN ('completed', 'failed', 'cancelled')
    FOR NO KEY UPDATE
), oldest AS MATERIALIZED (
    SELECT e.id, e.encoding, e.data, e.emitted_at
    FROM moment, dataflows.events e
    WHERE e.name = %(name)s AND e.key = %(key)s AND e.is_kept AND e.expires_at > moment.now
      AND e.emitted_at <= coalesce(%(deadline)s::timestamptz, 'infinity')
    ORDER BY e.emitted_at LIMIT 1
), made AS (
    INSERT INTO dataflows.subscriptions (execution_id, generation, position, name, key, deadline, delivered_at)
    SELECT target.id, %(generation)s, %(position)s, %(name)s, %(key)s, %(deadline)s,
           (SELECT now FROM moment WHERE EXISTS (SELECT FROM oldest))
    FROM target
    ON CONFLICT DO NOTHING
    RETURNING execution_id, delivered_at
), woken AS (
    UPDATE dataflows.executions e
    SET inbox_seq = e.inbox_seq + 1,
        due_at = CASE WHEN e.status = 'suspended' THEN least(e.due_at, clock_timestamp()) ELSE e.due_at END
    FROM made WHERE e.id = ANY (ARRAY[made.execution_id]) AND made.delivered_at IS NOT NULL
    RETURNING e.id, e.inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, kind, name, branch, encoding, data, sent_at)
    SELECT woken.id, woken.inbox_seq, 'signal', %(name)s, %(key)s, oldest.encoding, oldest.data, oldest.emitted_at
    FROM woken, oldest
), taken AS (
    UPDATE dataflows.events e SET is_kept = false, encoding = NULL, data = NULL
    FROM woken, oldest WHERE e.name = %(name)s AND e.key = %(key)s AND e.id = ANY (ARRAY[oldest.id])
)
SELECT EXISTS (SELECT FROM woken) OR EXISTS (
    SELECT FROM dataflows.subscriptions
    WHERE execution_id = %(execution_id)s AND generation = %(generation)s AND position = %(position)s
      AND delivered_at IS NOT NULL
)

-- name: unsubscribe
-- The wait is over. What was delivered to it meanwhile is buffered by its execution, for the next wait of that key.
DELETE FROM dataflows.subscriptions
WHERE execution_id = %(execution_id)s AND generation = %(generation)s AND position = %(position)s
  AND NOT (%(has_ended)s AND EXISTS (
      SELECT FROM dataflows.executions e WHERE e.id = %(execution_id)s AND e.ended_at IS NULL OFFSET 0
  ))
RETURNING execution_id

-- name: purge_events
-- Deletes some that have expired; answers how many.
WITH expired AS MATERIALIZED (
    SELECT name, key, id FROM dataflows.events WHERE expires_at < now()
    ORDER BY expires_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM dataflows.events e USING expired
    WHERE e.name = ANY (ARRAY[expired.name]) AND e.key = ANY (ARRAY[expired.key]) AND e.id = ANY (ARRAY[expired.id])
    RETURNING e.id
)
SELECT count(*) FROM gone
