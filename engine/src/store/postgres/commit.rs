//! One batch, one transaction, two statements.
//!
//! Invariant: a batch is counted, not asked about: when every part of a statement changed as many rows as the
//! batch has for it, all of it stands; else nothing does, and the writes that can't be made are looked for.
//!
//! A turn to the database and back costs more than the rows it carries, so a table's rows travel as arrays,
//! and the parts of a statement that don't depend on each other go together. A statement does not see what its
//! own parts change: that is why openings, which the other rows depend on, have a statement of their own.

use sqlx::Connection;
use sqlx::postgres::PgConnection;
use stepwell_asl::ids::ExecutionId;

use super::super::batch::{Bisection, Rows, stored};
use super::super::{Error, StoredStatus, Write, Written, shard_of};
use super::ownership;

/// Writes a batch. On any error but [`Error::Fenced`], the connection is of no use any more.
pub(super) async fn commit(
    connection: &mut PgConnection,
    epoch: i64,
    batch: &[Write],
) -> Result<Vec<Written>, Error> {
    let mut transaction = ownership::begin(connection, epoch).await?;
    if write(&mut transaction, batch).await? == Written::Committed {
        transaction.commit().await?;
        return Ok(vec![Written::Committed; batch.len()]);
    }
    transaction.rollback().await?;
    commit_possible(connection, epoch, batch).await
}

/// Writes what can be written of a batch that can't be written as a whole; still one transaction.
async fn commit_possible(
    connection: &mut PgConnection,
    epoch: i64,
    batch: &[Write],
) -> Result<Vec<Written>, Error> {
    let mut transaction = ownership::begin(connection, epoch).await?;
    let mut bisection = Bisection::of(batch.len());
    while let Some(range) = bisection.next() {
        let mut savepoint = transaction.begin().await?;
        let written = write(&mut savepoint, batch.get(range.clone()).unwrap_or_default()).await?;
        match written {
            Written::Committed => savepoint.commit().await?,
            Written::NameTaken | Written::VersionConflict => savepoint.rollback().await?,
        }
        bisection.found(range, written);
    }
    transaction.commit().await?;
    Ok(bisection.verdicts())
}

/// Writes all of some writes, or finds out why that can't be done and leaves undoing it to the caller.
async fn write(transaction: &mut PgConnection, writes: &[Write]) -> Result<Written, Error> {
    let rows = Rows::of(writes);
    if !open(transaction, &rows).await? {
        return refused_opening(transaction, &rows).await;
    }
    Ok(if progress(transaction, &rows).await? { Written::Committed } else { Written::VersionConflict })
}

/// Inserts the executions that start.
async fn open(transaction: &mut PgConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let openings = &rows.openings;
    if openings.is_empty() {
        return Ok(true);
    }
    let nos: Vec<i64> = openings.iter().map(|(no, _)| no.0).collect();
    let shards: Vec<i16> = openings.iter().map(|(_, opening)| shard(opening.id)).collect();
    let ids: Vec<[u8; 16]> = openings.iter().map(|(_, opening)| opening.id.0.to_be_bytes()).collect();
    let ids: Vec<&[u8]> = ids.iter().map(<[u8; 16]>::as_slice).collect();
    let machines: Vec<i64> = openings.iter().map(|(_, opening)| opening.machine.0).collect();
    let revisions: Vec<i64> = openings.iter().map(|(_, opening)| opening.revision.0).collect();
    let names: Vec<&str> = openings.iter().map(|(_, opening)| opening.name.as_str()).collect();
    let starts: Vec<i64> = openings.iter().map(|(_, opening)| opening.started_at.as_micros()).collect();
    let (listed, live): (i64, i64) = sqlx::query_as(
        "WITH listed AS ( \
             INSERT INTO execution (no, id, machine_no, revision_no, name, started_at, status) \
             SELECT *, $8 FROM unnest($1::bigint[], $3::bytea[], $4::bigint[], $5::bigint[], $6::text[], \
             $7::bigint[]) ON CONFLICT DO NOTHING RETURNING 1 \
         ), started AS ( \
             INSERT INTO live (no, shard) SELECT * FROM unnest($1::bigint[], $2::smallint[]) \
             ON CONFLICT DO NOTHING RETURNING 1 \
         ) SELECT (SELECT count(*) FROM listed), (SELECT count(*) FROM started)",
    )
    .bind(nos)
    .bind(shards)
    .bind(ids)
    .bind(machines)
    .bind(revisions)
    .bind(names)
    .bind(starts)
    .bind(StoredStatus::Running as i16)
    .fetch_one(transaction)
    .await?;
    Ok(all(listed, openings) && all(live, openings))
}

