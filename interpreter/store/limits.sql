-- Limits across executions: every statement by name. Those from know_limits to tell_next make up one round, a transaction
-- behind the locks of its limits, so that what one counts no other changes. Joins are made row by row, for the reason in
-- schema.sql. A ticket waits, is granted (its place is kept for it, and its execution is woken), is taken (its holder
-- lets the attempt go to run, which is a use), and is gone with the commit of what came of that. Where a limit has a rate,
-- and nobody has come back for as long as a use counts, or since the service said to wait, it is unsure how much of it is
-- left: one goes ahead, and the others follow when that has come back, or has been away for a while.

-- name: know_limits
-- What a limit is; the last word counts.
INSERT INTO dataflows.limits AS l (name, rate, per, at_once)
SELECT new.name, new.rate, make_interval(secs => new.milliseconds / 1000.0), new.at_once
FROM unnest((SELECT %(names)b), (SELECT %(rates)b), (SELECT %(periods)b), (SELECT %(at_onces)b))
    AS new (name, rate, milliseconds, at_once)
ORDER BY new.name
ON CONFLICT (name) DO UPDATE SET rate = EXCLUDED.rate, per = EXCLUDED.per, at_once = EXCLUDED.at_once
WHERE (l.rate, l.per, l.at_once) IS DISTINCT FROM (EXCLUDED.rate, EXCLUDED.per, EXCLUDED.at_once)

-- name: lock_limits
SELECT FROM (SELECT unnest((SELECT %(names)b)) COLLATE "C" AS name ORDER BY 1 OFFSET 0) AS asked,
LATERAL (SELECT FROM dataflows.limits WHERE name = asked.name FOR NO KEY UPDATE) AS locked

-- name: hold_back
-- A service has said not to come before then.
UPDATE dataflows.limits l SET held_until = greatest(l.held_until, new.until)
FROM unnest((SELECT %(names)b), (SELECT %(untils)b)) AS new (name, until) WHERE l.name = ANY (ARRAY[new.name])

-- name: prove
-- Somebody has come back, and was not told to wait. It is noted no more often than it has to be.
UPDATE dataflows.limits l SET proven_at = clock_timestamp()
FROM unnest((SELECT %(names)b)) AS new (name)
WHERE l.name = ANY (ARRAY[new.name]) AND l.rate IS NOT NULL
  AND coalesce(l.proven_at <= greatest(l.held_until, clock_timestamp() - l.per / 2), true)

-- name: drop_tickets
-- What they were for is not wanted any more.
DELETE FROM dataflows.tickets t
USING unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b)) AS gone (id, generation, position)
WHERE t.execution_id = ANY (ARRAY[gone.id]) AND t.generation = ANY (ARRAY[gone.generation])
  AND t.position = ANY (ARRAY[gone.position])

-- name: ask
-- A ticket for each that has none, in the order given. One that is there keeps its place, and its limit; what another
-- scheduler has let go to run, and did not end, waits for another turn. Only the present holder is heard.
INSERT INTO dataflows.tickets AS t (limit_name, execution_id, generation, position)
SELECT asked.name, e.id, asked.generation, asked.position
FROM unnest((SELECT %(names)b), (SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b)) WITH ORDINALITY
    AS asked (name, id, generation, position, number),
LATERAL (
    SELECT id FROM dataflows.executions
    WHERE id = asked.id AND coalesce(scheduler = %(scheduler)s, false) AND status = 'running'
      AND asked.generation IN (0, generation) OFFSET 0
) AS e
ORDER BY asked.number
ON CONFLICT (execution_id, generation, position) DO UPDATE
SET is_parked = false,
    granted_at = CASE WHEN t.generation = 0 OR coalesce(t.scheduler = %(scheduler)s, true) THEN t.granted_at END,
    scheduler = CASE WHEN t.generation = 0 OR t.scheduler = %(scheduler)s THEN t.scheduler END

