//! One batch, one transaction, a handful of statements.
//!
//! Invariant: a batch is counted, not asked about: when every statement changed as many rows as the batch has
//! for it, all of it stands; else nothing does, and the writes that can't be made are looked for.
//!
//! sqlx runs each statement on another thread, at tens of microseconds a turn. So all rows of a table go in
//! one statement, with two parameters: their numbers as JSON arrays, and all their bytes in one blob.

use std::fmt::Write as _;

use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection, Transaction};

use super::super::batch::{Bisection, Rows, stored};
use super::super::{Error, StoredStatus, Write, Written, shard_of};

/// Writes a batch. On `Err` the connection is of no use any more.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    batch: &[Write],
) -> Result<Vec<Written>, Error> {
    let mut transaction = begin(connection).await?;
    if write(&mut transaction, batch).await? == Written::Committed {
        transaction.commit().await?;
        return Ok(vec![Written::Committed; batch.len()]);
    }
    transaction.rollback().await?;
    commit_possible(connection, batch).await
}

/// Begins a transaction that writes: waiting for the right to write is done at once, or not at all.
pub(super) async fn begin(connection: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, Error> {
    Ok(connection.begin_with("BEGIN IMMEDIATE").await?)
}

/// Writes what can be written of a batch that can't be written as a whole; still one transaction.
async fn commit_possible(connection: &mut SqliteConnection, batch: &[Write]) -> Result<Vec<Written>, Error> {
    let mut transaction = begin(connection).await?;
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
async fn write(transaction: &mut SqliteConnection, writes: &[Write]) -> Result<Written, Error> {
    let rows = Rows::of(writes);
    if !open(transaction, &rows).await? {
        return refused_opening(transaction, &rows).await;
    }
    let all = append(transaction, &rows).await?
        && save_checkpoints(transaction, &rows).await?
        && close(transaction, &rows).await?;
    Ok(if all { Written::Committed } else { Written::VersionConflict })
}

async fn open(transaction: &mut SqliteConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let mut parameters = Parameters::default();
    for (no, opening) in &rows.openings {
        let numbers = [
            no.0,
            i64::from(shard_of(opening.id)),
            opening.machine.0,
            opening.revision.0,
            opening.started_at.as_micros(),
            StoredStatus::Running as i64,
        ];
        parameters.row(&numbers, &[&opening.id.0.to_be_bytes(), opening.name.as_bytes()]);
    }
    Ok(parameters
        .clone()
        .execute(
            "INSERT INTO execution (no, machine_no, revision_no, started_at, status, id, name) \
             SELECT value ->> 0, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             substr(?2, value ->> 6, value ->> 7), CAST(substr(?2, value ->> 8, value ->> 9) AS TEXT) \
             FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
            transaction,
        )
        .await?
        && parameters
            .execute(
                "INSERT INTO live (no, shard) SELECT value ->> 0, value ->> 1 FROM json_each(?1) \
                 WHERE true ON CONFLICT DO NOTHING",
                transaction,
            )
            .await?)
}

/// Why the only opening of some writes was refused. Of several it does not matter: they will be halved.
async fn refused_opening(transaction: &mut SqliteConnection, rows: &Rows<'_>) -> Result<Written, Error> {
    let [(_, opening)] = rows.openings.as_slice() else { return Ok(Written::VersionConflict) };
    let taken: Option<(i64,)> = sqlx::query_as("SELECT no FROM execution WHERE id = ?1")
        .bind(opening.id.0.to_be_bytes().as_slice())
        .fetch_optional(transaction)
        .await?;
    // Else its place is taken, by an execution with another id.
    Ok(if taken.is_some() { Written::NameTaken } else { Written::VersionConflict })
}

async fn append(transaction: &mut SqliteConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let mut parameters = Parameters::default();
    for (no, row) in &rows.history {
        parameters.row(&[no.0, stored(row.version), stored(row.first_event)], &[&row.events]);
    }
    parameters
        .execute(
            "INSERT INTO history (no, version, first_event, events) \
             SELECT value ->> 0, value ->> 1, value ->> 2, substr(?2, value ->> 3, value ->> 4) \
             FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM live WHERE live.no = value ->> 0) \
             ON CONFLICT DO NOTHING",
            transaction,
        )
        .await
}

async fn save_checkpoints(transaction: &mut SqliteConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let mut parameters = Parameters::default();
    for (no, checkpoint) in &rows.checkpoints {
        parameters.row(&[no.0, stored(checkpoint.version)], &[&checkpoint.state]);
    }
    parameters
        .execute(
            "UPDATE live SET checkpoint_version = item.value ->> 1, \
             checkpoint = substr(?2, item.value ->> 2, item.value ->> 3) \
             FROM json_each(?1) AS item WHERE live.no = item.value ->> 0",
            transaction,
        )
        .await
}

async fn close(transaction: &mut SqliteConnection, rows: &Rows<'_>) -> Result<bool, Error> {
    let mut parameters = Parameters::default();
    for (no, closing) in &rows.closings {
        parameters.row(&[no.0, closing.status as i64, closing.stopped_at.as_micros()], &[]);
    }
    Ok(parameters
        .clone()
        .execute("DELETE FROM live WHERE no IN (SELECT value ->> 0 FROM json_each(?1))", transaction)
        .await?
        && parameters
            .execute(
                "UPDATE execution SET status = item.value ->> 1, stopped_at = item.value ->> 2 \
                 FROM json_each(?1) AS item WHERE execution.no = item.value ->> 0",
                transaction,
            )
            .await?)
}

/// Rows as two parameters: `?1` has an array for each row, its numbers and then, for each of its blobs and
/// texts, where in `?2` it begins (from 1) and how many bytes it has.
#[derive(Default, Clone)]
struct Parameters {
    rows: u64,
    numbers: String,
    bytes: Vec<u8>,
}

impl Parameters {
    fn row(&mut self, numbers: &[i64], blobs: &[&[u8]]) {
        self.numbers.push(if self.rows == 0 { '[' } else { ',' });
        self.rows += 1;
        let mut separator = '[';
        let mut number = |number: &dyn std::fmt::Display| {
            // Writing to a String does not fail.
            let _ = write!(self.numbers, "{separator}{number}");
            separator = ',';
        };
        for value in numbers {
            number(value);
        }
        for blob in blobs {
            number(&(self.bytes.len() + 1));
            number(&blob.len());
            self.bytes.extend_from_slice(blob);
        }
        self.numbers.push(']');
    }

    /// Runs a statement that is to change one row for each of these; whether it did.
    async fn execute(mut self, sql: &'static str, transaction: &mut SqliteConnection) -> Result<bool, Error> {
        if self.rows == 0 {
            return Ok(true);
        }
        self.numbers.push(']');
        if self.bytes.is_empty() {
            // Of an empty blob, substr() makes NULL; of any other it makes empty blobs too.
            self.bytes.push(0);
        }
        let done = sqlx::query(sql).bind(self.numbers).bind(self.bytes).execute(transaction).await?;
        Ok(done.rows_affected() == self.rows)
    }
}

/// About how many pages of the log a batch fills, at most: each row may be on a page of its own, and an
/// execution that starts or ends touches the list, its indexes and `live`.
pub(super) fn pages(batch: &[Write]) -> u64 {
    let rows = Rows::of(batch);
    let bytes: usize = rows.history.iter().map(|(_, row)| row.events.len()).sum::<usize>()
        + rows.checkpoints.iter().map(|(_, checkpoint)| checkpoint.state.len()).sum::<usize>();
    let touched =
        rows.history.len() + 3 * rows.openings.len() + rows.checkpoints.len() + 2 * rows.closings.len();
    u64::try_from(touched + bytes / 4096).unwrap_or(u64::MAX)
}
