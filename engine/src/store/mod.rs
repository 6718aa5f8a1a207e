//! Durable state: what an engine needs of a database, and nothing about databases.
//!
//! Invariant: when [`Store::commit`] answers [`Written::Committed`] for a write, that write survives the loss
//! of power. All rules are in the writes; a backend is SQL and row mapping. Histories are the truth: a
//! running execution is rebuilt from all of its history rows.
//!
//! Deliberately absent: proto types, decisions, clocks; and snapshots of executions, because histories are
//! bounded and replaying them evaluates nothing. The contract is tested once, for every backend, in
//! `tests/tests/store_contract.rs`.

mod batch;
mod machines;
mod migrate;
mod postgres;
mod readers;
mod reads;
mod records;
pub mod rows;
mod sqlite;
mod turn;

use std::sync::Arc;

use async_trait::async_trait;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;

pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// What can go wrong with a database, by what the caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else owns the database now. Stop acting on it.
    #[error("lost the ownership of the database: {0}")]
    Fenced(String),
    /// The database did not answer as expected; the write may or may not be there. Read again before acting.
    #[error("the database failed: {0}")]
    Unavailable(String),
    /// A stored row can't be read: damaged, or written by a newer version.
    #[error("a stored row can't be read: {0}")]
    Corrupt(String),
    /// The database can't be opened with these settings.
    #[error("can't open the database: {0}")]
    Open(String),
}

/// The place of an execution among all others: ascending in the order of their starts, and the key of all its
/// rows, so that what is written together lies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowNo(pub i64);

/// The key of a state machine; stable over its revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineNo(pub i64);

/// The key of one revision of one state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionNo(pub i64);

/// The status of an execution, as lists filter by it. The numbers are stored: never change one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum StoredStatus {
    Running = 1,
    Succeeded = 2,
    Failed = 3,
    TimedOut = 4,
    Aborted = 5,
}

impl TryFrom<i64> for StoredStatus {
    type Error = Error;

    fn try_from(number: i64) -> Result<Self, Error> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted]
            .into_iter()
            .find(|status| *status as i64 == number)
            .ok_or_else(|| Error::Corrupt(format!("expected a status from 1 to 5, found {number}")))
    }
}

/// Everything one batch writes for one execution: one or more transitions of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The execution.
    pub execution: RowNo,
    /// Its new history rows, versions ascending without a gap.
    pub history: Vec<HistoryRow>,
    /// Set with the first transition.
    pub opening: Option<Opening>,
    /// Set with the last transition: the execution is no longer live.
    pub closing: Option<Closing>,
}

/// The events of one transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// 1 for the first transition of the execution; one more with each.
    pub version: u64,
    /// The id of the row's first event, for reading pages from the middle.
    pub first_event: u64,
    /// The events, encoded; opaque to the store.
    pub events: Vec<u8>,
}

/// The birth of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Unique: it is the hash of the machine's and the execution's name.
    pub id: ExecutionId,
    /// The state machine.
    pub machine: MachineNo,
    /// The revision it runs on, to its end.
    pub revision: RevisionNo,
    /// The execution's name.
    pub name: String,
    /// When it started.
    pub started_at: Timestamp,
}

/// The end of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// Anything but running.
    pub status: StoredStatus,
    /// When it ended.
    pub stopped_at: Timestamp,
}

/// What became of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is durable.
    Committed,
    /// Nothing was written: an execution with this id exists already.
    NameTaken,
    /// Nothing was written: the history has a row of this version already. Load the execution anew.
    VersionConflict,
}

/// One row of the list of executions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRow {
    /// Its place.
    pub execution: RowNo,
    /// Its id.
    pub id: ExecutionId,
    /// Its state machine.
    pub machine: MachineNo,
    /// The name of its state machine, which may be deleted by now.
    pub machine_name: String,
    /// The revision it runs on.
    pub revision: RevisionNo,
    /// The number of that revision, as people know it.
    pub revision_number: u64,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: StoredStatus,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub stopped_at: Option<Timestamp>,
}

/// An execution that has not ended, as a restart finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRow {
    /// What lists know of it.
    pub row: ExecutionRow,
    /// All of its history rows, in order.
    pub history: Vec<HistoryRow>,
}

