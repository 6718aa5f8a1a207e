-- How a batch is written: by one statement, INSERT INTO batch. What its trigger does happens as a whole or not at
-- all, and outside of a transaction it is one.
--
-- Rows come as JSON arrays of numbers. In place of a blob or text stand the byte of NEW.bytes where it begins,
-- from 1, and its length. Temporary: all this belongs to the connection that writes, and not to the file.

CREATE TEMP VIEW batch (openings, history, closings, bytes) AS SELECT NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER write_batch INSTEAD OF INSERT ON batch
BEGIN
    -- A name or a place that is taken fails by itself. Status 1: running.
    INSERT INTO execution (no, machine_no, revision_no, started_at, status, id, name)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 1,
           substr(NEW.bytes, value ->> 4, value ->> 5),
           CAST(substr(NEW.bytes, value ->> 6, value ->> 7) AS TEXT)
    FROM json_each(NEW.openings);

    INSERT INTO live (no) SELECT value ->> 0 FROM json_each(NEW.openings);

    -- A version that is there fails by itself; an execution that is not live is counted.
    INSERT INTO history (no, version, first_event, events)
    SELECT value ->> 0, value ->> 1, value ->> 2, substr(NEW.bytes, value ->> 3, value ->> 4)
    FROM json_each(NEW.history)
    WHERE EXISTS (SELECT 1 FROM live WHERE live.no = value ->> 0);

    SELECT RAISE(ABORT, 'expected all executions that go on to be live')
    WHERE changes() <> json_array_length(NEW.history);

    DELETE FROM live WHERE no IN (SELECT value ->> 0 FROM json_each(NEW.closings));

    SELECT RAISE(ABORT, 'expected all executions that end to be live')
    WHERE changes() <> json_array_length(NEW.closings);

    UPDATE execution SET status = closing.value ->> 1, stopped_at = closing.value ->> 2
    FROM json_each(NEW.closings) AS closing
    WHERE execution.no = closing.value ->> 0;

    SELECT RAISE(ABORT, 'expected all executions that end to be listed')
    WHERE changes() <> json_array_length(NEW.closings);
END;
