//! Everything that is read, once for both databases: their SQL differs in writing only.
//!
//! Invariant: a query walks no more rows than it returns, but for lists that filter by success.
//! Joins run from left to right as `LEFT JOIN`s: SQLite then begins with the table that gives the order, and a
//! row whose machine is lost shows up as damage instead of vanishing.

use sqlx::query::QueryAs;
use sqlx::{
    AssertSqlSafe, Connection, Database, Encode, Executor, FromRow, IntoArguments, QueryBuilder, SqlStr, Type,
};
use stepwell_asl::ids::ExecutionId;

use super::batch::stored;
use super::readers::Readers;
use super::records::{ExecutionRecord, HistoryRecord, MachineRecord, count};
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

/// Reads through a few connections to one database.
pub(super) struct Reads<DB: Database> {
    readers: Readers<DB>,
    /// How a transaction begins in which all queries see the same rows.
    snapshot: &'static str,
}

impl<DB: Database> Reads<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    DB::Arguments: IntoArguments<DB>,
    i64: Type<DB> + for<'q> Encode<'q, DB>,
    for<'q> &'q [u8]: Type<DB> + Encode<'q, DB>,
    for<'q> &'q str: Type<DB> + Encode<'q, DB>,
    ExecutionRecord: for<'r> FromRow<'r, DB::Row>,
    HistoryRecord: for<'r> FromRow<'r, DB::Row>,
    MachineRecord: for<'r> FromRow<'r, DB::Row>,
    (i64,): for<'r> FromRow<'r, DB::Row>,
    (String,): for<'r> FromRow<'r, DB::Row>,
{
    /// Reads through `readers`; `snapshot` begins a transaction in which all queries see the same rows.
    pub(super) fn new(readers: Readers<DB>, snapshot: &'static str) -> Self {
        Self { readers, snapshot }
    }

    /// Closes the connections.
    pub(super) async fn close(&self) {
        self.readers.close().await;
    }

    /// What a query returns, in one turn to the database and back.
    async fn all<R>(&self, query: QueryAs<'_, DB, R, DB::Arguments>) -> Result<Vec<R>, Error>
    where
        R: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        let (_permit, mut connection) = self.readers.lend().await?;
        let rows = query.fetch_all(&mut connection).await;
        self.readers.settle(connection, rows)
    }

    /// What a query returns that finds one row at most.
    async fn one<R>(&self, query: QueryAs<'_, DB, R, DB::Arguments>) -> Result<Option<R>, Error>
    where
        R: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        let (_permit, mut connection) = self.readers.lend().await?;
        let row = query.fetch_optional(&mut connection).await;
        self.readers.settle(connection, row)
    }

    /// Executions that have not ended with their histories, two queries however many there are.
    pub(super) async fn live(&self, after: Option<RowNo>, limit: u32) -> Result<Vec<LiveRow>, Error> {
        let (_permit, mut connection) = self.readers.lend().await?;
        let live = self.live_on(&mut connection, after.map_or(i64::MIN, |row| row.0), limit).await;
        self.readers.settle(connection, live)
    }

    async fn live_on(
        &self,
        connection: &mut DB::Connection,
        after: i64,
        limit: u32,
    ) -> Result<Vec<LiveRow>, Error> {
        let mut snapshot = connection.begin_with(SqlStr::from_static(self.snapshot)).await?;
        let live: Vec<ExecutionRecord> = sqlx::query_as(AssertSqlSafe(format!(
            "SELECT {EXECUTION_COLUMNS} FROM live l LEFT JOIN execution e ON e.no = l.no {EXECUTION_JOINS} \
             WHERE l.no > $1 ORDER BY l.no LIMIT $2"
        )))
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&mut *snapshot)
        .await?;
        let last = live.last().map_or(after, |record| record.no);
        let history: Vec<HistoryRecord> = sqlx::query_as(
            "SELECT h.no, h.version, h.first_event, h.events FROM live l CROSS JOIN history h \
             WHERE h.no = l.no AND l.no > $1 AND l.no <= $2 ORDER BY h.no, h.version",
        )
        .bind(after)
        .bind(last)
        .fetch_all(&mut *snapshot)
        .await?;
        snapshot.commit().await?;

        let mut history = history.into_iter().peekable();
        let mut rows = Vec::with_capacity(live.len());
        for record in live {
            let row = ExecutionRow::try_from(record)?;
            let mut own = Vec::new();
            while let Some(record) = history.next_if(|record| record.no == row.execution.0) {
                own.push(record.try_into()?);
            }
            rows.push(LiveRow { row, history: own });
        }
        Ok(rows)
    }

    /// One execution by its id.
    pub(super) async fn execution(&self, id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        let id = id.0.to_be_bytes();
        let query = sqlx::query_as::<DB, ExecutionRecord>(AssertSqlSafe(format!(
            "SELECT {EXECUTION_COLUMNS} FROM execution e {EXECUTION_JOINS} WHERE e.id = $1"
        )));
        self.one(query.bind(id.as_slice())).await?.map(ExecutionRow::try_from).transpose()
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
            // All are above 0; said as the condition of the index says it.
            query.push(" AND e.no > 0 AND e.machine_no = ").push_bind(machine.0);
        }
        if let Some(before) = filter.before {
            query.push(" AND e.no < ").push_bind(before.0);
        }
        query.push(" ORDER BY e.no DESC LIMIT ").push_bind(i64::from(limit));
        let records: Vec<ExecutionRecord> = self.all(query.build_query_as()).await?;
        records.into_iter().map(ExecutionRow::try_from).collect()
    }

    /// History rows of an execution from `version` on, in order.
    pub(super) async fn history(
        &self,
        execution: RowNo,
        version: u64,
        limit: u32,
    ) -> Result<Vec<HistoryRow>, Error> {
        let query = sqlx::query_as(
            "SELECT no, version, first_event, events FROM history \
             WHERE no = $1 AND version >= $2 ORDER BY version LIMIT $3",
        );
        let query = query.bind(execution.0).bind(stored(version)).bind(i64::from(limit));
        let records: Vec<HistoryRecord> = self.all(query).await?;
        records.into_iter().map(HistoryRow::try_from).collect()
    }

    /// The version of the last row whose first event is not after `event`.
    pub(super) async fn version_of_event(&self, execution: RowNo, event: u64) -> Result<Option<u64>, Error> {
        // A row has an event at least, so no version is above the ids of its events: the walk may start there.
        let query = sqlx::query_as(
            "SELECT version FROM history \
             WHERE no = $1 AND version <= $2 AND first_event <= $2 ORDER BY version DESC LIMIT 1",
        );
        let version: Option<(i64,)> = self.one(query.bind(execution.0).bind(stored(event))).await?;
        version.map(|(version,)| count(version)).transpose()
    }

    /// The last history row of an execution.
    pub(super) async fn last_history(&self, execution: RowNo) -> Result<Option<HistoryRow>, Error> {
        let query = sqlx::query_as(
            "SELECT no, version, first_event, events FROM history WHERE no = $1 ORDER BY version DESC LIMIT 1",
        );
        let record: Option<HistoryRecord> = self.one(query.bind(execution.0)).await?;
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
        let (_permit, mut connection) = self.readers.lend().await?;
        let machine = Self::machine_on(&mut connection, name).await;
        self.readers.settle(connection, machine)
    }

    /// State machines by name, ascending, behind `after`.
    pub(super) async fn machines(&self, after: Option<&str>, limit: u32) -> Result<Vec<MachineRow>, Error> {
        let mut query = QueryBuilder::<DB>::new(MACHINES);
        if let Some(after) = after {
            query.push(" AND m.name > ").push_bind(after);
        }
        query.push(" ORDER BY m.name LIMIT ").push_bind(i64::from(limit));
        let records: Vec<MachineRecord> = self.all(query.build_query_as()).await?;
        records.into_iter().map(MachineRow::try_from).collect()
    }

    /// The text of one revision's definition.
    pub(super) async fn definition(&self, revision: RevisionNo) -> Result<Option<String>, Error> {
        let query = sqlx::query_as("SELECT definition FROM revision WHERE no = $1");
        let text: Option<(String,)> = self.one(query.bind(revision.0)).await?;
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
