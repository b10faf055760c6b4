-- What people do about executions, in plain client transactions, while schedulers run: every statement by name. Each
-- does all it does at once, locks executions in the order of their ids before anything else, and leaves out what is
-- not in a status that allows it, so that it may be repeated, and raced by others, at any time. What is answered is
-- what was changed; the notification that goes with it is a hint to whoever holds it, or is idle.

-- name: pause
-- Nothing is claimed while it is set; a holder lets go when what is under way has been journaled.
UPDATE dataflows.executions e SET paused = true
FROM (
    SELECT id FROM dataflows.executions WHERE id = ANY (%(ids)b) ORDER BY id FOR UPDATE
) AS locked
WHERE e.id = locked.id AND NOT e.paused AND e.status NOT IN ('completed', 'failed', 'cancelled')
RETURNING e.id, pg_notify('dataflows', e.id)

-- name: resume
-- The other way; and a blocked execution is tried again, from its journal.
UPDATE dataflows.executions e
SET paused = false,
    status = CASE WHEN e.status = 'blocked' THEN 'suspended' ELSE e.status END,
    due_at = CASE WHEN e.status = 'blocked' THEN clock_timestamp() ELSE e.due_at END,
    deaths = CASE WHEN e.status = 'blocked' THEN 0 ELSE e.deaths END,
    problem = NULL
FROM (
    SELECT id FROM dataflows.executions WHERE id = ANY (%(ids)b) ORDER BY id FOR UPDATE
) AS locked
WHERE e.id = locked.id AND (e.paused OR e.status = 'blocked') AND e.status NOT IN ('completed', 'failed', 'cancelled')
RETURNING e.id, pg_notify('dataflows', e.id)

-- name: delete
-- Ended executions, with all that is theirs. One that was terminated goes when the scheduler that held it knows: what
-- that might still write would else come into the journal of another execution of this id.
WITH locked AS MATERIALIZED (
    SELECT id FROM dataflows.executions WHERE id = ANY (%(ids)b) ORDER BY id FOR UPDATE
), gone AS (
    DELETE FROM dataflows.executions e USING locked
    WHERE e.id = locked.id AND e.status IN ('completed', 'failed', 'cancelled') AND e.scheduler IS NULL
    RETURNING e.id
), lines AS (
    DELETE FROM dataflows.journal j USING gone WHERE j.execution_id = gone.id
), messages AS (
    DELETE FROM dataflows.inbox i USING gone WHERE i.execution_id = gone.id
), awaited AS (
    DELETE FROM dataflows.subscriptions s USING gone WHERE s.execution_id = gone.id
), asked AS (
    DELETE FROM dataflows.callbacks c USING gone WHERE c.execution_id = gone.id
), waiting AS (
    DELETE FROM dataflows.tickets t USING gone WHERE t.execution_id = gone.id
)
SELECT id FROM gone

-- name: find_tree
-- These executions and all that descend from them, those that live, parents before their children. One that has ended
-- is looked below, too: its children may have outlived it. What goes its own way is nobody's child.
WITH RECURSIVE tree (id) AS (
    SELECT unnest(%(ids)b) COLLATE "C"
    UNION
    SELECT e.id FROM tree JOIN dataflows.executions e ON e.parent = tree.id AND e.parent_position IS NOT NULL
)
SELECT e.id FROM tree JOIN dataflows.executions e USING (id)
WHERE e.status NOT IN ('completed', 'failed', 'cancelled')
ORDER BY e.created_at, e.id

