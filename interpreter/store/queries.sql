-- Every statement that this package sends, by name. Each write of a holder is fenced by the CTE
-- "lease": it locks the scheduler's own row, so that a takeover, which deletes that row, comes
-- before or after it; where the row is gone, the statement changes nothing and returns no row.
--
-- Plans must not depend on statistics, which are always of another time. So a batch is joined row by row: LATERAL with
-- OFFSET 0 leaves no other way, nor does = ANY (ARRAY[…]), by which nothing can be hashed or merged; and the length of an array in (SELECT …) is not known to the planner, which then takes
-- it for short. A column that must not be searched by stands in coalesce.

-- name: look_at_server
-- What a server must be before it is trusted with a journal. The catalog itself is read: what to_regclass
-- remembers is not refreshed while a migration waits for another's lock.
SELECT current_setting('server_encoding') AS encoding,
       current_setting('transaction_read_only') AS read_only,
       current_setting('server_version_num')::int AS version,
       EXISTS (
           SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'dataflows' AND c.relname = 'schema_version'
       ) AS has_schema

-- name: register_scheduler
INSERT INTO dataflows.schedulers (name, expires_at)
VALUES (%(name)s, clock_timestamp() + %(lease)s)
RETURNING id, clock_timestamp()

-- name: renew_scheduler
-- The heartbeat. Tells the time, and when the next of the others' leases ends. No row: taken over.
UPDATE dataflows.schedulers SET expires_at = clock_timestamp() + %(lease)s
WHERE id = %(scheduler)s
RETURNING clock_timestamp(),
          (SELECT min(other.expires_at) FROM dataflows.schedulers other WHERE other.id <> %(scheduler)s)

-- name: wait_not_long
-- First statement of a transaction that must not wait for a lock that somebody keeps.
SELECT set_config('lock_timeout', %(longest)s, true)

-- name: pause_not_long
-- First statement of a transaction in which the client thinks, and has locks that others must not wait for.
SELECT set_config('idle_in_transaction_session_timeout', %(longest)s, true)

-- name: bury_schedulers
-- Takeover, second statement: fences all later commits of the dead. Who has a commit in flight is left for the next time.
DELETE FROM dataflows.schedulers
WHERE id IN (
    SELECT id FROM dataflows.schedulers WHERE expires_at < clock_timestamp() AND id <> %(scheduler)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id, name

-- name: release_orphans
-- Takeover, third statement: its snapshot is younger than the locks of the first.
-- An execution that has now killed too many schedulers without progress is blocked. One that was terminated stays so.
UPDATE dataflows.executions
SET scheduler = NULL,
    deaths = deaths + 1,
    status = CASE WHEN status <> 'running' THEN status
                  WHEN deaths + 1 >= %(deadly)s THEN 'blocked' ELSE 'suspended' END,
    due_at = CASE WHEN status = 'running' AND deaths + 1 < %(deadly)s THEN clock_timestamp() END,
    problem = CASE WHEN status = 'running' AND deaths + 1 >= %(deadly)s THEN format(
        'its scheduler died %%s times in a row while it held this execution, and no entry was journaled between; '
        'look at what its open step does to the process, then resume it', deaths + 1) END
WHERE scheduler = ANY (%(dead)s)
RETURNING id, status

-- name: unregister_scheduler
DELETE FROM dataflows.schedulers WHERE id = %(scheduler)s

-- name: hand_back
-- What a stopping scheduler still holds is claimable at once; nobody died. What was terminated is let go.
UPDATE dataflows.executions
SET scheduler = NULL,
    status = CASE WHEN status = 'running' THEN 'suspended' ELSE status END,
    due_at = CASE WHEN status = 'running' THEN clock_timestamp() END
WHERE scheduler = %(scheduler)s
RETURNING id

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
-- latest due time among those taken; it is null where no clock shows it. The parameters stand in (SELECT …), where the
-- planner does not see them: so a plan for these is no better than one for any, and is made once, not each time.
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
SET scheduler = %(scheduler)s, status = 'running', due_at = NULL
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
SET scheduler = %(scheduler)s, status = 'running', due_at = NULL
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
FROM unnest(%(ids)b, %(generations)b, %(afters)b) AS wanted (id, generation, after),
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
FROM unnest(%(ids)b) AS wanted (id),
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
FROM unnest(%(ids)b) AS asked (id),
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

-- name: start_held
-- A scheduler starts executions and holds them from the first moment. An id that is in use is left out, and so is what
-- an execution starts that has ended since.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), made AS (
    INSERT INTO dataflows.executions
        (id, workflow, version, status, scheduler, format, tags, created_at,
         parent, parent_generation, parent_position, parent_branch)
    SELECT new.id, new.workflow, new.version, 'running', %(scheduler)s, %(format)s, new.tags::jsonb, lease.now,
           new.parent, new.generation, new.position, new.branch
    FROM lease, unnest(
        %(ids)b, %(workflows)b, %(versions)b, %(tags)b, %(parents)b, %(generations)b, %(positions)b, %(branches)b
    ) AS new (id, workflow, version, tags, parent, generation, position, branch)
    WHERE new.parent IS NULL OR EXISTS (
        SELECT FROM dataflows.executions p
        WHERE p.id = new.parent AND p.generation = new.generation
          AND p.status NOT IN ('completed', 'failed', 'cancelled')
        OFFSET 0
    )
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), written AS (
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data)
    SELECT new.id, 1, line.seq, lease.now, line.kind,
           CASE line.seq WHEN 1 THEN new.encoding END, CASE line.seq WHEN 1 THEN new.data END
    FROM lease, unnest(%(ids)b, %(encodings)b, %(payloads)b) AS new (id, encoding, data)
    JOIN made USING (id),
    (VALUES (1, 'started'), (2, 'begun')) AS line (seq, kind)
)
SELECT lease.now, made.id FROM lease LEFT JOIN made ON true

