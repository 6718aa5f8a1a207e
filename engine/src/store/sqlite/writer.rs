//! The one connection that writes, and the write-ahead log it looks after.
//!
//! Invariant: a connection on which anything failed, or whose work was cut off halfway, is never used again:
//! it is taken out for each transaction and put back only when that ended well. What became of the transaction
//! is then told by the file alone.
//!
//! The writer copies the log into the database itself, between two batches: the automatic way swallows errors,
//! and a thread beside a busy writer never gets the log to start over.

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection};

use super::super::{Error, migrate};
use super::file::DatabaseFile;

/// Pages written to the log until it is copied: 16 MiB, some tens of full batches.
const PASSIVE_PAGES: u64 = 4_000;

/// Pages in the log, because a reader holds on to old ones, until the writer waits for that reader: 64 MiB.
const RESTART_PAGES: i64 = 16_000;

/// About as many as a revision and its indexes touch.
pub(super) const PAGES_OF_A_MACHINE: u64 = 8;

/// The writing side of an open database.
pub(super) struct Writer {
    /// `None` once it was closed, and the lock with it.
    file: Option<DatabaseFile>,
    /// `None` while a transaction runs, and after one that failed.
    connection: Option<SqliteConnection>,
    /// Pages written to the log since it was last copied, as far as one can tell from the rows.
    pages: u64,
}

impl Writer {
    /// Connects, and leaves the tables up to date and the log empty.
    pub(super) async fn open(file: DatabaseFile) -> Result<Self, Error> {
        let opened = async {
            let mut connection = connect(&file).await?;
            migrate::run(&migrate::SQLITE, &mut connection).await?;
            checkpoint(&mut connection, "TRUNCATE").await?;
            Ok(connection)
        };
        let connection = opened.await.map_err(|error: Error| match error {
            Error::Unavailable(message) => Error::Open(message),
            other @ (Error::Fenced(_) | Error::Corrupt(_) | Error::Open(_)) => other,
        })?;
        Ok(Self { file: Some(file), connection: Some(connection), pages: 0 })
    }

    /// Whether the database is still ours.
    pub(super) fn owned(&self) -> Result<(), Error> {
        self.file.as_ref().map(|_| ()).ok_or_else(closed)
    }

    /// The connection, for one transaction; with room in the log.
    pub(super) async fn take(&mut self) -> Result<SqliteConnection, Error> {
        let file = self.file.as_ref().ok_or_else(closed)?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(file).await?,
        };
        if self.pages >= PASSIVE_PAGES {
            let in_log = checkpoint(&mut connection, "PASSIVE").await?;
            if in_log >= RESTART_PAGES {
                tracing::warn!(pages = in_log, "a long read keeps the write-ahead log from starting over");
                checkpoint(&mut connection, "RESTART").await?;
            }
            self.pages = 0;
        }
        Ok(connection)
    }

    /// Gives the connection back after a transaction that wrote about `pages` pages.
    pub(super) fn put_back(&mut self, connection: SqliteConnection, pages: u64) {
        self.connection = Some(connection);
        self.pages = self.pages.saturating_add(pages);
    }

    /// Empties the log, closes the connection and unlocks the file. All of it is on disk already: what goes
    /// wrong here costs the next start a little time.
    pub(super) async fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let emptied = checkpoint(&mut connection, "TRUNCATE").await.map(|_| ());
            if let Err(error) = emptied.and(connection.close().await.map_err(Error::from)) {
                tracing::warn!(%error, "the write-ahead log was not emptied");
            }
        }
        self.file = None;
    }
}

async fn connect(file: &DatabaseFile) -> Result<SqliteConnection, Error> {
    Ok(file.writer().connect().await?)
}

/// Copies the log into the database, as far as readers allow. How many pages were in the log.
async fn checkpoint(connection: &mut SqliteConnection, mode: &'static str) -> Result<i64, Error> {
    let pragma = match mode {
        "PASSIVE" => "PRAGMA wal_checkpoint(PASSIVE)",
        "RESTART" => "PRAGMA wal_checkpoint(RESTART)",
        _ => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let (_busy, in_log, _copied): (i64, i64, i64) = sqlx::query_as(pragma).fetch_one(connection).await?;
    Ok(in_log)
}

fn closed() -> Error {
    Error::Fenced("this engine has closed the database".to_owned())
}