-- name: terminate
-- An entry ends each of these, whoever holds it: what a holder would have written at that seq collides with it. Where
-- the holder's comes first, the execution is left out, and the caller tries again. The holder stays, until it lets go.
-- A parent that is not itself among these is told what its child came to.
WITH family AS MATERIALIZED (
    SELECT given.id COLLATE "C" AS id FROM unnest(%(ids)b) AS given (id)
    UNION
    SELECT e.parent FROM dataflows.executions e WHERE e.id = ANY (%(ids)b) AND e.parent IS NOT NULL
), locked AS MATERIALIZED (
    SELECT e.id, e.created_at, e.generation, e.workflow, e.status,
           e.parent, e.parent_generation, e.parent_position, e.parent_branch
    FROM dataflows.executions e JOIN family USING (id)
    ORDER BY e.id FOR UPDATE OF e
), written AS (
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, name, ok, encoding, data)
    SELECT one.id, one.generation, coalesce(last.seq, 0) + 1, greatest(clock_timestamp(), last.at),
           'terminated', 'cancelled', false, %(encoding)s,
           CASE WHEN one.id = ANY (%(roots)b) THEN %(of_root)b ELSE %(of_child)b END
    FROM locked AS one
    LEFT JOIN LATERAL (
        SELECT j.seq, j.at FROM dataflows.journal j
        WHERE j.execution_id = one.id AND j.generation = one.generation
        ORDER BY j.seq DESC LIMIT 1
    ) AS last ON true
    WHERE one.id = ANY (%(ids)b) AND one.status NOT IN ('completed', 'failed', 'cancelled')
    ON CONFLICT DO NOTHING
    RETURNING execution_id AS id, data
), ended AS (
    UPDATE dataflows.executions e
    SET status = 'cancelled', ended_at = clock_timestamp(), due_at = NULL, paused = false, problem = NULL
    FROM written WHERE e.id = written.id
    RETURNING e.id
), orphaning AS MATERIALIZED (
    SELECT one.id, one.created_at, one.workflow, one.parent, one.parent_generation, one.parent_position,
           one.parent_branch, written.data,
           row_number() OVER (PARTITION BY one.parent ORDER BY one.id) AS number,
           count(*) OVER (PARTITION BY one.parent) AS children
    FROM written JOIN locked AS one USING (id) JOIN locked AS parent ON parent.id = one.parent
    WHERE one.parent <> ALL (%(ids)b) AND one.parent_position IS NOT NULL
      AND one.parent_generation = parent.generation AND parent.status NOT IN ('completed', 'failed', 'cancelled')
), told AS (
    UPDATE dataflows.executions p
    SET inbox_seq = p.inbox_seq + child.children,
        due_at = CASE WHEN p.status = 'suspended' THEN least(p.due_at, clock_timestamp()) ELSE p.due_at END
    FROM (SELECT DISTINCT parent, children FROM orphaning) AS child WHERE p.id = child.parent
    RETURNING p.id, p.inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox
        (execution_id, number, id, kind, generation, position, name, branch, ok, encoding, data)
    SELECT told.id, told.inbox_seq - child.children + child.number,
           format('child:%%s/%%s', child.id, extract(epoch FROM child.created_at)), 'child',
           child.parent_generation, child.parent_position, child.workflow, child.parent_branch, false,
           %(encoding)s, child.data
    FROM told JOIN orphaning AS child ON child.parent = told.id
    ON CONFLICT DO NOTHING
)
SELECT id, true AS terminated, pg_notify('dataflows', id) FROM ended
UNION ALL
SELECT id, false, pg_notify('dataflows', id) FROM told

-- name: find_cut
-- Where a retry or a fork parts from the journal: at the entry that settled the position which is given, or else, of a
-- failed execution, at the last outcome of a command that is an error; else at its end. No position: none is such.
SELECT e.id, e.status, e.generation, place.position,
       coalesce(settled.seq, ended.seq, (
           SELECT max(j.seq) + 1 FROM dataflows.journal j WHERE j.execution_id = e.id AND j.generation = e.generation
       )) AS cut
FROM unnest(%(ids)b) AS asked (id),
LATERAL (SELECT * FROM dataflows.executions WHERE id = asked.id OFFSET 0) AS e
LEFT JOIN LATERAL (
    SELECT j.position FROM dataflows.journal j
    WHERE j.execution_id = e.id AND j.generation = e.generation
      AND CASE WHEN %(position)s::text IS NULL
               THEN e.status = 'failed' AND j.position IS NOT NULL AND NOT j.ok AND j.kind <> 'attempt'
               ELSE j.position = %(position)s END
    ORDER BY j.seq DESC LIMIT 1
) AS place ON true
LEFT JOIN LATERAL (
    SELECT min(j.seq) AS seq FROM dataflows.journal j
    WHERE j.execution_id = e.id AND j.generation = e.generation AND j.position = place.position
      AND j.kind NOT IN ('attempt', 'begin', 'child-started')
) AS settled ON true
LEFT JOIN LATERAL (
    SELECT max(j.seq) AS seq FROM dataflows.journal j
    WHERE j.execution_id = e.id AND j.generation = e.generation
      AND j.kind IN ('completed', 'failed', 'cancelled', 'terminated')
) AS ended ON true