-- name: grant
-- The first that wait get their turn, as far as there are places and the rate allows. Of those that are walked over, a
-- ticket whose execution has ended, or goes on from another journal, is deleted; one whose execution is paused or blocked
-- is parked until it is resumed. The execution is woken, and where it is held its holder has to look before it lets go:
-- that is a message without a row. Those that are just being asked for need no such call.
WITH known AS MATERIALIZED (
    SELECT l.*, clock_timestamp() AS now,
           l.rate IS NOT NULL
               AND coalesce(l.proven_at <= greatest(l.held_until, clock_timestamp() - l.per), true) AS is_unsure
    FROM unnest((SELECT %(limits)b)) AS one (name),
    LATERAL (SELECT * FROM dataflows.limits WHERE name = one.name OFFSET 0) AS l
), counted AS MATERIALIZED (
    SELECT known.*, granted.number AS granted, untaken.number AS untaken, coalesce(used - oldest.number + 1, 0) AS counting,
           is_unsure AND granted.number > 0
               AND (untaken.number > 0 OR newest.at > now - least(per, interval '3 seconds')) AS is_one_ahead
    FROM known
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM dataflows.tickets
        WHERE limit_name = known.name AND granted_at IS NOT NULL AND (known.at_once IS NOT NULL OR is_unsure) OFFSET 0
    ) AS granted
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM dataflows.tickets
        WHERE limit_name = known.name AND granted_at IS NOT NULL AND scheduler IS NULL AND known.rate IS NOT NULL OFFSET 0
    ) AS untaken
    LEFT JOIN LATERAL (
        SELECT number FROM dataflows.uses WHERE limit_name = known.name AND at > known.now - known.per
        ORDER BY at LIMIT 1
    ) AS oldest ON true
    LEFT JOIN LATERAL (
        SELECT at FROM dataflows.uses WHERE limit_name = known.name AND number = known.used OFFSET 0
    ) AS newest ON true
), room AS MATERIALIZED (
    SELECT name, now, CASE WHEN held_until > now OR is_one_ahead THEN 0
                           WHEN is_unsure AND granted = 0 THEN least(rate - untaken - counting, 1)
                           ELSE greatest(least(at_once - granted, rate - untaken - counting, %(most)s), 0) END AS places
    FROM counted
), walked AS MATERIALIZED (
    SELECT room.name, room.now, room.places, t.execution_id, t.generation, t.position, t.number,
           CASE WHEN coalesce(e.status IN ('completed', 'failed', 'cancelled'), true)
                  OR t.generation NOT IN (0, e.generation) THEN 'over'
                WHEN e.status = 'blocked' OR (e.paused AND e.status <> 'running') THEN 'parked'
                ELSE 'alive' END AS verdict
    FROM room,
    LATERAL (
        SELECT * FROM dataflows.tickets
        WHERE limit_name = room.name AND granted_at IS NULL AND NOT is_parked
        ORDER BY number LIMIT CASE WHEN room.places > 0 THEN room.places + 50 ELSE 0 END
    ) AS t
    LEFT JOIN LATERAL (
        SELECT status, paused, generation FROM dataflows.executions WHERE id = t.execution_id OFFSET 0
    ) AS e ON true
), ranked AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY name, verdict ORDER BY number) AS rank FROM walked
), chosen AS MATERIALIZED (
    SELECT * FROM ranked WHERE verdict = 'parked' OR (verdict = 'alive' AND rank <= places)
), locked AS MATERIALIZED (
    SELECT e.*
    FROM (SELECT DISTINCT execution_id FROM chosen ORDER BY execution_id OFFSET 0) AS one,
    LATERAL (
        SELECT id, status, paused, generation, scheduler FROM dataflows.executions WHERE id = one.execution_id
        FOR NO KEY UPDATE
    ) AS e
), held AS MATERIALIZED (
    SELECT array_agg(id) AS ids FROM locked  -- all of them, before any ticket is touched
), decided AS MATERIALIZED (
    SELECT chosen.*, e.status, chosen.verdict = 'alive' AS is_granted, (
               SELECT count(*) FROM unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b))
                   AS asked (id, generation, position)
               WHERE asked.id = chosen.execution_id AND asked.generation = chosen.generation
                 AND asked.position = chosen.position
           ) > 0 AS is_asked
    FROM held, chosen JOIN locked AS e ON e.id = chosen.execution_id
    WHERE e.status NOT IN ('completed', 'failed', 'cancelled') AND chosen.generation IN (0, e.generation)
), moved AS (
    UPDATE dataflows.tickets t
    SET granted_at = CASE WHEN one.is_granted THEN one.now END, is_parked = NOT one.is_granted
    FROM decided AS one
    WHERE t.execution_id = ANY (ARRAY[one.execution_id]) AND t.generation = ANY (ARRAY[one.generation])
      AND t.position = ANY (ARRAY[one.position]) AND t.granted_at IS NULL
), over AS (
    DELETE FROM dataflows.tickets t USING walked AS one
    WHERE one.verdict = 'over' AND t.execution_id = ANY (ARRAY[one.execution_id])
      AND t.generation = ANY (ARRAY[one.generation]) AND t.position = ANY (ARRAY[one.position])
), woken AS (
    UPDATE dataflows.executions e
    SET due_at = CASE WHEN e.status = 'suspended'
                      THEN least(e.due_at, one.now + one.rank * interval '1 microsecond') ELSE e.due_at END,
        inbox_seq = e.inbox_seq + CASE WHEN e.status = 'running' THEN 1 ELSE 0 END
    FROM (
        SELECT execution_id, min(now) AS now, min(rank) AS rank FROM decided WHERE NOT is_asked GROUP BY execution_id
    ) AS one
    WHERE e.id = ANY (ARRAY[one.execution_id])
    RETURNING e.id, e.status, e.paused
), hinted AS MATERIALIZED (
    SELECT pg_notify('dataflows', CASE status WHEN 'running' THEN id ELSE '' END) FROM woken WHERE NOT paused
)
SELECT count(*) FROM hinted