/// A state machine with its current revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRow {
    /// Its key.
    pub machine: MachineNo,
    /// Its name.
    pub name: String,
    /// The key of the current revision.
    pub revision: RevisionNo,
    /// The number of the current revision, from 1.
    pub revision_number: u64,
    /// The definition's text, as it was given.
    pub definition: String,
    /// When the first revision was stored.
    pub created_at: Timestamp,
    /// When the current revision was stored.
    pub updated_at: Timestamp,
}

/// Which executions to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// Of this machine only.
    pub machine: Option<MachineNo>,
    /// With this status only.
    pub status: Option<StoredStatus>,
    /// Older than this one: where the page before ended.
    pub before: Option<RowNo>,
}

/// A database that keeps executions.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes many executions in one transaction, and says for each what became of it. A write that can't be
    /// made is left out, whole, and takes no neighbour along. The answers are in the order of the batch; each
    /// execution stands at most once in it.
    ///
    /// # Errors
    /// When the transaction could not be made; whether it was is then not known, and nobody may be answered.
    async fn commit(&self, batch: &[Write]) -> Result<Vec<Written>, Error>;

    /// Executions that have not ended, in the order of their places, behind `after`, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    async fn live(&self, after: Option<RowNo>, limit: u32) -> Result<Vec<LiveRow>, Error>;

    /// One execution by its id.
    ///
    /// # Errors
    /// When the database fails.
    async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, Error>;

    /// Executions newest first, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    async fn executions(&self, filter: &ExecutionFilter, limit: u32) -> Result<Vec<ExecutionRow>, Error>;

    /// History rows of an execution from `version` on, in order, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    async fn history(&self, execution: RowNo, version: u64, limit: u32) -> Result<Vec<HistoryRow>, Error>;

    /// The version of the row that holds an event: the last row whose first event is not after it.
    ///
    /// # Errors
    /// When the database fails.
    async fn version_of_event(&self, execution: RowNo, event: u64) -> Result<Option<u64>, Error>;

    /// The last history row of an execution.
    ///
    /// # Errors
    /// When the database fails.
    async fn last_history(&self, execution: RowNo) -> Result<Option<HistoryRow>, Error>;

    /// Stores a definition under a name: a new machine, a new revision of one, or, when the text equals the
    /// current one's, nothing. With `only_new`, `None` when the name has another definition.
    ///
    /// # Errors
    /// When the database fails.
    async fn put_machine(
        &self,
        name: &str,
        definition: &str,
        now: Timestamp,
        only_new: bool,
    ) -> Result<Option<MachineRow>, Error>;

    /// A state machine by its name, unless it was deleted.
    ///
    /// # Errors
    /// When the database fails.
    async fn machine(&self, name: &str) -> Result<Option<MachineRow>, Error>;

    /// State machines by name, ascending, behind `after`, `limit` at most.
    ///
    /// # Errors
    /// When the database fails.
    async fn machines(&self, after: Option<&str>, limit: u32) -> Result<Vec<MachineRow>, Error>;

    /// Deletes a state machine; its revisions stay for its executions. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    async fn delete_machine(&self, name: &str, now: Timestamp) -> Result<bool, Error>;

    /// The text of one revision's definition.
    ///
    /// # Errors
    /// When the database fails.
    async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error>;

    /// Renews the ownership of the database. Call it every few seconds; a third of [`Store::lease`] is right.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another node took over.
    async fn renew(&self) -> Result<(), Error>;

    /// How long the ownership lasts without being renewed; `None` when it lasts as long as the process.
    fn lease(&self) -> Option<std::time::Duration>;

    /// Ends the ownership and closes the connections, so that another node need not wait.
    async fn close(&self);
}

/// Opens the database a URL names, brings its tables up to date and takes its ownership. With Postgres this
/// waits while another node owns it.
///
/// # Errors
/// When the URL is not `sqlite://…` or `postgres://…`, the database can't be reached, or a SQLite file is
/// open in another engine.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, Error> {
    if url.starts_with("sqlite:") {
        Ok(Arc::new(SqliteStore::open(url).await?))
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        Ok(Arc::new(PostgresStore::open(url).await?))
    } else {
        Err(Error::Open("expected a URL that starts with sqlite:// or postgres://".to_owned()))
    }
}