-- name: retry
-- Failed or blocked executions go on in a new generation of their journals, which begins with the entries before the cut
-- but those of the position where it parts; and but a child's start whose end is cut off, since it is to run again.
-- Messages whose entries are cut off are unread again, but not what an earlier generation has read (a number in the inbox
-- does not tell of which generation it is; the moment of a signal does); a cancel is forgotten. Where it has failed, one
-- more "begun" says when it went on: the time between does not count for what is open.
WITH cut AS MATERIALIZED (
    SELECT * FROM unnest(%(ids)b, %(generations)b, %(positions)b, %(cuts)b) AS cut (id, generation, position, seq)
), locked AS MATERIALIZED (
    SELECT id, status FROM dataflows.executions WHERE id = ANY (%(ids)b) ORDER BY id FOR UPDATE
), target AS (
    UPDATE dataflows.executions e
    SET generation = e.generation + 1, status = 'suspended', due_at = clock_timestamp(), deaths = 0,
        problem = NULL, ended_at = NULL
    FROM locked JOIN cut USING (id)
    WHERE e.id = locked.id AND e.generation = cut.generation AND e.status IN ('failed', 'blocked')
    RETURNING e.id, e.generation, cut.generation AS former, cut.position, cut.seq, locked.status = 'failed' AS has_failed
), kept AS MATERIALIZED (
    SELECT j.*, target.generation AS renewed, target.has_failed,
           row_number() OVER (PARTITION BY j.execution_id ORDER BY j.seq) AS number
    FROM target, LATERAL (
        SELECT * FROM dataflows.journal j
        WHERE j.execution_id = target.id AND j.generation = target.former AND j.seq < target.seq
          AND (j.position IS NULL OR target.position IS NULL OR j.position <> target.position)
          AND NOT (j.kind = 'child-started' AND EXISTS (
              SELECT FROM dataflows.journal later
              WHERE later.execution_id = target.id AND later.generation = target.former
                AND later.position = j.position AND later.kind = 'child' AND later.seq >= target.seq
          ))
        OFFSET 0
    ) AS j
), copied AS (
    INSERT INTO dataflows.journal
        (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
    SELECT execution_id, renewed, number, at, kind, position, name, branch, ok, encoding, data, moment FROM kept
    UNION ALL
    SELECT execution_id, renewed, max(number) + 1, greatest(max(at), clock_timestamp()), 'begun',
           NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM kept WHERE has_failed GROUP BY execution_id, renewed HAVING bool_or(kind = 'begun')
), children AS (
    UPDATE dataflows.executions child SET parent_generation = target.generation
    FROM target JOIN kept ON kept.execution_id = target.id
    WHERE child.parent = ANY (ARRAY[target.id]) AND child.parent_generation = target.former
      AND kept.kind = 'child-started' AND kept.position = child.parent_position
), still_sent AS MATERIALIZED (
    SELECT i.execution_id, i.number, read.number AS seq,
           CASE WHEN i.generation = target.former THEN target.generation ELSE i.generation END AS generation
    FROM target
    CROSS JOIN LATERAL (SELECT * FROM dataflows.inbox i WHERE i.execution_id = target.id OFFSET 0) AS i
    LEFT JOIN kept AS read ON read.execution_id = i.execution_id AND read.seq = i.seq
    LEFT JOIN kept AS child ON child.execution_id = i.execution_id AND child.position = i.position
                           AND child.kind = 'child-started'
    WHERE CASE i.kind
          WHEN 'signal' THEN EXISTS (
              SELECT FROM dataflows.journal j
              WHERE j.execution_id = i.execution_id AND j.generation = target.former AND j.seq = i.seq
                AND j.kind = 'signal' AND j.moment = i.sent_at
          )
          WHEN 'cancel' THEN coalesce(read.kind = 'cancel', false)
          ELSE i.generation = target.former AND child.position IS NOT NULL END
), messages AS (
    UPDATE dataflows.inbox i SET seq = sent.seq, generation = sent.generation
    FROM still_sent AS sent
    WHERE i.execution_id = ANY (ARRAY[sent.execution_id]) AND i.number = ANY (ARRAY[sent.number])
), forgotten AS (
    DELETE FROM dataflows.inbox i USING target
    WHERE i.execution_id = ANY (ARRAY[target.id]) AND i.kind = 'cancel'
      AND NOT EXISTS (
          SELECT FROM kept WHERE kept.execution_id = i.execution_id AND kept.kind = 'cancel' AND kept.seq = i.seq
      )
)
SELECT id, pg_notify('dataflows', '') FROM target

-- name: cancel
-- Each that lives and was not asked before is asked to cancel, as "send" would do it.
WITH locked AS MATERIALIZED (
    SELECT id FROM dataflows.executions WHERE id = ANY (%(ids)b) ORDER BY id FOR UPDATE
), target AS (
    UPDATE dataflows.executions e
    SET inbox_seq = e.inbox_seq + 1,
        due_at = CASE WHEN e.status IN ('suspended', 'pending') THEN least(e.due_at, clock_timestamp())
                      ELSE e.due_at END
    FROM locked
    WHERE e.id = locked.id AND e.status NOT IN ('completed', 'failed', 'cancelled')
      AND NOT EXISTS (
          SELECT FROM dataflows.inbox i WHERE i.execution_id = e.id AND i.id = %(message_id)s OFFSET 0
      )
    RETURNING e.id, e.inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, id, kind)
    SELECT id, inbox_seq, %(message_id)s, 'cancel' FROM target
    ON CONFLICT DO NOTHING
    RETURNING execution_id
)
SELECT execution_id, pg_notify('dataflows', execution_id) FROM sent

