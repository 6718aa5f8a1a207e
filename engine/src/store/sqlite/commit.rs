//! One batch, one statement, one transaction.
//!
//! Invariant: a batch is written as a whole or not at all; if it can't be as a whole, the writes that can't be
//! made are looked for.
//!
//! sqlx runs each statement on another thread, at tens of microseconds a turn, which is most of what a small
//! commit costs. So a batch is one statement, on a view whose trigger writes all tables and counts what it
//! wrote: see `batch.sql`. Without a `BEGIN` around it, its end is the commit: it answers after the `fsync`.

use std::fmt::Write as _;

use futures::TryStreamExt as _;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Connection, Executor, Transaction};

use super::super::batch::{Bisection, Rows, stored};
use super::super::{Error, Write, Written};

/// What [`prepare`] gives to a connection.
const BATCH: &str = include_str!("batch.sql");

/// What SQLite's extended result codes say of a write that can't be made: a primary key is taken, a trigger of
/// [`BATCH`] objects, a unique value is taken. Any other error, of a constraint too, is none of a write.
const CONFLICTS: [&str; 3] = ["1555", "1811", "2067"];

/// Makes a connection ready for [`commit`].
pub(super) async fn prepare(connection: &mut SqliteConnection) -> Result<(), Error> {
    connection.execute(BATCH).await?;
    Ok(())
}

/// Writes a batch. On `Err` the connection is of no use any more.
pub(super) async fn commit(
    connection: &mut SqliteConnection,
    batch: &[Write],
) -> Result<Vec<Written>, Error> {
    match write(connection, batch).await? {
        true => Ok(vec![Written::Committed; batch.len()]),
        false => commit_possible(connection, batch).await,
    }
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
        let writes = batch.get(range.clone()).unwrap_or_default();
        // What a statement that fails has done is undone, and nothing else of its transaction.
        let written = match write(&mut transaction, writes).await? {
            true => Written::Committed,
            false => refused(&mut transaction, writes).await?,
        };
        bisection.found(range, written);
    }
    transaction.commit().await?;
    Ok(bisection.verdicts())
}

/// Writes all of some writes, or nothing because one of them can't be made; whether it did.
async fn write(connection: &mut SqliteConnection, writes: &[Write]) -> Result<bool, Error> {
    let parameters = Parameters::of(&Rows::of(writes));
    let query = sqlx::query("INSERT INTO batch VALUES (?1, ?2, ?3, ?4)")
        .bind(parameters.openings)
        .bind(parameters.history)
        .bind(parameters.closings)
        .bind(parameters.bytes);
    // The first answer is the only one, and it is there when all is done. To wait for the end of answers would be
    // one more turn; and that comes without an answer too, when the thread ends.
    match connection.fetch_many(query).try_next().await {
        Ok(Some(_)) => Ok(true),
        Ok(None) => Err(Error::Unavailable("expected an answer to a commit, found none".to_owned())),
        Err(error) => match error.as_database_error().and_then(DatabaseError::code) {
            Some(code) if CONFLICTS.contains(&code.as_ref()) => Ok(false),
            Some(_) | None => Err(error.into()),
        },
    }
}

/// Why one write was refused. Of several it does not matter: they will be halved.
async fn refused(connection: &mut SqliteConnection, writes: &[Write]) -> Result<Written, Error> {
    let [Write { opening: Some(opening), .. }] = writes else { return Ok(Written::VersionConflict) };
    let taken: Option<(i64,)> = sqlx::query_as("SELECT no FROM execution WHERE id = ?1")
        .bind(opening.id.0.to_be_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    // Else its place is taken, or its version, by an execution with another id.
    Ok(if taken.is_some() { Written::NameTaken } else { Written::VersionConflict })
}

/// Rows as `batch.sql` takes them.
struct Parameters {
    openings: String,
    history: String,
    closings: String,
    bytes: Vec<u8>,
}

impl Parameters {
    fn of(rows: &Rows<'_>) -> Self {
        let mut bytes = Vec::new();
        let mut place = |blob: &[u8]| {
            let begin = bytes.len() + 1;
            bytes.extend_from_slice(blob);
            [begin, blob.len()].map(|number| i64::try_from(number).unwrap_or(i64::MAX))
        };
        let openings = json(rows.openings.iter().map(|(no, opening)| {
            let [id, id_length] = place(&opening.id.0.to_be_bytes());
            let [name, name_length] = place(opening.name.as_bytes());
            let (machine, revision) = (opening.machine.0, opening.revision.0);
            [no.0, machine, revision, opening.started_at.as_micros(), id, id_length, name, name_length]
        }));
        let history = json(rows.history.iter().map(|(no, row)| {
            let [events, length] = place(&row.events);
            [no.0, stored(row.version), stored(row.first_event), events, length]
        }));
        let closings = json(
            rows.closings
                .iter()
                .map(|(no, closing)| [no.0, closing.status as i64, closing.stopped_at.as_micros()]),
        );
        if bytes.is_empty() {
            // Of an empty blob, substr() makes NULL; of any other it makes empty blobs too.
            bytes.push(0);
        }
        Self { openings, history, closings, bytes }
    }
}

/// An array for each row.
fn json<const N: usize>(rows: impl Iterator<Item = [i64; N]>) -> String {
    let mut text = String::from("[");
    for row in rows {
        for (index, number) in row.into_iter().enumerate() {
            let separator = if index == 0 { '[' } else { ',' };
            // Writing to a String does not fail.
            let _ = write!(text, "{separator}{number}");
        }
        text.push_str("],");
    }
    if text.ends_with(',') {
        text.pop();
    }
    text.push(']');
    text
}

/// About how many pages of the log a batch fills, at most: each row may be on a page of its own, and an
/// execution that starts or ends touches the list, its indexes and `live`.
pub(super) fn pages(batch: &[Write]) -> u64 {
    let (mut touched, mut bytes) = (0, 0);
    for write in batch {
        touched += write.history.len();
        touched += 3 * usize::from(write.opening.is_some()) + 2 * usize::from(write.closing.is_some());
        bytes += write.history.iter().map(|row| row.events.len()).sum::<usize>();
    }
    u64::try_from(touched + bytes / 4096).unwrap_or(u64::MAX)
}
