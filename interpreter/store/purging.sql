-- Retention: what has ended long ago goes, in bounded batches.

-- name: tell_deadline
-- What ended before is old enough to be purged. As text, since Python's clock does not show every time.
SELECT (clock_timestamp() - %(older_than)s)::text

-- name: find_ended
-- The executions that ended next after a moment, by their ends: so many, and those that ended together with the last.
-- Whether each may be purged (a child is kept while its parent is open, whose replay may ask for it again, and what was terminated
-- until its holder knows), and roughly how many entries it has.
SELECT e.id, e.ended_at::text,
       coalesce(e.workflow = %(workflow)s::text, true) AND coalesce(e.status = %(status)s::text, true)
           AND e.scheduler IS NULL
           AND (e.parent_position IS NULL OR (
               SELECT p.ended_at IS NULL AND p.generation = e.parent_generation
               FROM dataflows.executions p WHERE p.id = e.parent
           ) IS NOT TRUE),
       e.generation * coalesce((
           SELECT j.seq FROM dataflows.journal j WHERE j.execution_id = e.id
           ORDER BY j.generation DESC, j.seq DESC LIMIT 1
       ), 0)
FROM (
    SELECT * FROM dataflows.executions
    WHERE (ended_at, id) >= (coalesce(%(after)s::timestamptz, '-infinity'), '') AND ended_at < %(before)s::timestamptz
      AND ended_at IS DISTINCT FROM %(after)s::timestamptz
    ORDER BY ended_at FETCH FIRST (%(most)s) ROWS WITH TIES
) AS e
ORDER BY e.ended_at

-- name: purge
-- Deletes these executions with all that was written of them, but for one that is open again or that somebody has locked.
WITH old AS MATERIALIZED (
    SELECT e.id FROM dataflows.executions e
    WHERE e.id = ANY (ARRAY(SELECT unnest(%(ids)b))) AND coalesce(e.ended_at < %(before)s::timestamptz, false)
      AND e.scheduler IS NULL
      AND (e.parent_position IS NULL OR (
               SELECT p.ended_at IS NULL AND p.generation = e.parent_generation
               FROM dataflows.executions p WHERE p.id = e.parent
           ) IS NOT TRUE)
    FOR UPDATE SKIP LOCKED
), entries AS (
    DELETE FROM dataflows.journal WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
), messages AS (
    DELETE FROM dataflows.inbox WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
), awaited AS (
    DELETE FROM dataflows.subscriptions WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
), asked AS (
    DELETE FROM dataflows.callbacks WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
), waiting AS (
    DELETE FROM dataflows.tickets WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
)
DELETE FROM dataflows.executions WHERE id = ANY (ARRAY(SELECT id FROM old))
RETURNING id

-- name: lock_purge
-- Until the end of the transaction nobody else purges by setting.
SELECT pg_try_advisory_xact_lock(hashtext('dataflows purge'))
