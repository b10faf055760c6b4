-- Schedules: every statement by name. A schedule is in force while a living scheduler serves it and none serves a newer
-- version of its workflow. Its moments are started by one statement, which moves the schedule on from the moment that
-- its sender has seen: of several that saw the same, one does, and nobody holds a lock while it computes.

-- name: register_schedules
-- The schedules that a scheduler serves from now on, and no others. Where a schedule is known, its next moment stays, so
-- that what was missed is caught up with; not where the workflow has had others meanwhile and this one is back.
-- Answers no row if the scheduler was taken over.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), given AS MATERIALIZED (
    SELECT given.*, lease.now
    FROM lease, unnest(%(workflows)b, %(schedules)b, %(catch_ups)b, %(versions)b, %(nexts)b)
        AS given (workflow, schedule, catch_up, version, next_at)
    ORDER BY workflow, schedule
), new AS (
    INSERT INTO dataflows.schedules (workflow, schedule, catch_up, version, next_at, created_at, registered_at)
    SELECT workflow, schedule, catch_up, version, next_at, now, now FROM given
    WHERE NOT EXISTS (
        SELECT FROM dataflows.schedules s WHERE s.workflow = given.workflow AND s.schedule = given.schedule
    )
    ON CONFLICT DO NOTHING
), known AS MATERIALIZED (
    SELECT given.* FROM given JOIN dataflows.schedules s USING (workflow, schedule)
    FOR NO KEY UPDATE OF s SKIP LOCKED
), renewed AS (
    UPDATE dataflows.schedules s SET
        catch_up = known.catch_up,
        version = known.version,
        registered_at = known.now,
        next_at = CASE WHEN s.next_at IS NULL OR EXISTS (
            SELECT FROM dataflows.schedules other
            WHERE other.workflow = s.workflow AND other.registered_at > s.registered_at
        ) THEN known.next_at ELSE s.next_at END
    FROM known WHERE s.workflow = known.workflow AND s.schedule = known.schedule
), dropped AS (
    DELETE FROM dataflows.served_schedules served USING lease
    WHERE served.scheduler = %(scheduler)s AND NOT EXISTS (
        SELECT FROM given WHERE given.workflow = served.workflow AND given.schedule = served.schedule
    )
), served AS (
    INSERT INTO dataflows.served_schedules (scheduler, workflow, schedule, version)
    SELECT %(scheduler)s, workflow, schedule, version FROM given
    ON CONFLICT (scheduler, workflow, schedule) DO UPDATE SET version = excluded.version
)
SELECT FROM lease

-- name: read_schedules
-- Of the schedules that a scheduler serves, those in force that have a moment to come or to be started, the earliest
-- first, and the time.
SELECT s.workflow, s.schedule, s.next_at, s.created_at, clock_timestamp()
FROM dataflows.served_schedules served JOIN dataflows.schedules s USING (workflow, schedule)
WHERE served.scheduler = %(scheduler)s AND NOT s.paused AND s.next_at IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM dataflows.served_schedules newer JOIN dataflows.schedulers living ON living.id = newer.scheduler
      WHERE newer.workflow = served.workflow AND newer.version > served.version
        AND living.expires_at > clock_timestamp()
  )
ORDER BY s.next_at LIMIT %(most)s

-- name: start_slots
-- Moves a schedule on from the moment that it stood at, and starts executions with it; who sends it later than another
-- does nothing, and where somebody keeps the row locked it is left for the next time. An id that is in use is left out: that moment has its execution. Where no schedule is moved (a backfill),
-- they are started in any case. Answers whether this was the one, and the ids of those that were started.
WITH moved AS MATERIALIZED (
    UPDATE dataflows.schedules s SET next_at = %(next_at)s, last_at = coalesce(%(last_at)s, s.last_at)
    FROM (
        SELECT workflow, schedule FROM dataflows.schedules
        WHERE workflow = %(workflow)s AND schedule = %(schedule)s AND next_at = %(stood_at)s AND NOT paused
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS standing
    WHERE s.workflow = standing.workflow AND s.schedule = standing.schedule
    RETURNING true
), sent AS MATERIALIZED (
    SELECT new.id, new.encoding, new.payload
    FROM unnest(%(ids)b, %(encodings)b, %(payloads)b) AS new (id, encoding, payload)
    WHERE %(stood_at)s::timestamptz IS NULL OR EXISTS (SELECT FROM moved)
), made AS (
    INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, created_at)
    SELECT id, %(workflow)s, %(version)s, 'pending', clock_timestamp(), %(format)s, clock_timestamp()
    FROM sent ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
), written AS (
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data)
    SELECT made.id, 1, 1, made.created_at, 'started', sent.encoding, sent.payload
    FROM made JOIN sent ON sent.id = made.id COLLATE "C"
)
SELECT EXISTS (SELECT FROM moved), ARRAY(SELECT id FROM made),
       CASE WHEN EXISTS (SELECT FROM made) THEN pg_notify('dataflows', '') END

-- name: list_schedules
-- Those of one workflow, or all, or one. Each with the newest version that a living scheduler serves it with, and whether
-- one does; none does also where one serves a newer version of the workflow, which does not have it.
SELECT s.workflow, s.schedule, s.catch_up, coalesce(served.version, s.version), s.next_at, s.last_at, s.paused,
       s.created_at, served.version IS NOT NULL
FROM dataflows.schedules s
CROSS JOIN LATERAL (
    SELECT max(served.version) AS version
    FROM dataflows.served_schedules served JOIN dataflows.schedulers living ON living.id = served.scheduler
    WHERE served.workflow = s.workflow AND served.schedule = s.schedule AND living.expires_at > clock_timestamp()
) AS mine
CROSS JOIN LATERAL (
    SELECT max(served.version) AS version
    FROM dataflows.served_schedules served JOIN dataflows.schedulers living ON living.id = served.scheduler
    WHERE served.workflow = s.workflow AND living.expires_at > clock_timestamp()
) AS newest
CROSS JOIN LATERAL (SELECT CASE WHEN mine.version >= newest.version THEN mine.version END AS version) AS served
WHERE s.workflow = coalesce(%(workflow)s, s.workflow) AND s.schedule = coalesce(%(schedule)s, s.schedule)
ORDER BY s.workflow, s.schedule

-- name: pause_schedules
-- Or let them go on: what came while one was paused is caught up with by its own rule.
UPDATE dataflows.schedules s SET paused = %(paused)s
FROM (
    SELECT workflow, schedule FROM dataflows.schedules
    WHERE workflow = %(workflow)s AND schedule = coalesce(%(schedule)s, schedule)
    ORDER BY workflow, schedule FOR UPDATE
) AS locked
WHERE s.workflow = locked.workflow AND s.schedule = locked.schedule AND s.paused <> %(paused)s
RETURNING s.schedule

-- name: delete_schedules
-- Those that no living scheduler serves.
DELETE FROM dataflows.schedules s
USING (
    SELECT workflow, schedule FROM dataflows.schedules
    WHERE workflow = %(workflow)s AND schedule = coalesce(%(schedule)s, schedule)
    ORDER BY workflow, schedule FOR UPDATE
) AS locked
WHERE s.workflow = locked.workflow AND s.schedule = locked.schedule AND NOT EXISTS (
    SELECT FROM dataflows.served_schedules served JOIN dataflows.schedulers living ON living.id = served.scheduler
    WHERE served.workflow = s.workflow AND served.schedule = s.schedule AND living.expires_at > clock_timestamp()
)
RETURNING s.schedule

-- name: which_exist
SELECT id FROM dataflows.executions WHERE id = ANY (%(ids)b)