-- name: append
-- The journal entries of one group commit. Returns the time that they carry, unless their floor is later.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), written AS (
    INSERT INTO dataflows.journal
        (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
    SELECT line.execution_id, line.generation, line.seq, greatest(lease.now, line.floor),
           line.kind, line.position, line.name, line.branch, line.ok, line.encoding, line.data, line.moment
    FROM lease, unnest(
        %(ids)b, %(generations)b, %(seqs)b, %(floors)b, %(kinds)b, %(positions)b,
        %(names)b, %(branches)b, %(oks)b, %(encodings)b, %(payloads)b, %(moments)b
    ) AS line (execution_id, generation, seq, floor, kind, position, name, branch, ok, encoding, data, moment)
)
SELECT lease.now FROM lease

-- name: begin_again
-- The first entries of executions that have been moved to a new generation by the statement before; they carry the time
-- of the entry with which the former one has ended.
INSERT INTO dataflows.journal
    (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
SELECT line.execution_id, line.generation, line.seq, last.at,
       line.kind, line.position, line.name, line.branch, line.ok, line.encoding, line.data, line.moment
FROM unnest(
    %(ids)b, %(generations)b, %(seqs)b, %(kinds)b, %(positions)b,
    %(names)b, %(branches)b, %(oks)b, %(encodings)b, %(payloads)b, %(moments)b
) AS line (execution_id, generation, seq, kind, position, name, branch, ok, encoding, data, moment),
LATERAL (
    SELECT id, generation FROM dataflows.executions
    WHERE id = line.execution_id AND generation = line.generation AND coalesce(scheduler = %(scheduler)s, false) OFFSET 0
) AS e,
LATERAL (
    SELECT at FROM dataflows.journal
    WHERE execution_id = e.id AND generation = e.generation - 1
    ORDER BY seq DESC LIMIT 1
) AS last

-- name: append_one
-- The same where there is one entry, as a lone execution commits it after each step. Parameters go by number, as libpq
-- wants them: scheduler, execution id, generation, seq, floor, then the columns of a row as in the line above.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = $1 FOR KEY SHARE
), written AS (
    INSERT INTO dataflows.journal
        (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
    SELECT $2, $3, $4, greatest(lease.now, $5), $6, $7, $8, $9, $10, $11, $12, $13 FROM lease
)
SELECT lease.now FROM lease

-- name: forget_generations
-- Entries that no replay reads any more: of former generations, but the newest. The values that are still read from
-- outside stay: what was published last under each name.
DELETE FROM dataflows.journal
WHERE ctid = ANY (ARRAY(
    SELECT old.ctid
    FROM dataflows.executions e,
    LATERAL (
        SELECT ctid, * FROM dataflows.journal j
        WHERE j.execution_id = e.id AND j.generation < e.generation - %(kept)s OFFSET 0
    ) AS old
    WHERE e.id = %(id)s
      AND NOT (old.kind = 'published' AND old.ok AND NOT EXISTS (
          SELECT FROM dataflows.journal newer
          WHERE newer.execution_id = old.execution_id AND (newer.generation, newer.seq) > (old.generation, old.seq)
            AND newer.kind = 'published' AND newer.ok AND newer.name = old.name OFFSET 0
      ))
    LIMIT %(most)s
))

-- name: hold_together
-- The last statement of a transaction that is an author's, before its COMMIT. It fails, and with it all the others, where
-- the lease is gone, and where the author's code has itself ended the transaction that was begun for it.
SELECT 1 / count(*) FROM dataflows.schedulers
WHERE id = %(scheduler)s AND current_setting('dataflows.transaction', true) = %(mark)s

-- name: is_session_there
-- Whether the server still works for a connection that its client has lost.
SELECT FROM pg_stat_activity WHERE pid = %(pid)s AND application_name = %(application)s

-- name: look_at_lease
-- The fence of a commit that writes no entry.
SELECT clock_timestamp() FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE

-- name: wait_for_commits
-- After a lost connection: a commit of this scheduler that the server is still busy with ends first.
SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR UPDATE

-- name: mark_inbox
-- The messages that the same commit journals.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
)
UPDATE dataflows.inbox i SET seq = read.seq
FROM lease, unnest((SELECT %(ids)b), (SELECT %(numbers)b), (SELECT %(seqs)b)) AS read (execution_id, number, seq)
WHERE i.execution_id = ANY (ARRAY[read.execution_id]) AND i.number = ANY (ARRAY[read.number])

-- name: move
-- New statuses of held executions. One that is to be let go (inbox_seq given) stays held where a message came since,
-- and one that is not of the status that its holder thinks stays as it is.
-- They are found by their ids, never by their scheduler: the index of what it holds may be full of what it once held.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
)
UPDATE dataflows.executions e
SET status = new.status,
    generation = coalesce(new.generation, e.generation),
    due_at = new.due_at,
    scheduler = CASE WHEN new.status = 'running' THEN e.scheduler END,
    deaths = CASE WHEN new.progress THEN 0 ELSE e.deaths END,
    problem = new.problem,
    ended_at = CASE WHEN new.status IN ('completed', 'failed', 'cancelled') THEN coalesce(e.ended_at, lease.now) END
