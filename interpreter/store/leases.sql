-- Leases of schedulers: each has one row, which its heartbeat renews, and a takeover deletes.

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
