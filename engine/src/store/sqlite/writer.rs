//! The one connection that writes, and the write-ahead log it looks after.
//!
//! Invariant: what became of a transaction that was cut off is waited for before anything is read or written:
//! it holds the file's write lock until its thread has ended it.
//!
//! The writer copies the log into the database itself, between two batches: the automatic way swallows errors,
//! and a thread beside a busy writer never gets the log to start over.

use std::sync::Mutex;

use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection};

use super::super::turn::{Turn, Turns};
use super::super::{Error, migrate};
use super::commit;
use super::file::DatabaseFile;

/// Pages written to the log until it is copied: 16 MiB at most, some ten full batches. Copying more at once
/// gains a little in all, and costs the batch that waits for it a lot.
const PASSIVE_PAGES: u64 = 4_000;

/// Pages in the log, because a reader holds on to old ones, until the writer waits for that reader: 64 MiB.
const RESTART_PAGES: i64 = 16_000;

/// About as many as a revision and its indexes touch.
pub(super) const PAGES_OF_A_MACHINE: u64 = 8;

/// The writing side of an open database.
pub(super) struct Writer {
    /// `None` once it was closed, and the lock with it.
    file: Mutex<Option<DatabaseFile>>,
    turns: Turns<Pen>,
}

/// A connection that writes.
pub(super) struct Pen {
    /// The connection.
    pub(super) connection: SqliteConnection,
    /// Pages written to the log since it was last copied, as far as one can tell from the rows.
    pub(super) pages: u64,
}

impl Writer {
    /// Connects, and leaves the tables up to date and the log empty.
    pub(super) async fn open(file: DatabaseFile) -> Result<Self, Error> {
        let mut connection = file.writer().connect().await?;
        migrate::run(&migrate::SQLITE, &mut connection).await?;
        commit::prepare(&mut connection).await?;
        empty_log(&mut connection).await?;
        Ok(Self { file: Mutex::new(Some(file)), turns: Turns::at(Pen { connection, pages: 0 }) })
    }

    /// The next turn to write, with room in the log.
    pub(super) async fn turn(&self) -> Result<Turn<'_, Pen>, Error> {
        let mut turn = self.turns.next().await;
        if turn.is_vacant() {
            turn.fill(self.reconnect().await?);
        }
        turn.connection()?.make_room().await?;
        Ok(turn)
    }

    /// Returns when no transaction is in doubt.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if self.turns.in_doubt() {
            self.turn().await?.end(Ok(()))?;
        }
        Ok(())
    }

    /// Whether the database is still ours.
    pub(super) fn owned(&self) -> Result<(), Error> {
        self.with_file(|_| ())
    }

    /// Empties the log, closes the connection and unlocks the file. All of it is on disk already: what goes
    /// wrong here costs the next start a little time.
    pub(super) async fn close(&self) {
        if let Some(mut pen) = self.turns.finish().await {
            let emptied = empty_log(&mut pen.connection).await;
            if let Err(error) = emptied.and(pen.connection.close().await.map_err(Error::from)) {
                tracing::warn!(%error, "the write-ahead log was not emptied");
            }
        }
        if let Ok(mut file) = self.file.lock() {
            *file = None;
        }
    }

    /// Connects again, once the transaction in doubt has ended: only then is the write lock to be had.
    async fn reconnect(&self) -> Result<Pen, Error> {
        let options = self.with_file(DatabaseFile::writer)?;
        let mut connection = options.connect().await?;
        commit::begin(&mut connection).await?.rollback().await?;
        commit::prepare(&mut connection).await?;
        // How much is in the log is not known: as good as too much.
        Ok(Pen { connection, pages: PASSIVE_PAGES })
    }

    fn with_file<T>(&self, use_it: impl FnOnce(&DatabaseFile) -> T) -> Result<T, Error> {
        let closed = || Error::Fenced("this engine has closed the database".to_owned());
        let file = self.file.lock().map_err(|_| closed())?;
        file.as_ref().map(use_it).ok_or_else(closed)
    }
}

impl Pen {
    /// Copies the log into the database when it is time.
    async fn make_room(&mut self) -> Result<(), Error> {
        if self.pages < PASSIVE_PAGES {
            return Ok(());
        }
        let in_log = checkpoint(&mut self.connection, "PRAGMA wal_checkpoint(PASSIVE)").await?;
        if in_log >= RESTART_PAGES {
            tracing::warn!(pages = in_log, "a long read keeps the write-ahead log from starting over");
            checkpoint(&mut self.connection, "PRAGMA wal_checkpoint(RESTART)").await?;
        }
        self.pages = 0;
        Ok(())
    }
}

async fn empty_log(connection: &mut SqliteConnection) -> Result<(), Error> {
    checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)").await.map(|_| ())
}

/// Copies the log into the database, as far as readers allow. How many pages were in the log.
async fn checkpoint(connection: &mut SqliteConnection, pragma: &'static str) -> Result<i64, Error> {
    let (_busy, in_log, _copied): (i64, i64, i64) = sqlx::query_as(pragma).fetch_one(connection).await?;
    Ok(in_log)
}
