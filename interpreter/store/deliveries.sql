-- Deliveries: what came in from outside, and who is told of it. Every statement by name. A delivery is stored, then
-- offered: once to each workflow that is known to have a trigger on its source, and once, under no workflow's name, to
-- whoever waits for it by key. An offer is a row until a scheduler has dealt with it. So schedulers that serve
-- different workflows share one database, and none settles what is another's. Joins are made row by row, for the
-- reason that stands in schema.sql.

-- name: store_deliveries
-- A group of them, in one commit; sorted by source and id, and none of them twice. Told are those that are new, and
-- those that came before with another body, which is counted and changes nothing. Of one that came before as it is,
-- there is no row. The notification is a hint, one for all.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), stored AS (
    INSERT INTO dataflows.deliveries AS d (source, id, digest, events, type, subject, encoding, data, received_at)
    SELECT new.source, new.id, new.digest, new.events, new.type, new.subject, new.encoding, new.data,
           moment.now + new.place * interval '1 microsecond'
    FROM moment, unnest(
        (SELECT %(sources)b), (SELECT %(ids)b), (SELECT %(digests)b), (SELECT %(events)b), (SELECT %(types)b),
        (SELECT %(subjects)b), (SELECT %(encodings)b), (SELECT %(payloads)b), (SELECT %(places)b)
    ) AS new (source, id, digest, events, type, subject, encoding, data, place)
    ON CONFLICT (source, id) DO UPDATE SET conflicts = d.conflicts + 1 WHERE d.digest <> excluded.digest
    RETURNING source, id, conflicts
)
SELECT source, id, conflicts = 0, CASE conflicts WHEN 0 THEN pg_notify('dataflows', %(hint)s) END FROM stored

-- name: register_triggers
-- Which workflows have a trigger on what: those that are served here. What is seen no more is forgotten after a week.
INSERT INTO dataflows.triggers (workflow, source, type, seen_at)
SELECT known.workflow, known.source, known.type, clock_timestamp()
FROM unnest((SELECT %(workflows)b), (SELECT %(sources)b), (SELECT %(types)b)) AS known (workflow, source, type)
ORDER BY known.workflow, known.source, known.type
ON CONFLICT (workflow, source, type) DO UPDATE SET seen_at = excluded.seen_at

-- name: offer_deliveries
-- The oldest that have not been offered yet are; answers how many. An event that a program emitted has been told to
-- whoever waited when it was emitted. One that nobody has locked may be offered again by people: what it is offered
-- under still stands then, or is settled.
WITH taken AS MATERIALIZED (
    SELECT source, id, type, events > 1 OR subject IS NOT NULL AS has_subject, received_at
    FROM dataflows.deliveries WHERE routed_at IS NULL AND received_at > '-infinity'
    ORDER BY received_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
), offered AS (
    INSERT INTO dataflows.offers (workflow, source, delivery_id, received_at)
    SELECT one.workflow, taken.source, taken.id, taken.received_at
    FROM taken, LATERAL (
        SELECT DISTINCT workflow FROM dataflows.triggers t
        WHERE t.source = taken.source AND (taken.type IS NULL OR t.type = taken.type)
          AND t.seen_at > now() - interval '7 days'
        UNION ALL
        SELECT '' WHERE taken.has_subject AND taken.source <> %(emitted)s
    ) AS one
    ON CONFLICT DO NOTHING
), routed AS (
    UPDATE dataflows.deliveries d SET routed_at = clock_timestamp()
    FROM taken WHERE d.source = ANY (ARRAY[taken.source]) AND d.id = ANY (ARRAY[taken.id])
)
SELECT count(*) FROM taken

-- name: take_offers
-- The oldest that are made to these workflows, with what was delivered: each workflow's in the order of arrival, and no
-- more bytes than that, but one at least. Locked until they are settled; what another is dealing with is passed over.
WITH found AS MATERIALIZED (
    SELECT o.workflow, o.source, o.delivery_id, o.received_at
    FROM unnest((SELECT %(workflows)b)) AS known (workflow),
    LATERAL (
        SELECT * FROM dataflows.offers WHERE workflow = known.workflow
        ORDER BY received_at LIMIT %(most)s
        FOR UPDATE SKIP LOCKED
    ) AS o
), weighed AS (
    SELECT found.workflow, d.*, sum(octet_length(d.data)) OVER before AS bytes, row_number() OVER before AS number
    FROM found,
    LATERAL (SELECT * FROM dataflows.deliveries WHERE source = found.source AND id = found.delivery_id OFFSET 0) AS d
    WINDOW before AS (ORDER BY found.received_at, found.source, found.delivery_id, found.workflow)
)
SELECT workflow, source, id, type, subject, round, received_at, encoding, data
FROM weighed WHERE bytes <= %(bytes)s OR number = 1
ORDER BY number

