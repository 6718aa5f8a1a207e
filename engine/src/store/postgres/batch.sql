-- How a batch is written: by one call of this function. What it does happens as a whole or not at all, and outside of
-- a transaction it is one.
--
-- Each statement in it sees what those before it did, and what was committed before it began: so the fence comes
-- first, and the rows are looked at when it is held. Temporary: it belongs to the session that writes, so that nodes
-- of different versions don't meet in it.
--
-- No table is joined to the rows of a batch: each is looked up by its key, whatever the statistics of tables that are
-- empty now and huge a minute later say of the order of a join.
--
-- SW001: the ownership is not held. SW002: one of the writes can't be made; so says unique_violation too.

CREATE FUNCTION pg_temp.write_batch(
    at_epoch      bigint,
    openings      bigint[],
    ids           bytea[],
    machines      bigint[],
    revisions     bigint[],
    names         text[],
    starts        bigint[],
    transitions   bigint[],
    versions      bigint[],
    first_events  bigint[],
    event_rows    bytea[],
    closings      bigint[],
    statuses      smallint[],
    stops         bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM FROM ownership WHERE epoch = at_epoch AND session_pid = pg_backend_pid() FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'expected this session to own the database in epoch %', at_epoch USING ERRCODE = 'SW001';
    END IF;

    -- A name or a place that is taken fails by itself. Status 1: running.
    IF cardinality(openings) > 0 THEN
        INSERT INTO execution (no, id, machine_no, revision_no, name, started_at, status)
        SELECT item.*, 1 FROM unnest(openings, ids, machines, revisions, names, starts) AS item;

        INSERT INTO live (no) SELECT unnest(openings);
    END IF;

    -- A version that is there fails by itself; an execution that is not live is counted.
    INSERT INTO history (no, version, first_event, events)
    SELECT item.* FROM unnest(transitions, versions, first_events, event_rows)
        AS item (no, version, first_event, events)
    WHERE (SELECT true FROM live WHERE live.no = item.no);
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> cardinality(transitions) THEN
        RAISE EXCEPTION 'expected all executions that go on to be live' USING ERRCODE = 'SW002';
    END IF;

    IF cardinality(closings) > 0 THEN
        DELETE FROM live WHERE no = ANY (closings);
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written <> cardinality(closings) THEN
            RAISE EXCEPTION 'expected all executions that end to be live' USING ERRCODE = 'SW002';
        END IF;

        UPDATE execution SET
            status = statuses[array_position(closings, no)],
            stopped_at = stops[array_position(closings, no)]
        WHERE no = ANY (closings);
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written <> cardinality(closings) THEN
            RAISE EXCEPTION 'expected all executions that end to be listed' USING ERRCODE = 'SW002';
        END IF;
    END IF;
END
$$;