FROM lease, unnest(
    (SELECT %(ids)b), (SELECT %(statuses)b), (SELECT %(dues)b), (SELECT %(inboxes)b), (SELECT %(progresses)b),
    (SELECT %(problems)b), (SELECT %(expecteds)b), (SELECT %(generations)b)
) AS new (id, status, due_at, inbox_seq, progress, problem, expected, generation)
WHERE e.id = ANY (ARRAY[new.id])
  AND coalesce(e.scheduler = %(scheduler)s, false) AND e.status = new.expected
  AND (new.inbox_seq IS NULL OR e.inbox_seq = new.inbox_seq)
RETURNING e.id

-- name: which_are_there
-- After a lost connection: which of these entries were committed? One that terminates is nobody's who asks.
SELECT j.execution_id, j.generation, j.seq, j.at
FROM unnest(%(ids)b, %(generations)b, %(seqs)b) AS asked (execution_id, generation, seq),
LATERAL (
    SELECT * FROM dataflows.journal j
    WHERE j.execution_id = asked.execution_id AND j.generation = asked.generation AND j.seq = asked.seq OFFSET 0
) AS j
WHERE NOT (j.kind = 'terminated' AND j.name = 'cancelled')

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
       (SELECT status FROM dataflows.executions WHERE id = %(execution_id)s) AS status,
       (SELECT pg_notify('dataflows', %(execution_id)s) FROM sent)

-- name: look_up
SELECT id, workflow, version, status, created_at, ended_at, due_at::text, tags, problem, paused, generation, parent
FROM dataflows.executions WHERE id = %(id)s

-- name: read_result
-- The status, and the last entry where there is a result; its data only if that is not more than so many bytes.
SELECT e.status, e.problem, j.kind, j.ok, j.encoding,
       CASE WHEN coalesce(octet_length(j.data) <= %(most)s, true) THEN j.data END, octet_length(j.data)
FROM dataflows.executions e
LEFT JOIN LATERAL (
    SELECT kind, ok, encoding, data FROM dataflows.journal
    WHERE execution_id = e.id AND generation = e.generation
    ORDER BY seq DESC LIMIT 1
) AS j ON e.ended_at IS NOT NULL
WHERE e.id = %(id)s

-- name: read_history
-- Of the generation that is asked for, or of the one that counts.
SELECT j.seq, j.at, j.kind, j.position, j.name, j.branch, j.ok, j.encoding, j.data, j.moment
FROM dataflows.executions e,
LATERAL (
    SELECT * FROM dataflows.journal
    WHERE execution_id = e.id AND generation = coalesce(%(generation)s::int, e.generation) ORDER BY seq OFFSET 0
) AS j
WHERE e.id = %(id)s

