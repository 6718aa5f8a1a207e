//! Everything that is read, once for both databases: their SQL differs in writing only.
//!
//! Invariant: a query walks no more rows than it returns, but for lists that filter by a name or by success.
//! Joins run from left to right as `LEFT JOIN`s: SQLite then begins with the table that gives the order, and a
//! row whose machine is lost shows up as damage instead of vanishing.

use sqlx::{AssertSqlSafe, Database, Encode, Executor, FromRow, IntoArguments, Pool, QueryBuilder, Type};
use stepwell_asl::ids::ExecutionId;

use super::batch::stored;
use super::records::{ExecutionRecord, HistoryRecord, LiveRecord, MachineRecord, count};
use super::{
    Error, ExecutionFilter, ExecutionRow, HistoryRow, LiveRow, MachineRow, RevisionNo, RowNo, StoredStatus,
};

/// What lists tell of an execution, from the tables of [`EXECUTION_JOINS`].
const EXECUTION_COLUMNS: &str = "e.no, e.id, e.machine_no, m.name AS machine_name, e.revision_no, \
     r.number AS revision_number, e.name, CAST(e.status AS bigint) AS status, e.started_at, e.stopped_at";

/// The names and numbers that go with an execution `e`.
const EXECUTION_JOINS: &str =
    "LEFT JOIN state_machine m ON m.no = e.machine_no LEFT JOIN revision r ON r.no = e.revision_no";

/// Machines that were not deleted, with their current revisions.
const MACHINES: &str = "SELECT m.no, m.name, r.no AS revision_no, r.number AS revision_number, r.definition, \
     m.created_at, r.created_at AS updated_at \
     FROM state_machine m LEFT JOIN revision r ON r.machine_no = m.no \
     AND r.number = (SELECT max(number) FROM revision WHERE machine_no = m.no) \
     WHERE m.deleted_at IS NULL";

/// Reads through a pool of connections to one database.
pub(super) struct Reads<DB: Database> {
    pool: Pool<DB>,
    /// How a transaction begins in which all queries see the same rows.
    snapshot: &'static str,
}

impl<DB: Database> Reads<DB> {
    /// Reads through `pool`; `snapshot` begins a transaction in which all queries see the same rows.
    pub(super) fn new(pool: Pool<DB>, snapshot: &'static str) -> Self {
        Self { pool, snapshot }
    }

