-- Parents and children: every statement by name. What a child came to is told to its parent by the commit that ends it.

-- name: lock_family
-- Before a commit writes to children and to their parents: all of them at once, in the order of their ids, since others
-- may do the same the other way round.
SELECT FROM dataflows.executions
WHERE id = ANY (ARRAY(
    SELECT unnest(%(ids)b)
    UNION
    SELECT child.parent FROM unnest(%(children)b) AS ended (id),
    LATERAL (SELECT parent FROM dataflows.executions WHERE id = ended.id OFFSET 0) AS child
))
ORDER BY id FOR NO KEY UPDATE

-- name: tell_parents
-- Of the children that have ended by now, what each came to goes to its parent's inbox, once; not where the parent has
-- ended, or goes on from another journal. Who holds a parent elsewhere, or is idle, gets a hint. Answers which parents
-- are held here.
WITH lease AS MATERIALIZED (
    SELECT FROM dataflows.schedulers WHERE id = %(scheduler)s FOR KEY SHARE
), ended AS MATERIALIZED (
    SELECT child.id, child.workflow, child.parent, child.parent_generation, child.parent_position, child.parent_branch,
           last.ok, last.encoding, last.data,
           row_number() OVER (PARTITION BY child.parent ORDER BY child.id) AS number,
           count(*) OVER (PARTITION BY child.parent) AS siblings
    FROM lease, unnest(%(children)b) AS told (id),
    LATERAL (SELECT * FROM dataflows.executions WHERE id = told.id OFFSET 0) AS child,
    LATERAL (SELECT generation, status FROM dataflows.executions WHERE id = child.parent OFFSET 0) AS parent,
    LATERAL (
        SELECT ok, encoding, data FROM dataflows.journal
        WHERE execution_id = child.id AND generation = child.generation
        ORDER BY seq DESC LIMIT 1
    ) AS last
    WHERE child.parent_position IS NOT NULL AND child.status IN ('completed', 'failed', 'cancelled')
      AND parent.generation = child.parent_generation AND parent.status NOT IN ('completed', 'failed', 'cancelled')
      AND NOT EXISTS (
          SELECT FROM dataflows.inbox i WHERE i.execution_id = child.parent AND i.id = 'child:' || child.id
      )
), woken AS (
    UPDATE dataflows.executions p
    SET inbox_seq = p.inbox_seq + one.siblings,
        due_at = CASE WHEN p.status = 'suspended' THEN least(p.due_at, clock_timestamp()) ELSE p.due_at END
    FROM (SELECT DISTINCT parent, siblings FROM ended) AS one
    WHERE p.id = one.parent
    RETURNING p.id, p.inbox_seq, p.scheduler
), sent AS (
    INSERT INTO dataflows.inbox
        (execution_id, number, id, kind, generation, position, name, branch, ok, encoding, data)
    SELECT woken.id, woken.inbox_seq - ended.siblings + ended.number, 'child:' || ended.id, 'child',
           ended.parent_generation, ended.parent_position, ended.workflow, ended.parent_branch,
           ended.ok, ended.encoding, ended.data
    FROM woken JOIN ended ON ended.parent = woken.id
), hinted AS MATERIALIZED (
    SELECT pg_notify('dataflows', id) FROM woken WHERE scheduler IS DISTINCT FROM %(scheduler)s
)
SELECT ARRAY(SELECT id FROM woken WHERE scheduler = %(scheduler)s), (SELECT count(*) FROM hinted) FROM lease

-- name: whose_is
-- What the execution of this id is, to see whether it is the one that was to be started.
SELECT workflow, parent, parent_generation, parent_position FROM dataflows.executions WHERE id = %(id)s