-- name: fork
-- A new execution with the beginning of another's journal, by the same rule; it belongs to no parent. A child that it
-- would have to wait for is the other's, and is started anew. One more "begun" says when it went on.
WITH origin AS MATERIALIZED (
    SELECT * FROM dataflows.executions WHERE id = %(id)s AND generation = %(generation)s
), kept AS MATERIALIZED (
    SELECT j.*, row_number() OVER (ORDER BY j.seq) AS number
    FROM origin JOIN dataflows.journal j ON j.execution_id = origin.id AND j.generation = origin.generation
    WHERE j.seq < %(cut)s AND (j.position IS NULL OR %(position)s::text IS NULL OR j.position <> %(position)s)
      AND NOT (j.kind = 'child-started' AND NOT EXISTS (
          SELECT FROM dataflows.journal before
          WHERE before.execution_id = j.execution_id AND before.generation = j.generation
            AND before.position = j.position AND before.kind = 'child' AND before.seq < %(cut)s
      ) AND (EXISTS (
          SELECT FROM dataflows.journal later
          WHERE later.execution_id = j.execution_id AND later.generation = j.generation
            AND later.position = j.position AND later.kind = 'child'
      ) OR EXISTS (
          SELECT FROM dataflows.executions child
          WHERE child.parent = j.execution_id AND child.parent_position = j.position
      ) OR EXISTS (
          SELECT FROM dataflows.inbox told
          WHERE told.execution_id = j.execution_id AND told.kind = 'child' AND told.position = j.position
      )))
), made AS (
    INSERT INTO dataflows.executions (id, workflow, version, status, due_at, format, tags, created_at)
    SELECT %(new_id)s, workflow, coalesce(%(version)s, version),
           CASE WHEN EXISTS (SELECT FROM kept WHERE kind = 'begun') THEN 'suspended' ELSE 'pending' END,
           clock_timestamp(), format, tags, clock_timestamp()
    FROM origin
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), copied AS (
    INSERT INTO dataflows.journal
        (execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, data, moment)
    SELECT made.id, 1, kept.number, kept.at,
           kept.kind, kept.position, kept.name, kept.branch, kept.ok, kept.encoding, kept.data, kept.moment
    FROM made, kept
    UNION ALL
    SELECT made.id, 1, max(kept.number) + 1, greatest(max(kept.at), clock_timestamp()), 'begun',
           NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM made, kept GROUP BY made.id HAVING bool_or(kept.kind = 'begun')
)
SELECT id, pg_notify('dataflows', '') FROM made

