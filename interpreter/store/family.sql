-- Parents and children: every statement by name. What a child came to is told to its parent by the commit that ends it.
-- Batches are joined row by row, for the reason that stands in schema.sql.

-- name: lock_family
-- Before a commit writes to children and to their parents: all of them at once, in the order of their ids, since others
-- may do the same the other way round.
WITH parents AS MATERIALIZED (
    SELECT child.parent
    FROM unnest((SELECT %(children)b)) AS ended (id),
    LATERAL (SELECT parent FROM dataflows.executions WHERE id = ended.id OFFSET 0) AS child
), family AS MATERIALIZED (
    SELECT unnest((SELECT %(ids)b)) COLLATE "C" AS id UNION SELECT parent FROM parents
)
SELECT FROM (SELECT id FROM family ORDER BY id OFFSET 0) AS one,
LATERAL (SELECT FROM dataflows.executions WHERE id = one.id FOR NO KEY UPDATE) AS locked

-- name: tell_parents
-- Of the children that have ended by now, what each came to goes to its parent's inbox, once; not where the parent has
-- ended, or goes on from another journal. Who holds a parent elsewhere, or is idle, gets a hint. Answers which parents
-- are held here.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), ended AS MATERIALIZED (
    SELECT child.id, child.created_at, child.workflow, child.parent, child.parent_generation, child.parent_position,
           child.parent_branch,
           last.ok, last.encoding, last.data
    FROM lease, unnest((SELECT %(children)b)) AS told (id),
    LATERAL (SELECT * FROM dataflows.executions WHERE id = told.id OFFSET 0) AS child,
    LATERAL (SELECT generation, status FROM dataflows.executions WHERE id = child.parent OFFSET 0) AS parent,
    LATERAL (
        SELECT ok, encoding, data FROM dataflows.journal
        WHERE execution_id = child.id AND generation = child.generation
        ORDER BY seq DESC LIMIT 1
    ) AS last
    WHERE child.parent_position IS NOT NULL AND child.status IN ('completed', 'failed', 'cancelled')
      AND parent.generation = child.parent_generation AND parent.status NOT IN ('completed', 'failed', 'cancelled')
), counted AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY parent ORDER BY id) AS number, count(*) OVER (PARTITION BY parent) AS siblings
    FROM ended
), woken AS (
    UPDATE dataflows.executions p
    SET inbox_seq = p.inbox_seq + one.siblings,
        due_at = CASE WHEN p.status = 'suspended' THEN least(p.due_at, clock_timestamp()) ELSE p.due_at END
    FROM (SELECT DISTINCT parent, siblings FROM counted) AS one
    WHERE p.id = ANY (ARRAY[one.parent])
    RETURNING p.id, p.inbox_seq, p.scheduler
), sent AS (
    INSERT INTO dataflows.inbox
        (execution_id, number, id, kind, generation, position, name, branch, ok, encoding, data)
    SELECT woken.id, woken.inbox_seq - child.siblings + child.number,
           format('child:%%s/%%s', child.id, extract(epoch FROM child.created_at)), 'child',
           child.parent_generation, child.parent_position, child.workflow, child.parent_branch,
           child.ok, child.encoding, child.data
    FROM woken JOIN counted AS child ON child.parent = woken.id
    ON CONFLICT DO NOTHING
), hinted AS MATERIALIZED (
    SELECT pg_notify('dataflows', id) FROM woken WHERE scheduler IS DISTINCT FROM %(scheduler)s
)
SELECT ARRAY(SELECT id FROM woken WHERE scheduler = %(scheduler)s), (SELECT count(*) FROM hinted) FROM lease

-- name: whose_is
-- What the execution of this id is, to see whether it is the one that was to be started; and whether it is older than the
-- execution that has the id of its parent, which then is another one.
SELECT e.workflow, coalesce(e.created_at < p.created_at, false), e.parent, e.parent_generation, e.parent_position
FROM dataflows.executions e
LEFT JOIN LATERAL (SELECT created_at FROM dataflows.executions WHERE id = e.parent OFFSET 0) AS p ON true
WHERE e.id = %(id)s
