-- State machines, executions and their histories.
-- Times are microseconds since 1970-01-01T00:00:00Z. The key of an execution ascends in the order of the starts, and
-- is the first column of the key of everything it has.

CREATE TABLE state_machine (
    no         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

-- A deleted machine stays for its executions, and leaves its name to the next one.
CREATE UNIQUE INDEX state_machine_name ON state_machine (name) WHERE deleted_at IS NULL;

-- Never changed, never deleted: an execution runs on its revision to its end.
CREATE TABLE revision (
    no         INTEGER PRIMARY KEY,
    machine_no INTEGER NOT NULL REFERENCES state_machine (no),
    number     INTEGER NOT NULL,
    definition TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (machine_no, number)
) STRICT;

-- The list of executions: written when one starts and when it ends, never in between.
-- status: 1 running, 2 succeeded, 3 failed, 4 timed out, 5 aborted.
-- No foreign keys from here on: the engine writes only what it has read, and each would cost a lookup per row.
CREATE TABLE execution (
    no          INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    machine_no  INTEGER NOT NULL,
    revision_no INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    stopped_at  INTEGER
) STRICT;

CREATE INDEX execution_machine ON execution (machine_no, no);

-- Only what ended badly: an execution that goes well never touches it, and `live` lists those that run.
CREATE INDEX execution_unsuccessful ON execution (status, no) WHERE status > 2;

-- The executions that run: a start-up reads only these.
CREATE TABLE live (
    no INTEGER PRIMARY KEY
) STRICT;

-- One row per transition, in the order of the commits: a batch fills pages from end to end. (Ordered by execution,
-- each row of a batch changes a page of its own, and commits take twice as long.)
CREATE TABLE history (
    no          INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    first_event INTEGER NOT NULL,
    events      BLOB    NOT NULL,
    UNIQUE (no, version)
) STRICT;
