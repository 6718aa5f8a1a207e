//! One batch, one statement, one transaction.
//!
//! Invariant: a batch is written as a whole or not at all, and only by the session that owns the database; if it
//! can't be written as a whole, the writes that can't be made are looked for.
//!
//! A turn to the database and back costs more than the rows it carries. So a batch is one call of a function
//! that holds the ownership, writes all tables and counts what it wrote: see `batch.sql`. Without a `BEGIN`
//! around it, its end is the commit. Its answer may get lost before the ownership is held, and even before the
//! database has read it: see [`ownership`] for why nothing can come of it later.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use super::super::batch::{Bisection, Rows, stored};
use super::super::{Error, Write, Written};
use super::ownership;

/// What [`prepare`] gives to a session.
const BATCH: &str = include_str!("batch.sql");

/// What [`BATCH`] says when the ownership is not held.
const FENCED: &str = "SW001";

/// What it says of a write that can't be made; the other one is `unique_violation`.
const CONFLICTS: [&str; 2] = ["SW002", "23505"];

/// Makes a session ready for [`commit`].
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<(), Error> {
    connection.execute(BATCH).await?;
    Ok(())
}

/// Writes a batch. On any error but [`Error::Fenced`], the connection is of no use any more.
pub(super) async fn commit(
    connection: &mut PgConnection,
    epoch: i64,
    batch: &[Write],
) -> Result<Vec<Written>, Error> {
    match write(connection, epoch, batch).await? {
        Tried::Done => Ok(vec![Written::Committed; batch.len()]),
        Tried::Fenced => Err(ownership::lost(connection, epoch).await),
        Tried::Conflict => commit_possible(connection, epoch, batch).await,
    }
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
        let writes = batch.get(range.clone()).unwrap_or_default();
        let mut savepoint = transaction.begin().await?;
        let written = match write(&mut savepoint, epoch, writes).await? {
            Tried::Done => {
                savepoint.commit().await?;
                Written::Committed
            }
            Tried::Conflict => {
                savepoint.rollback().await?;
                refused(&mut transaction, writes).await?
            }
            // Can't be: the transaction holds the ownership already.
            Tried::Fenced => return Err(ownership::lost(&mut savepoint, epoch).await),
        };
        bisection.found(range, written);
    }
    transaction.commit().await?;
    Ok(bisection.verdicts())
}

/// What came of an attempt to write all of some writes.
enum Tried {
    Done,
    /// Nothing was written: one of them can't be.
    Conflict,
    /// Nothing was written: this session does not own the database.
    Fenced,
}

/// Writes all of some writes or nothing.
async fn write(connection: &mut PgConnection, epoch: i64, writes: &[Write]) -> Result<Tried, Error> {
    let Rows { openings, history, closings } = Rows::of(writes);
    let ids: Vec<[u8; 16]> = openings.iter().map(|(_, opening)| opening.id.0.to_be_bytes()).collect();
    let done = sqlx::query(
        "SELECT pg_temp.write_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(epoch)
    .bind(column(&openings, |(no, _)| no.0))
    .bind(column(&ids, <[u8; 16]>::as_slice))
    .bind(column(&openings, |(_, opening)| opening.machine.0))
    .bind(column(&openings, |(_, opening)| opening.revision.0))
    .bind(column(&openings, |(_, opening)| opening.name.as_str()))
    .bind(column(&openings, |(_, opening)| opening.started_at.as_micros()))
    .bind(column(&history, |(no, _)| no.0))
    .bind(column(&history, |(_, row)| stored(row.version)))
    .bind(column(&history, |(_, row)| stored(row.first_event)))
    .bind(column(&history, |(_, row)| row.events.as_slice()))
    .bind(column(&closings, |(no, _)| no.0))
    .bind(column(&closings, |(_, closing)| closing.status as i16))
    .bind(column(&closings, |(_, closing)| closing.stopped_at.as_micros()))
    .execute(connection)
    .await;
    let Err(error) = done else { return Ok(Tried::Done) };
    match error.as_database_error().and_then(DatabaseError::code).as_deref() {
        Some(FENCED) => Ok(Tried::Fenced),
        Some(code) if CONFLICTS.contains(&code) => Ok(Tried::Conflict),
        Some(_) | None => Err(error.into()),
    }
}

/// One column of some rows.
fn column<'a, R, V>(rows: &'a [R], value: impl Fn(&'a R) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}

/// Why one write was refused. Of several it does not matter: they will be halved.
async fn refused(connection: &mut PgConnection, writes: &[Write]) -> Result<Written, Error> {
    let [Write { opening: Some(opening), .. }] = writes else { return Ok(Written::VersionConflict) };
    let taken: Option<(i64,)> = sqlx::query_as("SELECT no FROM execution WHERE id = $1")
        .bind(opening.id.0.to_be_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    // Else its place is taken, or its version, by an execution with another id.
    Ok(if taken.is_some() { Written::NameTaken } else { Written::VersionConflict })
}
