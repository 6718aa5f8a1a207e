//! SQLite: one file, one engine, one writer.
//!
//! Invariant: a commit answers after its `fsync` (`synchronous = FULL` on a write-ahead log), and a second
//! engine on the same file is refused as long as this one lives. Deliberately absent: databases in memory,
//! which keep nothing, and automatic checkpoints, which swallow their errors; see [`writer`].

mod commit;
mod file;
mod writer;

use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{Sqlite, SqlitePoolOptions};
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;
use tokio::sync::Mutex;

use self::file::DatabaseFile;
use self::writer::Writer;
use super::machines::{self, Put};
use super::reads::Reads;
use super::{
    Error, ExecutionFilter, ExecutionRow, HistoryRow, LiveRow, MachineRow, RevisionNo, RowNo, Store, Write,
    Written,
};

/// Readers beside the writer; more than there are cores would only wait for each other.
const READERS_MAX: u32 = 4;

/// A database file, opened and locked.
pub struct SqliteStore {
    writer: Mutex<Writer>,
    reads: Reads<Sqlite>,
}

impl SqliteStore {
    /// Opens `sqlite://<path>`: makes the file when there is none, brings its tables up to date, and locks it.
    ///
    /// # Errors
    /// [`Error::Open`] when the URL names no file, its folder is missing, the file is no database of ours, or
    /// another engine has it open.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let file = DatabaseFile::at(url)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            // A connection to a file does not go away: asking it first would only cost time.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(file.reader());
        let writer = Writer::open(file).await?;
        Ok(Self { writer: Mutex::new(writer), reads: Reads::new(readers, "BEGIN") })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: &[Write]) -> Result<Vec<Written>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut writer = self.writer.lock().await;
        let mut connection = writer.take().await?;
        let verdicts = commit::commit(&mut connection, batch).await?;
        writer.put_back(connection, commit::pages(batch));
        Ok(verdicts)
    }

    async fn live(&self, after: Option<RowNo>, limit: u32) -> Result<Vec<LiveRow>, Error> {
        self.reads.live(after, limit).await
    }

    async fn live_one(&self, execution: RowNo) -> Result<Option<LiveRow>, Error> {
        self.reads.live_one(execution).await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.reads.execution(id).await
    }

    async fn executions(&self, filter: &ExecutionFilter, limit: u32) -> Result<Vec<ExecutionRow>, Error> {
        self.reads.executions(filter, limit).await
    }

    async fn history(&self, execution: RowNo, version: u64, limit: u32) -> Result<Vec<HistoryRow>, Error> {
        self.reads.history(execution, version, limit).await
    }

    async fn version_of_event(&self, execution: RowNo, event: u64) -> Result<Option<u64>, Error> {
        self.reads.version_of_event(execution, event).await
    }

    async fn last_history(&self, execution: RowNo) -> Result<Option<HistoryRow>, Error> {
        self.reads.last_history(execution).await
    }

    async fn put_machine(
        &self,
        name: &str,
        definition: &str,
        now: Timestamp,
        only_new: bool,
    ) -> Result<Option<MachineRow>, Error> {
        let mut writer = self.writer.lock().await;
        let mut connection = writer.take().await?;
        let mut transaction = commit::begin(&mut connection).await?;
        let current = Reads::<Sqlite>::machine_on(&mut transaction, name).await?;
        let put = Put::decide(current, definition, only_new);
        let machine = put.write::<Sqlite>(&mut transaction, name, definition, now).await?;
        transaction.commit().await?;
        writer.put_back(connection, writer::PAGES_OF_A_MACHINE);
        Ok(machine)
    }

    async fn machine(&self, name: &str) -> Result<Option<MachineRow>, Error> {
        self.reads.machine(name).await
    }

    async fn machines(&self, after: Option<&str>, limit: u32) -> Result<Vec<MachineRow>, Error> {
        self.reads.machines(after, limit).await
    }

    async fn delete_machine(&self, name: &str, now: Timestamp) -> Result<bool, Error> {
        let mut writer = self.writer.lock().await;
        let mut connection = writer.take().await?;
        let deleted = sqlx::query(machines::DELETE)
            .bind(name)
            .bind(now.as_micros())
            .execute(&mut connection)
            .await?
            .rows_affected();
        writer.put_back(connection, writer::PAGES_OF_A_MACHINE);
        Ok(deleted > 0)
    }

    async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error> {
        self.reads.definition(revision).await
    }

    async fn renew(&self) -> Result<(), Error> {
        self.writer.lock().await.owned()
    }

    /// The lock on the file lasts as long as the process.
    fn lease(&self) -> Option<Duration> {
        None
    }

    async fn close(&self) {
        // Readers first: the log can only be emptied when nobody reads from it.
        self.reads.close().await;
        self.writer.lock().await.close().await;
    }
}
