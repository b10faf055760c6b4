-- Callbacks: questions that are answered from outside, each once. Every statement by name. Joins are made row by row, for
-- the reason that stands in schema.sql.

-- name: open_callbacks
-- Those whose entries the same commit journals.
WITH lease AS MATERIALIZED (
    SELECT clock_timestamp() AS now FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
)
INSERT INTO dataflows.callbacks (digest, execution_id, generation, seq, name, question, opened_at, expires_at)
SELECT new.digest, new.execution_id, new.generation, new.seq, new.name, new.question,
       lease.now, lease.now + new.microseconds * interval '1 microsecond'
FROM lease, unnest(
    %(digests)b, %(ids)b, %(generations)b, %(seqs)b, %(names)b, %(questions)b, %(lifetimes)b
) AS new (digest, execution_id, generation, seq, name, question, microseconds)

-- name: look_at_callback
-- What is asked there, whether it can be answered, and what was; by the digest of the token.
SELECT c.name, c.question, e.workflow, e.status, c.opened_at, c.expires_at, coalesce(c.expires_at <= clock_timestamp(), false),
       c.answered_at, answer.id, answer.encoding, answer.data
FROM dataflows.callbacks c
CROSS JOIN LATERAL (
    SELECT workflow, status FROM dataflows.executions WHERE id = c.execution_id OFFSET 0
) AS e
LEFT JOIN LATERAL (
    SELECT id, encoding, data FROM dataflows.inbox WHERE execution_id = c.execution_id AND number = c.message OFFSET 0
) AS answer ON true
WHERE c.digest = %(digest)b

-- name: list_callbacks
-- All of an execution, in no order, each with its URL, if the generation in which it was opened is still kept.
SELECT c.name, c.question, e.workflow, e.status, c.opened_at, c.expires_at, coalesce(c.expires_at <= clock_timestamp(), false),
       c.answered_at, answer.id, answer.encoding, answer.data, entry.encoding, entry.data
FROM dataflows.executions e
CROSS JOIN LATERAL (
    SELECT * FROM dataflows.callbacks WHERE execution_id = e.id OFFSET 0
) AS c
LEFT JOIN LATERAL (
    SELECT id, encoding, data FROM dataflows.inbox WHERE execution_id = c.execution_id AND number = c.message OFFSET 0
) AS answer ON true
LEFT JOIN LATERAL (
    SELECT encoding, data FROM dataflows.journal
    WHERE execution_id = c.execution_id AND generation = c.generation AND seq = c.seq OFFSET 0
) AS entry ON true
WHERE e.id = %(id)s

-- name: answer_callback
-- The answer becomes a signal, and the callback has been answered: one or the other is never there alone. In a
-- transaction behind the lock of this callback, so that of several answers one is the first. There is a row if it was
-- this one; else it cannot be answered (any more), and the caller looks why.
WITH moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), asked AS MATERIALIZED (
    SELECT c.execution_id, c.name
    FROM moment, dataflows.callbacks c
    WHERE c.digest = %(digest)b AND c.answered_at IS NULL AND coalesce(c.expires_at > moment.now, true)
), target AS (
    UPDATE dataflows.executions e
    SET inbox_seq = e.inbox_seq + 1,
        due_at = CASE WHEN e.status = 'suspended' THEN least(e.due_at, moment.now) ELSE e.due_at END
    FROM moment, asked
    WHERE e.id = ANY (ARRAY[asked.execution_id]) AND e.status NOT IN ('completed', 'failed', 'cancelled')
    RETURNING e.id, e.inbox_seq
), sent AS (
    INSERT INTO dataflows.inbox (execution_id, number, id, kind, name, encoding, data)
    SELECT target.id, target.inbox_seq, %(message_id)s, 'signal', asked.name, %(encoding)s, %(payload)b
    FROM target, asked
    RETURNING execution_id, number
), answered AS (
    UPDATE dataflows.callbacks c SET answered_at = moment.now, message = sent.number
    FROM moment, sent WHERE c.digest = %(digest)b
)
SELECT execution_id, pg_notify('dataflows', execution_id) FROM sent
