-- The journal and what stands around it. This file is version 1 of the schema; what came later
-- is in migrations/. It is applied in one transaction, to an empty schema "dataflows".
--
-- Tables, and who writes them
--   executions   one row an execution: narrow and hot. Inserted by a start, updated by its holder
--                (suspend, end, block, begin again), by a claim, by a takeover, by senders
--                (inbox_seq), and by people (terminate, pause, resume, retry, delete).
--   journal      one row an entry. Only ever inserted, and only by the execution's holder,
--                but for the first row ("started"), which comes with the execution, for the last
--                of one that is terminated, and for those that a retry or a fork copies. Of an
--                execution that begins again and again, former generations are deleted.
--   inbox        one row a message to an execution. Inserted by senders together with
--                executions.inbox_seq + 1; its holder sets seq when the message is journaled.
--                A child's end is a message to its parent, sent by the commit that ends it.
--   subscriptions  one row a wait for an event by key: inserted and deleted by the execution's holder,
--                marked by whoever delivers the event.
--   events       one row an event: those that nobody has waited for yet, until a subscription takes
--                them or they expire; of the others, that they have been.
--   callbacks    one row a question that somebody outside can answer: inserted with its journal entry by the execution's
--                holder, marked by whoever answers, together with the signal that the answer becomes.
--   limits       one row a limit across executions: what schedulers were told when they started, the last word counts.
--   tickets      one row an execution, or a step of one, that waits for its turn at a limit, or has it. Inserted by the
--                holder, granted by any scheduler, deleted with the commit of what it was for.
--   uses         one row an attempt that a limit has let go to run, while it counts.
--   deliveries   one row a delivery from outside, or an emitted event that may start workflows. Inserted by
--                the intake before its sender is answered, updated by the routers of schedulers.
--   offers       one row for each workflow that a delivery is offered to, until its trigger has been asked;
--                under no workflow's name: to whoever waits for its event by key. Written by routers.
--   triggers     one row for each workflow and type of event that has started it, or might: registered by
--                the schedulers that serve it.
--   schedulers   one row a living scheduler: its lease. A takeover deletes the row of a dead one.
--   schedules    one row a schedule of a workflow: inserted by the schedulers that serve it, moved on by whoever
--                starts its moments, paused, resumed and deleted by people.
--   served_schedules  one row a schedule and a scheduler that serves it; it goes with the scheduler's.
--
-- Lock order (whoever needs several takes them so)
--   1. schedulers: the own row FOR KEY SHARE, in every write of a holder. A takeover deletes the row
--      first: after the writes in flight, and so that it fences all later ones.
--      Or, for who emits or subscribes: the advisory lock of the event's name and key.
--      Or, for who asks for a turn, or grants it: the rows of limits, in the order of their names.
--   2. schedules, in the order of workflow and schedule.
--   3. executions, in the order of their ids. A commit that ends children, or starts some, locks them and
--      their parents by a statement of its own, before it writes to any.
--   4. journal, inbox, subscriptions, events and callbacks; tickets and uses.
--   Who answers a callback holds its advisory lock before all of these, and nobody else asks for that.
--   Routers lock offers before executions, and deliveries last, as the intake does: by source and id.
-- What the function of an author's transaction locks comes before all of these; its entry is the last that is written.
--
-- How the statements in the other files are written
--   Each write of a holder is fenced by the CTE "lease", that of a single entry by its own FROM: it locks the scheduler's
--   own row, so that a takeover, which deletes that row, comes before or after it; where the row is gone, the statement
--   changes nothing and returns no row.
--   Plans must not depend on statistics, which are always of another time. So a batch is joined row by row: LATERAL with
--   OFFSET 0 leaves no other way, nor does = ANY (ARRAY[…]), by which nothing can be hashed or merged; and the length of
--   an array in (SELECT …) is not known to the planner, which then takes it for short, and makes one plan for all
--   parameters and not one at each execution, which would often cost more than that. A column that must not be searched
--   by stands in coalesce.
--
-- Time is the database's clock. Payloads are bytea with an encoding beside them: jsonb would
-- reject \u0000, drop duplicate keys and change numbers. The views show them as text.

CREATE TABLE dataflows.schedulers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,                      -- host and process, for people
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL                -- renewed by the heartbeat; after it, anybody may take over
);

