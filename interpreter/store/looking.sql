-- What people and programs are shown. Nothing here locks a row.

-- name: look_up
SELECT id, workflow, version, status, created_at, ended_at, due_at::text, tags, problem, paused, generation, parent,
       CASE WHEN status = 'suspended' THEN waits_for END
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
SELECT encoding, data FROM dataflows.journal
WHERE execution_id = %(id)s AND kind = 'published' AND ok AND name = %(key)s
ORDER BY generation DESC, seq DESC LIMIT 1

-- name: list_published
-- The same for each name; of a value comes its beginning, and its size.
SELECT name, encoding, substring(data FROM 1 FOR %(most)s), octet_length(data) FROM (
    SELECT DISTINCT ON (name) name, encoding, data FROM dataflows.journal
    WHERE execution_id = %(id)s AND kind = 'published' AND ok
    ORDER BY name, generation DESC, seq DESC
) AS newest

-- name: list_executions
-- Newest first; the next page goes on before the last line of this one. The index is walked, what is not asked for passed
-- over, and only the page sorted: conditions in the form of coalesce, and rows that are expected to be many, do not lead
-- a planner to sort all.
SELECT id, workflow, version, status, created_at, ended_at, due_at::text, tags, problem, paused, generation, parent,
       CASE WHEN status = 'suspended' THEN waits_for END
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
