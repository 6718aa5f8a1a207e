-- State machines, executions and their histories.
-- Times are microseconds since 1970-01-01T00:00:00Z. The key of an execution ascends in the order of the starts, and
-- is the first column of the key of everything it has.

CREATE TABLE state_machine (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    -- Names are listed in the order of their bytes, whatever the database's language.
    name       text   COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint
);

-- A deleted machine stays for its executions, and leaves its name to the next one.
CREATE UNIQUE INDEX state_machine_name ON state_machine (name) WHERE deleted_at IS NULL;

-- Never changed, never deleted: an execution runs on its revision to its end.
CREATE TABLE revision (
    no         bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    machine_no bigint NOT NULL REFERENCES state_machine (no),
    number     bigint NOT NULL,
    definition text   NOT NULL,
    created_at bigint NOT NULL,
    UNIQUE (machine_no, number)
);

-- The list of executions: written when one starts and when it ends, never in between.
-- status: 1 running, 2 succeeded, 3 failed, 4 timed out, 5 aborted.
-- No foreign keys from here on: the engine writes only what it has read, and each would cost a lookup per row.
CREATE TABLE execution (
    no          bigint   PRIMARY KEY,
    id          bytea    NOT NULL UNIQUE,
    machine_no  bigint   NOT NULL,
    revision_no bigint   NOT NULL,
    started_at  bigint   NOT NULL,
    stopped_at  bigint,
    status      smallint NOT NULL,
    name        text     COLLATE "C" NOT NULL
);

-- Its condition always holds. A commit, which knows only `no`, does not say so, and thereby can't be planned to walk
-- this index from end to end, as it was when statistics told that there is only one row to walk.
CREATE INDEX execution_machine ON execution (machine_no, no) WHERE no > 0;

-- Only what ended badly: an execution that goes well never touches it, and `live` lists those that run.
CREATE INDEX execution_unsuccessful ON execution (status, no) WHERE status > 2;

-- The executions that run: a start-up reads only these.
-- Rows come and go all the time: they are cleared away after few changes, without pauses.
CREATE TABLE live (
    no bigint PRIMARY KEY
) WITH (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- One row per transition.
CREATE TABLE history (
    no          bigint NOT NULL,
    version     bigint NOT NULL,
    first_event bigint NOT NULL,
    events      bytea  NOT NULL,
    PRIMARY KEY (no, version)
);

-- Who acts on this database. Every transaction that writes holds this row at its epoch; taking over raises the
-- epoch, and so ends whatever the owner before has still under way.
CREATE TABLE ownership (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch      bigint      NOT NULL,
    owner      text        NOT NULL,
    -- On this database's clock: nodes need not agree on the time.
    expires_at timestamptz NOT NULL,
    -- The session in which the owner writes: when it is gone, so is the owner, and nobody need wait.
    session_pid        integer,
    session_started_at timestamptz
);

INSERT INTO ownership (epoch, owner, expires_at) VALUES (0, 'nobody', '-infinity');