-- name: read_history_page
-- So many entries of a generation, those after one, for a line each: of a payload comes its beginning, and its size; of an
-- error that is not too long all, since its beginning says nothing. Moments that no calendar has are moved into it.
SELECT j.seq, least(greatest(j.at, '0001-01-02 UTC'), '9999-12-30 UTC'), j.kind, j.position, j.name, j.branch, j.ok,
       j.encoding,
       CASE WHEN j.encoding = 'error' AND octet_length(j.data) <= %(longest_error)s THEN j.data
            ELSE substring(j.data FROM 1 FOR %(most)s) END,
       CASE WHEN j.moment IS NOT NULL THEN least(greatest(j.moment, '0001-01-02 UTC'), '9999-12-30 UTC') END,
       octet_length(j.data)
FROM dataflows.journal j
WHERE j.execution_id = %(id)s AND j.generation = %(generation)s AND j.seq > %(after)s
ORDER BY j.seq LIMIT %(limit)s

-- name: read_open
-- Executions that have not ended, in the order of their ids, each with its journal. The next page goes on after the
-- last id of this one. One statement, so that each journal is whole.
WITH page AS MATERIALIZED (
    SELECT e.id, e.generation, e.workflow, e.version, e.status
    FROM dataflows.executions e
    WHERE e.id > %(after)s AND e.ended_at IS NULL
      AND (%(workflows)s::text[] IS NULL OR e.workflow = ANY (%(workflows)s))
    ORDER BY e.id LIMIT %(limit)s
)
SELECT page.id, page.workflow, page.version, page.status,
       j.seq, CASE WHEN j.at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC' THEN j.at END AS at,
       j.kind, j.position, j.name, j.branch, j.ok, j.encoding, j.data,
       CASE WHEN j.moment BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC' THEN j.moment END AS moment
FROM page LEFT JOIN dataflows.journal j ON j.execution_id = page.id AND j.generation = page.generation
ORDER BY page.id, j.seq

-- name: read_published
-- What was published last under a name.
SELECT encoding, data FROM (
    SELECT * FROM dataflows.journal WHERE execution_id = %(id)s ORDER BY generation DESC, seq DESC OFFSET 0
) AS entry
WHERE kind = 'published' AND ok AND name = %(key)s
LIMIT 1

-- name: list_published
-- The same for each name; of a value comes its beginning, and its size.
SELECT name, encoding, substring(data FROM 1 FOR %(most)s), octet_length(data) FROM (
    SELECT DISTINCT ON (name) name, encoding, data FROM (
        SELECT * FROM dataflows.journal WHERE execution_id = %(id)s ORDER BY generation DESC, seq DESC OFFSET 0
    ) AS entry
    WHERE kind = 'published' AND ok
    ORDER BY name, generation DESC, seq DESC
) AS newest

-- name: list_executions
-- Newest first; the next page goes on before the last line of this one. The index is walked, what is not asked for passed
-- over, and only the page sorted: conditions in the form of coalesce, and rows that are expected to be many, do not lead
-- a planner to sort all.
SELECT id, workflow, version, status, created_at, ended_at, due_at::text, tags, problem, paused, generation, parent
FROM (
    SELECT e.* FROM dataflows.executions e, generate_series(1, (SELECT 1)) AS expected
    WHERE coalesce(status = %(status)s::text, true)
      AND coalesce(workflow = %(workflow)s::text, true)
      AND coalesce(tags @> %(tags)s::jsonb, %(tags)s::jsonb IS NULL)
      AND created_at >= coalesce(%(created_after)s::timestamptz, '-infinity')
      AND created_at < coalesce(%(created_before)s::timestamptz, 'infinity')
      AND (created_at, id) < (
          coalesce(%(before_time)s, (SELECT created_at FROM dataflows.executions WHERE id = %(before)s), 'infinity'),
          coalesce(%(before)s::text, ''))
    ORDER BY created_at DESC FETCH FIRST (%(limit)s) ROWS WITH TIES
) AS newest
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s

-- name: which_are_held
-- After a lost connection: which of these executions does the scheduler (still) hold?
SELECT id FROM dataflows.executions
WHERE id = ANY (ARRAY(SELECT unnest(%(ids)b))) AND coalesce(scheduler = %(scheduler)s, false)

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
), waiting AS (
    DELETE FROM dataflows.tickets WHERE execution_id = ANY (ARRAY(SELECT id FROM old))
)
DELETE FROM dataflows.executions WHERE id = ANY (ARRAY(SELECT id FROM old))
RETURNING id

-- name: lock_purge
-- Until the end of the transaction nobody else purges by setting.
SELECT pg_try_advisory_xact_lock(hashtext('dataflows purge'))
