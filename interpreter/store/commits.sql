-- What a holder writes: a group commit is a few of these in one pipeline.

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
        (SELECT %(ids)b), (SELECT %(workflows)b), (SELECT %(versions)b), (SELECT %(tags)b),
        (SELECT %(parents)b), (SELECT %(generations)b), (SELECT %(positions)b), (SELECT %(branches)b)
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
    FROM lease, unnest((SELECT %(ids)b), (SELECT %(encodings)b), (SELECT %(payloads)b)) AS new (id, encoding, data)
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
-- The same where there is one entry, as a lone execution commits it after each step; its time is that at which the
-- statement begins. The lease is locked without a CTE, which takes as long as the insert. Parameters go by number, as
-- libpq wants them: scheduler, execution id, generation, seq, floor, then the columns of a row as in the line above.
INSERT INTO dataflows.journal
    (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
SELECT $2, $3, $4, greatest(now(), $5), $6, $7, $8, $9, $10, $11, $12, $13
FROM dataflows.schedulers WHERE id = $1 FOR KEY SHARE
RETURNING now()

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
    waits_for = new.waits_for::jsonb,
    ended_at = CASE WHEN new.status IN ('completed', 'failed', 'cancelled') THEN coalesce(e.ended_at, lease.now) END
FROM lease, unnest(
    (SELECT %(ids)b), (SELECT %(statuses)b), (SELECT %(dues)b), (SELECT %(inboxes)b), (SELECT %(progresses)b),
    (SELECT %(problems)b), (SELECT %(expecteds)b), (SELECT %(generations)b), (SELECT %(waits)b)
) AS new (id, status, due_at, inbox_seq, progress, problem, expected, generation, waits_for)
WHERE e.id = ANY (ARRAY[new.id])
  AND coalesce(e.scheduler = %(scheduler)s, false) AND e.status = new.expected
  AND (new.inbox_seq IS NULL OR e.inbox_seq = new.inbox_seq)
RETURNING e.id

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
-- Whether the server still works for a connection that its client has lost. A session that is idle has committed, or not;
-- behind a pooler it goes on to serve others.
SELECT FROM pg_stat_activity
WHERE pid = %(pid)s AND application_name = %(application)s AND state IS DISTINCT FROM 'idle'

-- name: look_at_lease
-- The fence of a commit that writes no entry.
SELECT clock_timestamp() FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE

-- name: wait_for_commits
-- After a lost connection: a commit of this scheduler that the server is still busy with ends first.
SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR UPDATE

-- name: which_are_there
-- After a lost connection: which of these entries were committed? One that terminates is nobody's who asks.
SELECT j.execution_id, j.generation, j.seq, j.at
FROM unnest(%(ids)b, %(generations)b, %(seqs)b) AS asked (execution_id, generation, seq),
LATERAL (
    SELECT * FROM dataflows.journal j
    WHERE j.execution_id = asked.execution_id AND j.generation = asked.generation AND j.seq = asked.seq OFFSET 0
) AS j
WHERE NOT (j.kind = 'terminated' AND j.name = 'cancelled')

-- name: which_were_started
-- After a lost connection: which of these executions began with these very bytes? In them is a seed, which no other start
-- has.
SELECT asked.id
FROM unnest((SELECT %(ids)b), (SELECT %(payloads)b)) AS asked (id, data),
LATERAL (
    SELECT data FROM dataflows.journal WHERE execution_id = asked.id AND generation = 1 AND seq = 1 OFFSET 0
) AS j
WHERE j.data = asked.data

-- name: which_are_held
-- After a lost connection: which of these executions does the scheduler (still) hold?
SELECT id FROM dataflows.executions
WHERE id = ANY (ARRAY(SELECT unnest(%(ids)b))) AND coalesce(scheduler = %(scheduler)s, false)
