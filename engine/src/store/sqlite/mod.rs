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
use sqlx::sqlite::Sqlite;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;

use self::file::DatabaseFile;
use self::writer::Writer;
use super::machines::{self, Put};
use super::readers::Readers;
use super::reads::Reads;
use super::{
    Error, ExecutionFilter, ExecutionRow, HistoryRow, LiveRow, MachineRow, RevisionNo, RowNo, Store, Write,
    Written,
};

/// A database file, opened and locked.
pub struct SqliteStore {
    writer: Writer,
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
        let readers = Readers::new(file.reader(), "PRAGMA query_only = ON");
        let writer = Writer::open(file).await.map_err(Error::at_opening)?;
        Ok(Self { writer, reads: Reads::new(readers, "BEGIN") })
    }

    /// The reading side, once nothing is under way that it might not see.
    async fn reads(&self) -> Result<&Reads<Sqlite>, Error> {
        self.writer.settle().await?;
        Ok(&self.reads)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: &[Write]) -> Result<Vec<Written>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut turn = self.writer.turn().await?;
        let pen = turn.connection()?;
        pen.pages += commit::pages(batch);
        let verdicts = commit::commit(&mut pen.connection, batch).await;
        turn.end(verdicts)
    }

    async fn live(&self, after: Option<RowNo>, limit: u32) -> Result<Vec<LiveRow>, Error> {
        self.reads().await?.live(after, limit).await
    }

    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        self.reads().await?.execution(id).await
    }

    async fn executions(&self, filter: &ExecutionFilter, limit: u32) -> Result<Vec<ExecutionRow>, Error> {
        self.reads().await?.executions(filter, limit).await
    }

    async fn history(&self, execution: RowNo, version: u64, limit: u32) -> Result<Vec<HistoryRow>, Error> {
        self.reads().await?.history(execution, version, limit).await
    }

    async fn version_of_event(&self, execution: RowNo, event: u64) -> Result<Option<u64>, Error> {
        self.reads().await?.version_of_event(execution, event).await
    }

    async fn last_history(&self, execution: RowNo) -> Result<Option<HistoryRow>, Error> {
        self.reads().await?.last_history(execution).await
    }

    async fn put_machine(
        &self,
        name: &str,
        definition: &str,
        now: Timestamp,
        only_new: bool,
    ) -> Result<Option<MachineRow>, Error> {
        let mut turn = self.writer.turn().await?;
        let pen = turn.connection()?;
        pen.pages += writer::PAGES_OF_A_MACHINE;
        let put = async {
            let mut transaction = commit::begin(&mut pen.connection).await?;
            let current = Reads::<Sqlite>::machine_on(&mut transaction, name).await?;
            let put = Put::decide(current, definition, only_new);
            let machine = put.write::<Sqlite>(&mut transaction, name, definition, now).await?;
            transaction.commit().await?;
            Ok(machine)
        };
        let machine = put.await;
        turn.end(machine)
    }

    async fn machine(&self, name: &str) -> Result<Option<MachineRow>, Error> {
        self.reads().await?.machine(name).await
    }

    async fn machines(&self, after: Option<&str>, limit: u32) -> Result<Vec<MachineRow>, Error> {
        self.reads().await?.machines(after, limit).await
    }

    async fn delete_machine(&self, name: &str, now: Timestamp) -> Result<bool, Error> {
        let mut turn = self.writer.turn().await?;
        let pen = turn.connection()?;
        pen.pages += writer::PAGES_OF_A_MACHINE;
        let deleted = sqlx::query(machines::DELETE)
            .bind(name)
            .bind(now.as_micros())
            .execute(&mut pen.connection)
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(Error::from);
        turn.end(deleted)
    }

    async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error> {
        self.reads().await?.definition(revision).await
    }

    async fn renew(&self) -> Result<(), Error> {
        self.writer.owned()
    }

    /// The lock on the file lasts as long as the process.
    fn lease(&self) -> Option<Duration> {
        None
    }

    async fn close(&self) {
        // Readers first: the log can only be emptied when nobody reads from it.
        self.reads.close().await;
        self.writer.close().await;
    }
}