-- name: settle_offers
-- They have been dealt with, in the transaction that took them and started what they started.
WITH gone AS (
    DELETE FROM dataflows.offers o
    USING unnest((SELECT %(workflows)b), (SELECT %(sources)b), (SELECT %(ids)b))
        AS settled (workflow, source, delivery_id)
    WHERE o.workflow = ANY (ARRAY[settled.workflow]) AND o.source = ANY (ARRAY[settled.source])
      AND o.delivery_id = ANY (ARRAY[settled.delivery_id])
), counted AS MATERIALIZED (
    SELECT source, delivery_id, count(*) AS starts
    FROM unnest((SELECT %(started_sources)b), (SELECT %(started_ids)b)) AS started (source, delivery_id)
    GROUP BY source, delivery_id
), locked AS MATERIALIZED (
    SELECT d.source, d.id, one.starts
    FROM (SELECT * FROM counted ORDER BY source COLLATE "C", delivery_id COLLATE "C" OFFSET 0) AS one,
    LATERAL (
        SELECT source, id FROM dataflows.deliveries WHERE source = one.source AND id = one.delivery_id
        FOR NO KEY UPDATE
    ) AS d
)
UPDATE dataflows.deliveries d SET starts = d.starts + locked.starts
FROM locked WHERE d.source = ANY (ARRAY[locked.source]) AND d.id = ANY (ARRAY[locked.id])

-- name: list_deliveries
-- Newest first; the next page goes on before the last line of this one.
SELECT source, id, type, subject, events, received_at, routed_at, starts, conflicts, octet_length(data)
FROM (
    SELECT d.* FROM dataflows.deliveries d, generate_series(1, (SELECT 1)) AS expected
    WHERE coalesce(source = %(source)s::text, true)
      AND coalesce((routed_at IS NOT NULL AND starts > 0) = %(started)s::boolean, true)
      AND received_at <= coalesce(%(before_at)s::timestamptz, 'infinity')
      AND (received_at, source, id) < (
          coalesce(%(before_at)s::timestamptz, 'infinity'), coalesce(%(before_source)s::text, ''),
          coalesce(%(before_id)s::text, ''))
    ORDER BY received_at DESC FETCH FIRST (%(limit)s) ROWS WITH TIES
) AS newest
ORDER BY received_at DESC, source DESC, id DESC
LIMIT %(limit)s

-- name: read_delivery
-- One, with what was delivered (if that is not more than so many bytes), and the workflows that it is still offered to.
SELECT source, id, type, subject, events, received_at, routed_at, starts, conflicts, octet_length(data), encoding,
       CASE WHEN octet_length(data) <= coalesce(%(most)s::bigint, octet_length(data)) THEN data END,
       ARRAY(
           SELECT workflow FROM dataflows.offers o
           WHERE o.source = d.source AND o.delivery_id = d.id AND workflow <> '' ORDER BY workflow
       )
FROM dataflows.deliveries d WHERE source = %(source)s AND id = %(id)s

-- name: replay_delivery
-- It is offered again. Anew: what it starts gets other ids than before.
UPDATE dataflows.deliveries
SET routed_at = NULL, round = round + CASE WHEN %(anew)s THEN 1 ELSE 0 END
WHERE source = %(source)s AND id = %(id)s
RETURNING pg_notify('dataflows', %(hint)s)

-- name: purge_deliveries
-- Deletes some that came long ago and have been offered; senders deliver again for days, so none younger than a week.
WITH old AS MATERIALIZED (
    SELECT source, id FROM dataflows.deliveries
    WHERE received_at < least(%(before)s::timestamptz, now() - interval '7 days') AND routed_at IS NOT NULL
    ORDER BY received_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
), offered AS (
    DELETE FROM dataflows.offers o USING old
    WHERE o.source = ANY (ARRAY[old.source]) AND o.delivery_id = ANY (ARRAY[old.id])
), gone AS (
    DELETE FROM dataflows.deliveries d USING old
    WHERE d.source = ANY (ARRAY[old.source]) AND d.id = ANY (ARRAY[old.id])
    RETURNING d.id
)
SELECT count(*) FROM gone