/// Why the only opening of some writes was refused. Of several it does not matter: they will be halved.
async fn refused_opening(transaction: &mut PgConnection, rows: &Rows<'_>) -> Result<Written, Error> {
    let [(_, opening)] = rows.openings.as_slice() else { return Ok(Written::VersionConflict) };
    let taken: Option<(i64,)> = sqlx::query_as("SELECT no FROM execution WHERE id = $1")
        .bind(opening.id.0.to_be_bytes().as_slice())
        .fetch_optional(transaction)
        .await?;
    // Else its place is taken, by an execution with another id.
    Ok(if taken.is_some() { Written::NameTaken } else { Written::VersionConflict })
}

/// Appends to histories, saves checkpoints and ends executions: only of executions that are live.
async fn progress(transaction: &mut PgConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let Rows { openings: _, history, checkpoints, closings } = rows;
    let history_nos: Vec<i64> = history.iter().map(|(no, _)| no.0).collect();
    let versions: Vec<i64> = history.iter().map(|(_, row)| stored(row.version)).collect();
    let first_events: Vec<i64> = history.iter().map(|(_, row)| stored(row.first_event)).collect();
    let events: Vec<&[u8]> = history.iter().map(|(_, row)| row.events.as_slice()).collect();
    let checkpoint_nos: Vec<i64> = checkpoints.iter().map(|(no, _)| no.0).collect();
    let checkpoint_versions: Vec<i64> =
        checkpoints.iter().map(|(_, checkpoint)| stored(checkpoint.version)).collect();
    let states: Vec<&[u8]> = checkpoints.iter().map(|(_, checkpoint)| checkpoint.state.as_slice()).collect();
    let closing_nos: Vec<i64> = closings.iter().map(|(no, _)| no.0).collect();
    let statuses: Vec<i16> = closings.iter().map(|(_, closing)| closing.status as i16).collect();
    let stops: Vec<i64> = closings.iter().map(|(_, closing)| closing.stopped_at.as_micros()).collect();
    let (appended, saved, ended, listed): (i64, i64, i64, i64) = sqlx::query_as(
        "WITH appended AS ( \
             INSERT INTO history (no, version, first_event, events) \
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[]) \
             AS item (no, version, first_event, events) \
             WHERE EXISTS (SELECT FROM live WHERE live.no = item.no) ON CONFLICT DO NOTHING RETURNING 1 \
         ), saved AS ( \
             UPDATE live SET checkpoint_version = item.version, checkpoint = item.state \
             FROM unnest($5::bigint[], $6::bigint[], $7::bytea[]) AS item (no, version, state) \
             WHERE live.no = item.no RETURNING 1 \
         ), ended AS ( \
             DELETE FROM live USING unnest($8::bigint[]) AS item (no) WHERE live.no = item.no RETURNING 1 \
         ), listed AS ( \
             UPDATE execution SET status = item.status, stopped_at = item.stopped_at \
             FROM unnest($8::bigint[], $9::smallint[], $10::bigint[]) AS item (no, status, stopped_at) \
             WHERE execution.no = item.no RETURNING 1 \
         ) SELECT (SELECT count(*) FROM appended), (SELECT count(*) FROM saved), \
             (SELECT count(*) FROM ended), (SELECT count(*) FROM listed)",
    )
    .bind(history_nos)
    .bind(versions)
    .bind(first_events)
    .bind(events)
    .bind(checkpoint_nos)
    .bind(checkpoint_versions)
    .bind(states)
    .bind(closing_nos)
    .bind(statuses)
    .bind(stops)
    .fetch_one(transaction)
    .await?;
    Ok(all(appended, history) && all(saved, checkpoints) && all(ended, closings) && all(listed, closings))
}

/// Whether a part of a statement changed as many rows as were meant for it.
fn all<T>(changed: i64, rows: &[T]) -> bool {
    usize::try_from(changed) == Ok(rows.len())
}

fn shard(id: ExecutionId) -> i16 {
    // Shards are few: see SHARDS.
    i16::try_from(shard_of(id)).unwrap_or(i16::MAX)
}