-- name: take
-- Those that are asked for and have been granted are let go to run, and that counts from now on. What counts no more is
-- forgotten. A ticket for a whole execution is granted once, and is whoever's holds that.
WITH taken AS (
    UPDATE dataflows.tickets t SET scheduler = %(scheduler)s
    FROM unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b)) AS one (id, generation, position)
    WHERE t.execution_id = ANY (ARRAY[one.id]) AND t.generation = ANY (ARRAY[one.generation])
      AND t.position = ANY (ARRAY[one.position])
      AND coalesce(t.granted_at, 'infinity') < 'infinity' AND coalesce(t.scheduler, 0) = 0
    RETURNING t.limit_name, t.number
), counted AS (
    UPDATE dataflows.limits l SET used = l.used + one.uses
    FROM (SELECT limit_name, count(*) AS uses FROM taken GROUP BY limit_name) AS one
    WHERE l.name = ANY (ARRAY[one.limit_name]) AND l.rate IS NOT NULL
    RETURNING l.name, l.per, l.used - one.uses AS before
), forgotten AS (
    DELETE FROM dataflows.uses u USING counted
    WHERE u.limit_name = ANY (ARRAY[counted.name]) AND u.at <= clock_timestamp() - counted.per
)
INSERT INTO dataflows.uses (limit_name, number, at)
SELECT counted.name, counted.before + row_number() OVER (PARTITION BY counted.name ORDER BY taken.number), clock_timestamp()
FROM counted JOIN taken ON taken.limit_name = counted.name

-- name: tell_turns
-- Of those that were asked for: whether it is their turn. One that was not heard has no row.
SELECT asked.id, asked.generation, asked.position, t.scheduler IS NOT NULL
FROM unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b)) AS asked (id, generation, position),
LATERAL (
    SELECT scheduler FROM dataflows.tickets
    WHERE execution_id = asked.id AND generation = asked.generation AND position = asked.position OFFSET 0
) AS t

-- name: tell_next
-- When the next turn is by the rate, where somebody waits and has not to wait for a place as well; that moment has passed
-- where only a part of those was granted that could be. Whoever follows one that has gone ahead has to wait for that.
SELECT l.name, greatest(
           l.held_until, last.at + l.per, now(),
           CASE WHEN l.is_unsure AND granted.number > 0 THEN newest.at + least(l.per, interval '3 seconds') END
       )
FROM unnest((SELECT %(limits)b)) AS one (name),
LATERAL (
    SELECT *, rate IS NOT NULL AND coalesce(proven_at <= greatest(held_until, clock_timestamp() - per), true) AS is_unsure
    FROM dataflows.limits WHERE name = one.name OFFSET 0
) AS l
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM dataflows.tickets
    WHERE limit_name = l.name AND granted_at IS NOT NULL AND (l.at_once IS NOT NULL OR l.is_unsure) OFFSET 0
) AS granted
CROSS JOIN LATERAL (
    SELECT count(*) AS number FROM dataflows.tickets
    WHERE limit_name = l.name AND granted_at IS NOT NULL AND scheduler IS NULL AND l.rate IS NOT NULL OFFSET 0
) AS untaken
LEFT JOIN LATERAL (
    SELECT at FROM dataflows.uses WHERE limit_name = l.name AND number = l.used - (l.rate - untaken.number) + 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT at FROM dataflows.uses WHERE limit_name = l.name AND number = l.used OFFSET 0
) AS newest ON true
WHERE coalesce(granted.number < l.at_once, true) AND coalesce(untaken.number < l.rate, true)
  AND NOT (l.is_unsure AND untaken.number > 0)
  AND EXISTS (
      SELECT FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NULL AND NOT is_parked OFFSET 0
  )

-- name: end_tickets
-- In the commit of what came of it: its turn is over. "kept": it has been told to come back, and keeps its place in front.
-- No position: the whole execution has ended.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), over AS MATERIALIZED (
    SELECT one.*
    FROM lease, unnest((SELECT %(ids)b), (SELECT %(generations)b), (SELECT %(positions)b), (SELECT %(keeps)b))
        AS one (id, generation, position, is_kept)
), kept AS (
    UPDATE dataflows.tickets t SET granted_at = NULL, scheduler = NULL
    FROM over
    WHERE over.is_kept AND t.execution_id = ANY (ARRAY[over.id]) AND t.generation = ANY (ARRAY[over.generation])
      AND t.position = ANY (ARRAY[over.position])
)
DELETE FROM dataflows.tickets t USING over
WHERE NOT over.is_kept AND t.execution_id = ANY (ARRAY[over.id])
  AND (over.position IS NULL OR (t.generation = over.generation AND t.position = over.position))

