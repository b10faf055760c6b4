-- The server and one session of it: what it must be, how long a statement of ours may keep others waiting, and whether
-- what it tells is heard.

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

-- name: wait_not_long
-- First statement of a transaction that must not wait for a lock that somebody keeps.
SELECT set_config('lock_timeout', %(longest)s, true)

-- name: pause_not_long
-- First statement of a transaction in which the client thinks, and has locks that others must not wait for.
SELECT set_config('idle_in_transaction_session_timeout', %(longest)s, true)

-- name: begin_session
-- The same for all transactions of a session, and the zone in which its times are told.
SELECT set_config('idle_in_transaction_session_timeout', %(longest)s, false), set_config('TimeZone', 'UTC', false)

-- name: send_echo
-- To whoever listens, and so to oneself: does it come?
SELECT pg_notify('dataflows', %(echo)s)