-- name: start_with_signal
-- Starts an execution with a message in its inbox, or sends it to the one that is there, if that is of this workflow.
-- Neither: another is just starting it, or it takes no messages, or took this one before; the caller looks.
WITH made AS (
    INSERT INTO dataflows.executions
        (id, workflow, version, status, due_at, inbox_seq, format, tags, created_at)
    VALUES (%(id)s, %(workflow)s, %(version)s, 'pending', clock_timestamp() + %(delay)s, 1, %(format)s, %(tags)s,
            clock_timestamp())
    ON CONFLICT (id) DO NOTHING
    RETURNING id, inbox_seq, created_at
), written AS (
    INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, encoding, data)
    SELECT id, 1, 1, created_at, 'started', %(encoding)s, %(payload)b FROM made
), found AS (
    UPDATE dataflows.executions e
    SET inbox_seq = inbox_seq + 1,
        due_at = CASE WHEN status = 'suspended' THEN least(due_at, clock_timestamp()) ELSE due_at END
    WHERE id = %(id)s AND workflow = %(workflow)s AND status NOT IN ('completed', 'failed', 'cancelled')
      AND NOT EXISTS (SELECT FROM dataflows.inbox i WHERE i.execution_id = e.id AND i.id = %(message_id)s)
    RETURNING id, inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, id, kind, name, encoding, data)
    SELECT id, inbox_seq, %(message_id)s, 'signal', %(signal)s, %(signal_encoding)s, %(signal_payload)b
    FROM (SELECT id, inbox_seq FROM made UNION ALL SELECT id, inbox_seq FROM found) AS target
    ON CONFLICT DO NOTHING
    RETURNING number
)
SELECT EXISTS (SELECT FROM sent) AS sent,
       EXISTS (SELECT FROM dataflows.inbox i WHERE i.execution_id = %(id)s AND i.id = %(message_id)s) AS known,
       (SELECT workflow FROM dataflows.executions WHERE id = %(id)s) AS workflow,
       (SELECT status FROM dataflows.executions WHERE id = %(id)s) AS status,
       (SELECT pg_notify('dataflows', %(id)s) FROM sent)

-- name: what_time_is_it
SELECT clock_timestamp()

-- name: find_many
-- A page of those to which something is to be done, the oldest first; the next page goes on after the last of this one.
-- Read by the index as list_executions reads, and sorted no further than the page.
SELECT id, workflow, version, status, created_at, ended_at, due_at::text, tags, problem, paused, generation, parent,
       CASE WHEN status = 'suspended' THEN waits_for END
FROM (
    SELECT e.* FROM dataflows.executions e, generate_series(1, (SELECT 1)) AS expected
    WHERE status = ANY (%(statuses)b)
      AND CASE %(verb)s::text WHEN 'pause' THEN NOT paused WHEN 'resume' THEN paused OR status = 'blocked' ELSE true END
      AND coalesce(workflow = %(workflow)s::text, true)
      AND coalesce(tags @> %(tags)s::jsonb, %(tags)s::jsonb IS NULL)
      AND created_at < %(created_before)s
      AND (%(ended_before)s::timestamptz IS NULL OR ended_at < %(ended_before)s)
      AND (created_at, id) > (coalesce(%(after_time)s::timestamptz, '-infinity'), coalesce(%(after_id)s::text, ''))
    ORDER BY created_at FETCH FIRST (%(most)s) ROWS WITH TIES
) AS oldest
ORDER BY created_at, id
LIMIT %(most)s