-- name: look_after_limits
-- What no scheduler will end any more gives its place back: of executions that have ended since, or go on from another
-- journal; of those that are paused or blocked, until they are resumed; and what has not been made use of for a while
-- by who holds the execution now. Answers the limits at which somebody waits who may have a turn.
WITH granted AS MATERIALIZED (
    SELECT t.execution_id, t.generation, t.position,
           CASE WHEN coalesce(e.status IN ('completed', 'failed', 'cancelled'), true)
                  OR t.generation NOT IN (0, e.generation) THEN 'over'
                WHEN e.status = 'blocked' OR (e.paused AND e.status <> 'running') THEN 'parked'
                WHEN t.generation > 0 AND t.granted_at < clock_timestamp() - %(patience)s
                     AND (t.scheduler IS NULL OR e.scheduler IS DISTINCT FROM t.scheduler) THEN 'parked' END AS verdict
    FROM dataflows.limits l
    CROSS JOIN LATERAL (
        SELECT * FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NOT NULL OFFSET 0
    ) AS t
    LEFT JOIN LATERAL (
        SELECT status, paused, generation, scheduler FROM dataflows.executions WHERE id = t.execution_id OFFSET 0
    ) AS e ON true
), locked AS MATERIALIZED (
    SELECT e.*
    FROM (SELECT DISTINCT execution_id FROM granted WHERE verdict = 'parked' ORDER BY execution_id OFFSET 0) AS one,
    LATERAL (SELECT id, status FROM dataflows.executions WHERE id = one.execution_id FOR NO KEY UPDATE) AS e
), held AS MATERIALIZED (
    SELECT array_agg(id) AS ids FROM locked
), parked AS (
    UPDATE dataflows.tickets t SET granted_at = NULL, scheduler = NULL, is_parked = true
    FROM held, granted AS one JOIN locked ON locked.id = one.execution_id
    WHERE one.verdict = 'parked' AND t.execution_id = ANY (ARRAY[one.execution_id])
      AND t.generation = ANY (ARRAY[one.generation]) AND t.position = ANY (ARRAY[one.position])
    RETURNING t.execution_id, t.limit_name
), woken AS (
    UPDATE dataflows.executions e SET due_at = least(e.due_at, clock_timestamp())
    FROM (SELECT DISTINCT execution_id FROM parked) AS one
    WHERE e.id = ANY (ARRAY[one.execution_id]) AND e.status = 'suspended'
), over AS (
    DELETE FROM dataflows.tickets t USING granted AS one
    WHERE one.verdict = 'over' AND t.execution_id = ANY (ARRAY[one.execution_id])
      AND t.generation = ANY (ARRAY[one.generation]) AND t.position = ANY (ARRAY[one.position])
    RETURNING t.limit_name
)
SELECT limit_name FROM parked UNION ALL SELECT limit_name FROM over
UNION ALL
SELECT l.name FROM dataflows.limits l
WHERE EXISTS (
      SELECT FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NULL AND NOT is_parked OFFSET 0
  )
  AND coalesce(l.held_until <= clock_timestamp(), true)
  AND (l.at_once IS NULL OR l.at_once > (
      SELECT count(*) FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NOT NULL
  ))

-- name: forget_limits
-- Those of workflows, one a key, that nobody waits at and nobody has a turn of.
DELETE FROM dataflows.limits
WHERE name IN (
    SELECT name FROM dataflows.limits l
    WHERE name >= 'workflow/' AND name < 'workflow0'
      AND NOT EXISTS (
          SELECT FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NULL AND NOT is_parked OFFSET 0
      )
      AND NOT EXISTS (SELECT FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NOT NULL OFFSET 0)
    LIMIT 100
    FOR UPDATE SKIP LOCKED
)

-- name: list_limits
-- Each limit, with how many have a turn now, how many wait, and how many count against the rate; by pages, if asked.
SELECT l.name, l.rate, l.per, l.at_once,
       (SELECT count(*) FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NOT NULL),
       (SELECT count(*) FROM dataflows.tickets WHERE limit_name = l.name AND granted_at IS NULL AND NOT is_parked),
       (SELECT count(*) FROM dataflows.uses WHERE limit_name = l.name AND at > clock_timestamp() - l.per),
       CASE WHEN l.held_until > clock_timestamp() THEN l.held_until END
FROM dataflows.limits l
WHERE l.name > coalesce(%(after)s::text, '')
ORDER BY l.name
LIMIT %(limit)s::bigint
