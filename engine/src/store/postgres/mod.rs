//! Postgres: many nodes may stand by, one owns the database.
//!
//! Invariant: every transaction that writes first locks the row of the ownership at its own epoch and session and
//! expects to find it, so nothing is written under an epoch that ended; see [`ownership`]. What became of a
//! transaction whose answer was lost is known before anything is read or written again; see [`committer`].

mod commit;
mod committer;
mod ownership;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, Postgres};
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;

use self::committer::Committer;
use super::machines::{self, Put};
use super::readers::Readers;
use super::reads::Reads;
use super::{
    Error, ExecutionFilter, ExecutionRow, HistoryRow, LiveRow, MachineRow, RevisionNo, RowNo, Store, Write,
    Written,
};

/// A database that this node owns.
pub struct PostgresStore {
    committer: Committer,
    reads: Reads<Postgres>,
}

impl PostgresStore {
    /// Opens `postgres://…`: brings the tables up to date, and waits until the database is ours.
    ///
    /// # Errors
    /// [`Error::Open`] when the URL is none, the database can't be reached, or its tables are not ours.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| Error::Open(format!("expected postgres://<user>@<host>/<database>: {error}")))?
            .application_name("stepwell")
            .disable_statement_logging();
        let committer = Committer::open(options.clone()).await.map_err(Error::at_opening)?;
        let readers = Readers::new(options, committer::READER_SETTINGS);
        let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(Self { committer, reads: Reads::new(readers, snapshot) })
    }

    /// The reading side, once nothing is under way that it might not see.
    async fn reads(&self) -> Result<&Reads<Postgres>, Error> {
        self.committer.settle().await?;
        Ok(&self.reads)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, batch: &[Write]) -> Result<Vec<Written>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut turn = self.committer.turn().await?;
        let verdicts = commit::commit(turn.connection()?, self.committer.epoch(), batch).await;
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
        let mut turn = self.committer.turn().await?;
        let connection = turn.connection()?;
        let put = async {
            let mut transaction = ownership::begin(connection, self.committer.epoch()).await?;
            let current = Reads::<Postgres>::machine_on(&mut transaction, name).await?;
            let put = Put::decide(current, definition, only_new);
            let machine = put.write::<Postgres>(&mut transaction, name, definition, now).await?;
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
        let mut turn = self.committer.turn().await?;
        let connection = turn.connection()?;
        let delete = async {
            let mut transaction = ownership::begin(connection, self.committer.epoch()).await?;
            let deleted = sqlx::query(machines::DELETE)
                .bind(name)
                .bind(now.as_micros())
                .execute(&mut *transaction)
                .await?
                .rows_affected();
            transaction.commit().await?;
            Ok(deleted > 0)
        };
        let deleted = delete.await;
        turn.end(deleted)
    }

    async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error> {
        self.reads().await?.definition(revision).await
    }

    async fn renew(&self) -> Result<(), Error> {
        let mut turn = self.committer.turn().await?;
        let renewed = ownership::renew(turn.connection()?, self.committer.epoch()).await;
        turn.end(renewed)
    }

    fn lease(&self) -> Option<Duration> {
        Some(ownership::LEASE)
    }

    async fn close(&self) {
        self.reads.close().await;
        self.committer.close().await;
    }
}