CREATE TABLE dataflows.executions (
    id          text COLLATE "C" PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    generation  integer NOT NULL DEFAULT 1,         -- which journal counts; a fresh one is a new generation
    workflow    text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    status      text NOT NULL CHECK (status IN
                    ('pending', 'running', 'suspended', 'completed', 'failed', 'cancelled', 'blocked')),
    due_at      timestamptz,                        -- claimable from then on; null: held, ended, blocked, or awaiting a message
    scheduler   bigint,                             -- its holder, also of one that was terminated, until it knows; null: nobody
    inbox_seq   bigint NOT NULL DEFAULT 0,          -- number of the last message sent to it
    deaths      smallint NOT NULL DEFAULT 0,        -- how many of its holders died since its last progress
    paused      boolean NOT NULL DEFAULT false,     -- nothing is claimed while it is set
    format      smallint NOT NULL,                  -- version of the interpreter's own rules that its journal follows
    parent      text COLLATE "C",                   -- the execution that started it; null: none
    parent_generation integer,                      -- of the parent's journal in which it was started
    parent_position   text COLLATE "C",             -- of the command that awaits it; null: nobody awaits it
    parent_branch     text,                         -- the race branches which that command is in
    tags        jsonb,
    problem     text,                               -- why it is blocked
    waits_for   jsonb,                              -- suspended: the names of the signals it waits for; null: not known
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    CHECK (status <> 'running' OR scheduler IS NOT NULL),
    CHECK (scheduler IS NULL OR status IN ('running', 'cancelled'))
) WITH (
    fillfactor = 80, vacuum_truncate = false, vacuum_index_cleanup = true,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

-- The claim walks this, oldest due first, for each workflow version that a scheduler knows.
CREATE INDEX executions_due ON dataflows.executions (workflow, version, due_at)
    WHERE due_at IS NOT NULL AND NOT paused AND deaths < 2;
-- The suspects, which are claimed one at a time, are few and must not be looked for among the others.
CREATE INDEX executions_suspect ON dataflows.executions (due_at)
    WHERE due_at IS NOT NULL AND NOT paused AND deaths >= 2;
-- The takeover and the hand-back find what a scheduler holds.
CREATE INDEX executions_held ON dataflows.executions (scheduler) WHERE scheduler IS NOT NULL;
-- Who is terminated takes its children along.
CREATE INDEX executions_parent ON dataflows.executions (parent) WHERE parent IS NOT NULL;
-- People list the newest first.
CREATE INDEX executions_created ON dataflows.executions (created_at);
-- The purge goes from the oldest end to the newest.
CREATE INDEX executions_ended ON dataflows.executions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE dataflows.journal (
    execution_id text COLLATE "C" NOT NULL,
    generation   integer NOT NULL,
    seq          integer NOT NULL,                  -- 1, 2, 3, … without a gap
    at           timestamptz NOT NULL,              -- never before the entry before it
    kind         text NOT NULL,
    position     text COLLATE "C",                  -- like 3.0.2; null: the entry is about the whole execution
    name         text,                              -- of the command; child: its workflow; patch: the change; terminated: the status
    branch       text,                              -- the race branches it is in, like paid/card; signal: the event's key
    ok           boolean,                           -- outcomes only: a value, or an error
    encoding     text,
    data         bytea,                             -- arguments, outcome, payload, published value; child-started: the child's id; callback: its URL
    moment       timestamptz,                       -- failed attempt: no retry before; signal: when it was sent
    PRIMARY KEY (execution_id, generation, seq)
) WITH (
    vacuum_truncate = false,
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 2000
);

-- What was published last under a name is found without reading the rest of a journal, also where it was never.
CREATE INDEX journal_published ON dataflows.journal (execution_id, name, generation DESC, seq DESC)
    WHERE kind = 'published' AND ok;

CREATE TABLE dataflows.inbox (
    execution_id text COLLATE "C" NOT NULL,
    number       bigint NOT NULL,                   -- executions.inbox_seq at the time it was sent
    id           text COLLATE "C",                  -- the sender's, unique until the execution is purged
    kind         text NOT NULL CHECK (kind IN ('signal', 'cancel', 'child')),
    generation   integer,                           -- of the journal that a child's end is for; null: of whichever counts
    position     text COLLATE "C",                  -- child: where it is awaited
    name         text,                              -- child: its workflow
    branch       text,                              -- as in the journal: child: of the position; signal: the event's key
    ok           boolean,                           -- child: its outcome is a value, or an error
    encoding     text,
    data         bytea,
    sent_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seq          integer,                           -- of its journal entry; null: not journaled yet
    PRIMARY KEY (execution_id, number)
) WITH (
    vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

CREATE UNIQUE INDEX inbox_id ON dataflows.inbox (execution_id, id) WHERE id IS NOT NULL;
CREATE INDEX inbox_waiting ON dataflows.inbox (execution_id, number) WHERE seq IS NULL;

CREATE TABLE dataflows.subscriptions (
    execution_id text COLLATE "C" NOT NULL,
    generation   integer NOT NULL,
    position     text COLLATE "C" NOT NULL,         -- of the wait
    name         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    deadline     timestamptz,                       -- no event that is emitted later is for it; null: however late
    delivered_at timestamptz,                       -- null: it waits
    PRIMARY KEY (execution_id, generation, position)
);

CREATE INDEX subscriptions_waiting ON dataflows.subscriptions (name, key) WHERE delivered_at IS NULL;

CREATE TABLE dataflows.events (
    name         text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,         -- the emitter's: the same event again changes nothing
    woken        integer NOT NULL,                  -- how many executions it was delivered to when it was emitted
    is_kept      boolean NOT NULL,                  -- it waits for a subscription
    encoding     text,                              -- of the payload, while it is kept
    data         bytea,
    emitted_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (name, key, id)
);

-- Whoever emits deletes a few of the oldest.
CREATE INDEX events_expiring ON dataflows.events (expires_at);

CREATE TABLE dataflows.callbacks (
    digest       bytea PRIMARY KEY,                 -- SHA-256 of the token in its URL; the URL is the journal's
    execution_id text COLLATE "C" NOT NULL,
    generation   integer NOT NULL,                  -- of the journal entry that has its URL
    seq          integer NOT NULL,
    name         text COLLATE "C" NOT NULL,         -- of the signal that its answer becomes
    question     bytea NOT NULL,                    -- what is shown, as JSON
    opened_at    timestamptz NOT NULL,
    expires_at   timestamptz,                       -- it takes no answer from then on; null: while the execution lives
    answered_at  timestamptz,                       -- null: it has no answer
    message      bigint,                            -- the number of its answer in the inbox
    CHECK ((answered_at IS NULL) = (message IS NULL))
);

CREATE INDEX callbacks_execution ON dataflows.callbacks (execution_id);

CREATE TABLE dataflows.schedules (
    workflow      text COLLATE "C" NOT NULL,
    schedule      text COLLATE "C" NOT NULL,        -- like "0 9 * * 1-5 Europe/Berlin", or "every 15m"
    catch_up      text NOT NULL CHECK (catch_up IN ('latest', 'all', 'none')),
    version       integer NOT NULL,                 -- of the workflow, as it was registered last
    next_at       timestamptz,                      -- the first moment that nobody has dealt with; null: none is left
    last_at       timestamptz,                      -- the last moment that was started; null: none yet
    paused        boolean NOT NULL DEFAULT false,   -- no moment is started while it is set
    created_at    timestamptz NOT NULL,             -- no moment before it is caught up with
    registered_at timestamptz NOT NULL,             -- when a scheduler came to serve it, the last time
    PRIMARY KEY (workflow, schedule),
    -- One that no reader could show would be the trouble of all that are read with it.
    CHECK (next_at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC'),
    CHECK (last_at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC'),
    CHECK (created_at BETWEEN '0001-01-02 UTC' AND '9999-12-30 UTC'),
    CHECK (isfinite(registered_at))
);

CREATE TABLE dataflows.served_schedules (
    scheduler     bigint NOT NULL REFERENCES dataflows.schedulers ON DELETE CASCADE,
    workflow      text COLLATE "C" NOT NULL,
    schedule      text COLLATE "C" NOT NULL,
    version       integer NOT NULL,                 -- of the workflow: the newest that the scheduler has
    PRIMARY KEY (scheduler, workflow, schedule)
);

CREATE INDEX served_schedules_workflow ON dataflows.served_schedules (workflow, schedule);

CREATE TABLE dataflows.limits (
    name         text COLLATE "C" PRIMARY KEY,
    rate         integer,                           -- so many begin within "per"; null: any number
    per          interval,
    at_once      integer,                           -- so many at the same time; null: any number
    held_until   timestamptz,                       -- a service has said to come back then: nothing is granted before
    proven_at    timestamptz,                       -- an attempt has come back then, and was not told to wait
    used         bigint NOT NULL DEFAULT 0,         -- number of the last use
    CHECK ((rate IS NULL) = (per IS NULL)),
    CHECK (rate IS NOT NULL OR at_once IS NOT NULL)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE dataflows.tickets (
    execution_id text COLLATE "C" NOT NULL,
    generation   integer NOT NULL,                  -- of the journal; 0: the ticket is for the whole execution
    position     text COLLATE "C" NOT NULL,         -- of the step; '': the ticket is for the whole execution
    limit_name   text COLLATE "C" NOT NULL,
    number       bigint GENERATED ALWAYS AS IDENTITY,  -- the order in which they wait; given under the lock of the limit
    is_parked    boolean NOT NULL DEFAULT false,    -- it is not waited for until its holder asks again, at its old place
    granted_at   timestamptz,                       -- null: it waits
    scheduler    bigint,                            -- who makes use of it; null: nobody yet
    PRIMARY KEY (execution_id, generation, position)
) WITH (
    vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX tickets_waiting ON dataflows.tickets (limit_name, number) WHERE granted_at IS NULL AND NOT is_parked;
CREATE INDEX tickets_granted ON dataflows.tickets (limit_name, scheduler) WHERE granted_at IS NOT NULL;

CREATE TABLE dataflows.uses (
    limit_name   text COLLATE "C" NOT NULL,
    number       bigint NOT NULL,                   -- limits.used at that time
    at           timestamptz NOT NULL,
    PRIMARY KEY (limit_name, number)
) WITH (
    vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 2000, autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX uses_at ON dataflows.uses (limit_name, at);

CREATE TABLE dataflows.deliveries (
    source       text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,         -- the sender's: what is delivered again has the same
    digest       bytea NOT NULL,                    -- of the body; another one under this id is a conflict
    events       integer NOT NULL,                  -- how many it reports
    type         text COLLATE "C",                  -- of its events; null: they are of several types
    subject      text COLLATE "C",                  -- of its event; emitted: the event's key; null: none, or several events
    encoding     text NOT NULL,
    data         bytea NOT NULL,                    -- its events, each behind its key; emitted: the payload
    received_at  timestamptz NOT NULL,              -- the order of arrival
    routed_at    timestamptz,                       -- null: it is to be offered
    starts       integer NOT NULL DEFAULT 0,        -- how many executions it has started
    conflicts    integer NOT NULL DEFAULT 0,        -- how often another body came under its id
    round        integer NOT NULL DEFAULT 0,        -- how often people have had it start everything anew
    PRIMARY KEY (source, id)
) WITH (
    fillfactor = 90, vacuum_truncate = false,
    autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_analyze_threshold = 2000
);

CREATE INDEX deliveries_unrouted ON dataflows.deliveries (received_at) WHERE routed_at IS NULL;
-- People list the newest first; the purge begins with the oldest.
CREATE INDEX deliveries_received ON dataflows.deliveries (received_at);

CREATE TABLE dataflows.offers (
    workflow     text COLLATE "C" NOT NULL,         -- '': whoever waits for its event by key
    source       text COLLATE "C" NOT NULL,
    delivery_id  text COLLATE "C" NOT NULL,
    received_at  timestamptz NOT NULL,              -- the delivery's
    PRIMARY KEY (source, delivery_id, workflow)
) WITH (
    vacuum_truncate = false, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0
);

CREATE INDEX offers_open ON dataflows.offers (workflow, received_at);

CREATE TABLE dataflows.triggers (
    workflow     text COLLATE "C" NOT NULL,
    source       text COLLATE "C" NOT NULL,
    type         text COLLATE "C" NOT NULL,
    seen_at      timestamptz NOT NULL,              -- when a scheduler that serves it was last there
    PRIMARY KEY (workflow, source, type)
);

CREATE INDEX triggers_source ON dataflows.triggers (source, type);

-- The journal for people and for SQL: payloads as text where they are text, but for URLs that whoever has them can use.
CREATE VIEW dataflows.history AS
SELECT execution_id, generation, seq, at, kind, position, name, branch, ok, encoding, moment,
       CASE WHEN encoding IN ('json', 'error') AND kind <> 'callback' THEN convert_from(data, 'UTF8') END AS payload,
       length(data) AS bytes
FROM dataflows.journal;

-- A planner that takes a table for a few pages reads it whole, and a prepared statement keeps such a plan while the table
-- grows, until autovacuum comes by. So no table is ever short: each begins with a megabyte of room, and is not truncated.
-- And what an ANALYZE makes of a journal that happens to hold one long execution says nothing about the next.
ALTER TABLE dataflows.journal ALTER COLUMN execution_id SET (n_distinct = -0.1);
ALTER TABLE dataflows.inbox ALTER COLUMN execution_id SET (n_distinct = -0.2);

INSERT INTO dataflows.executions (id, workflow, version, status, format, problem, created_at)
SELECT n, '', 1, 'suspended', 1, repeat('room', 450), now() FROM generate_series(1, 512) AS n;
INSERT INTO dataflows.journal (execution_id, generation, seq, at, kind, name)
SELECT n, 1, 1, now(), '', repeat('room', 450) FROM generate_series(1, 512) AS n;
INSERT INTO dataflows.inbox (execution_id, number, kind, name)
SELECT n, 1, 'signal', repeat('room', 450) FROM generate_series(1, 512) AS n;
INSERT INTO dataflows.tickets (execution_id, generation, position, limit_name)
SELECT n, 1, '1', repeat('room', 450) FROM generate_series(1, 512) AS n;
INSERT INTO dataflows.uses (limit_name, number, at)
SELECT repeat('room', 450), n, now() FROM generate_series(1, 512) AS n;
DELETE FROM dataflows.tickets;
DELETE FROM dataflows.uses;
DELETE FROM dataflows.executions;
DELETE FROM dataflows.journal;
DELETE FROM dataflows.inbox;