    /// Closes the connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl<DB: Database> Reads<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'c> &'c Pool<DB>: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    for<'q> &'q [u8]: Type<DB> + Encode<'q, DB>,
    for<'q> &'q str: Type<DB> + Encode<'q, DB>,
    ExecutionRecord: for<'r> FromRow<'r, DB::Row>,
    LiveRecord: for<'r> FromRow<'r, DB::Row>,
    HistoryRecord: for<'r> FromRow<'r, DB::Row>,
    MachineRecord: for<'r> FromRow<'r, DB::Row>,
    (i64,): for<'r> FromRow<'r, DB::Row>,
    (String,): for<'r> FromRow<'r, DB::Row>,
{
    /// Executions that have not ended with their tails, two queries however many there are.
    pub(super) async fn live(&self, after: Option<RowNo>, limit: u32) -> Result<Vec<LiveRow>, Error> {
        self.live_between(after.map_or(i64::MIN, |row| row.0), i64::MAX, limit).await
    }

    /// One execution that has not ended.
    pub(super) async fn live_one(&self, execution: RowNo) -> Result<Option<LiveRow>, Error> {
        Ok(self.live_between(execution.0.saturating_sub(1), execution.0, 1).await?.pop())
    }

    async fn live_between(&self, after: i64, last: i64, limit: u32) -> Result<Vec<LiveRow>, Error> {
        let mut snapshot = self.pool.begin_with(self.snapshot).await?;
        let live: Vec<LiveRecord> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT {EXECUTION_COLUMNS}, l.checkpoint_version, l.checkpoint \
             FROM live l LEFT JOIN execution e ON e.no = l.no {EXECUTION_JOINS} \
             WHERE l.no > $1 AND l.no <= $2 ORDER BY l.no LIMIT $3"
        )))
        .bind(after)
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(&mut *snapshot)
        .await?;
        let mut live = live.into_iter().map(LiveRow::try_from).collect::<Result<Vec<_>, _>>()?;

        let last = live.last().map_or(after, |row| row.row.execution.0);
        let tails: Vec<HistoryRecord> = sqlx::query_as(
            "SELECT h.no, h.version, h.first_event, h.events FROM live l \
             CROSS JOIN history h WHERE h.no = l.no AND h.version > coalesce(l.checkpoint_version, 0) \
             AND l.no > $1 AND l.no <= $2 ORDER BY h.no, h.version",
        )
        .bind(after)
        .bind(last)
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;

        let mut tails = tails.into_iter().peekable();
        for row in &mut live {
            while let Some(record) = tails.next_if(|record| record.no == row.row.execution.0) {
                row.tail.push(record.try_into()?);
            }
        }
        Ok(live)
    }

    /// One execution by its id.
    pub(super) async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        let record: Option<ExecutionRecord> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT {EXECUTION_COLUMNS} FROM execution e {EXECUTION_JOINS} WHERE e.id = $1"
        )))
        .bind(id.0.to_be_bytes().as_slice())
        .fetch_optional(&self.pool)
        .await?;
        record.map(ExecutionRow::try_from).transpose()
    }

    /// Executions newest first.
    pub(super) async fn executions(
        &self,
        filter: &ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionRow>, Error> {
        let from = match filter.status {
            // Few are running at a time, and `live` names them all.
            Some(StoredStatus::Running) => "live l LEFT JOIN execution e ON e.no = l.no",
            None
            | Some(
                StoredStatus::Succeeded
                | StoredStatus::Failed
                | StoredStatus::TimedOut
                | StoredStatus::Aborted,
            ) => "execution e",
        };
        let mut query = QueryBuilder::<DB>::new(format!(
            "SELECT {EXECUTION_COLUMNS} FROM {from} {EXECUTION_JOINS} WHERE {}",
            status_condition(filter.status)
        ));
        if let Some(machine) = filter.machine {
            query.push(" AND e.machine_no = ").push_bind(machine.0);
        }
        if let Some(name) = &filter.name {
            query.push(" AND e.name = ").push_bind(name.as_str());
        }
        if let Some(before) = filter.before {
            query.push(" AND e.no < ").push_bind(before.0);
        }
        query.push(" ORDER BY e.no DESC LIMIT ").push_bind(i64::from(limit));
        let records: Vec<ExecutionRecord> = query.build_query_as().fetch_all(&self.pool).await?;
        records.into_iter().map(ExecutionRow::try_from).collect()
    }

    /// History rows of an execution from `version` on, in order.
    pub(super) async fn history(
        &self,
        execution: RowNo,
        version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, Error> {
        let records: Vec<HistoryRecord> = sqlx::query_as(
            "SELECT no, version, first_event, events FROM history \
             WHERE no = $1 AND version >= $2 ORDER BY version LIMIT $3",
        )
        .bind(execution.0)
        .bind(stored(version))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        records.into_iter().map(HistoryRow::try_from).collect()
    }

    /// The version of the last row whose first event is not after `event`.
    pub(super) async fn version_of_event(&self, execution: RowNo, event: u64) -> Result<Option<u64>, Error> {
        // A row has an event at least, so no version is above the ids of its events: the walk may start there.
        let version: Option<(i64,)> = sqlx::query_as(
            "SELECT version FROM history \
             WHERE no = $1 AND version <= $2 AND first_event <= $2 ORDER BY version DESC LIMIT 1",
        )
        .bind(execution.0)
        .bind(stored(event))
        .fetch_optional(&self.pool)
        .await?;
        version.map(|(version,)| count(version)).transpose()
    }

    /// The last history row of an execution.
    pub(super) async fn last_history(&self, execution: RowNo) -> Result<Option<HistoryRow>, Error> {
        let record: Option<HistoryRecord> = sqlx::query_as(
            "SELECT no, version, first_event, events FROM history WHERE no = $1 ORDER BY version DESC LIMIT 1",
        )
        .bind(execution.0)
        .fetch_optional(&self.pool)
        .await?;
        record.map(HistoryRow::try_from).transpose()
    }

    /// A state machine by its name, as any connection sees it: a transaction sees its own changes.
    pub(super) async fn machine_on(
        connection: &mut DB::Connection,
        name: &str,
    ) -> Result<Option<MachineRow>, Error> {
        let record: Option<MachineRecord> =
            sqlx::query_as(AssertSqlSafe(format!("{MACHINES} AND m.name = $1")))
                .bind(name)
                .fetch_optional(connection)
                .await?;
        record.map(MachineRow::try_from).transpose()
    }

    /// A state machine by its name.
    pub(super) async fn machine(&self, name: &str) -> Result<Option<MachineRow>, Error> {
        Self::machine_on(&mut *self.pool.acquire().await?, name).await
    }

    /// State machines by name, ascending, behind `after`.
    pub(super) async fn machines(&self, after: Option<&str>, limit: u32) -> Result<Vec<MachineRow>, Error> {
        let mut query = QueryBuilder::<DB>::new(MACHINES);
        if let Some(after) = after {
            query.push(" AND m.name > ").push_bind(after);
        }
        query.push(" ORDER BY m.name LIMIT ").push_bind(i64::from(limit));
        let records: Vec<MachineRecord> = query.build_query_as().fetch_all(&self.pool).await?;
        records.into_iter().map(MachineRow::try_from).collect()
    }

    /// The text of one revision's definition.
    pub(super) async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error> {
        let text: Option<(String,)> = sqlx::query_as("SELECT definition FROM revision WHERE no = $1")
            .bind(revision.0)
            .fetch_optional(&self.pool)
            .await?;
        Ok(text.map(|(text,)| text))
    }
}

/// Written as literals, so that the partial index on `status > 2` is found.
fn status_condition(status: Option<StoredStatus>) -> &'static str {
    match status {
        None => "1 = 1",
        Some(StoredStatus::Running) => "e.status = 1",
        Some(StoredStatus::Succeeded) => "e.status = 2",
        Some(StoredStatus::Failed) => "e.status > 2 AND e.status = 3",
        Some(StoredStatus::TimedOut) => "e.status > 2 AND e.status = 4",
        Some(StoredStatus::Aborted) => "e.status > 2 AND e.status = 5",
    }
}
