//! Executions: start, describe, list, stop.

use stepwell_asl::failure::Failure;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::{Command, Event, Fact};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;
use uuid::Uuid;

use super::{Error, Service};
use crate::names::{ExecutionRef, check_name, execution_id, machine_name};
use crate::runtime::{Accepted, Ask, Refused, Request, Start};
use crate::store::{ExecutionFilter, ExecutionRow, RowNo, StoredStatus, rows};

/// An execution as clients see it.
#[derive(Debug, Clone)]
pub struct ExecutionView {
    /// What lists know of it.
    pub row: ExecutionRow,
    /// Its ARN.
    pub arn: String,
    /// The ARN of its state machine.
    pub machine_arn: String,
    /// Its input; none in lists.
    pub input: Option<Payload>,
    /// Its output, if it succeeded; none in lists.
    pub output: Option<Payload>,
    /// Why it failed, timed out or was stopped; none in lists.
    pub failure: Failure,
}

/// What became of a start.
#[derive(Debug, Clone)]
pub struct Started {
    /// The execution.
    pub execution: ExecutionView,
    /// False when the same start was made before.
    pub new: bool,
}

/// Some executions.
#[derive(Debug, Clone)]
pub struct ListPage {
    /// Newest first.
    pub executions: Vec<ExecutionView>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<RowNo>,
}

impl Service {
    /// Starts an execution; when this answers, the start is durable.
    ///
    /// # Errors
    /// When the machine is unknown, the name or the input invalid, the name taken, or the engine behind.
    pub async fn start(&self, machine: &str, name: &str, input: Option<&str>) -> Result<Started, Error> {
        let machine = machine_name(machine);
        let found = self.catalog().machine(machine).await?;
        let found = found.ok_or_else(|| Error::NotFound(no_machine(machine)))?;
        let input = self.payload("the input", input.unwrap_or("{}"))?;
        let name = if name.is_empty() { Uuid::new_v4().to_string() } else { name.to_owned() };
        check_name(&name).map_err(|error| Error::InvalidArgument(error.to_string()))?;
        let id = execution_id(machine, &name);
        let row = ExecutionRow {
            // The owner knows both when it starts.
            execution: RowNo(0),
            started_at: Timestamp::default(),
            id,
            machine: found.row.machine,
            machine_name: machine.to_owned(),
            revision: found.row.revision,
            revision_number: found.row.revision_number,
            name,
            status: StoredStatus::Running,
            stopped_at: None,
        };
        let header = self.headers.make(id, machine, &row.name, found.definition.clone());
        let arn = header.arn.clone();
        match self.ask_new(id, Ask::Start(Box::new(Start { header, row, input }))).await? {
            Ok(Accepted::Started(row)) => Ok(self.started(&row, true)),
            Ok(Accepted::Runs(running)) => Ok(self.started(&running.row, false)),
            Ok(Accepted::Done) => Err(Error::Internal("a start was answered as something else".to_owned())),
            Err(Refused::NameTaken) => Err(Error::AlreadyExists(format!(
                "expected a new name, or the same input while the execution runs, but '{arn}' exists"
            ))),
            Err(refused) => Err(refused.into()),
        }
    }

    fn started(&self, row: &ExecutionRow, new: bool) -> Started {
        Started { execution: self.in_list(row.clone()), new }
    }

    /// One execution with its input and its end.
    ///
    /// # Errors
    /// When it is unknown, or a plain name fits several.
    pub async fn describe(&self, execution: &str) -> Result<ExecutionView, Error> {
        let row = self.resolve(execution).await?;
        self.view(row).await
    }

    /// Executions newest first.
    ///
    /// # Errors
    /// When the state machine is unknown.
    pub async fn list(
        &self,
        machine: Option<&str>,
        status: Option<StoredStatus>,
        before: Option<RowNo>,
        limit: u32,
    ) -> Result<ListPage, Error> {
        let machine = match machine.map(machine_name) {
            None => None,
            Some(name) => {
                let found = self.catalog().machine(name).await?;
                Some(found.ok_or_else(|| Error::NotFound(no_machine(name)))?.row.machine)
            }
        };
        let filter = ExecutionFilter { machine, status, before };
        // One more than wanted tells whether there is another page.
        let mut rows = self.store().executions(&filter, limit + 1).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.execution);
        Ok(ListPage { executions: rows.into_iter().map(|row| self.in_list(row)).collect(), next })
    }

    /// Ends a running execution as ABORTED; one that has ended stays as it is.
    ///
    /// # Errors
    /// When it is unknown.
    pub async fn stop(&self, execution: &str, failure: Failure) -> Result<ExecutionView, Error> {
        let row = self.resolve(execution).await?;
        let id = row.id;
        let ask = Ask::Command(Command::Stop { failure: self.bounded(failure) });
        match self.ask(|reply| Request { execution: id, ask, reply }).await? {
            Ok(_) | Err(Refused::NotRunning | Refused::Rejected(_)) => self.describe(execution).await,
            Err(refused) => Err(refused.into()),
        }
    }

    /// The id of what a request calls an execution.
    pub(super) async fn id_of(&self, execution: &str) -> Result<ExecutionId, Error> {
        match ExecutionRef::parse(execution) {
            ExecutionRef::Full { machine, name } => Ok(execution_id(machine, name)),
            ExecutionRef::Name(name) => Ok(self.resolve_name(name).await?.id),
        }
    }

    /// Finds an execution by whatever a request calls it.
    pub(super) async fn resolve(&self, execution: &str) -> Result<ExecutionRow, Error> {
        match ExecutionRef::parse(execution) {
            ExecutionRef::Full { machine, name } => self.row_of(execution_id(machine, name), execution).await,
            ExecutionRef::Name(name) => self.resolve_name(name).await,
        }
    }

    /// A name belongs to a state machine, and its id follows from both: each machine is asked in turn.
    async fn resolve_name(&self, name: &str) -> Result<ExecutionRow, Error> {
        /// Machines asked at a time.
        const PAGE: u32 = 1_000;
        let mut found: Vec<ExecutionRow> = Vec::new();
        let mut after = None;
        loop {
            let machines = self.store().machines(after.as_deref(), PAGE).await?;
            for machine in &machines {
                found.extend(self.store().execution(execution_id(&machine.name, name)).await?);
            }
            match machines.last() {
                Some(last) if machines.len() == PAGE as usize => after = Some(last.name.clone()),
                Some(_) | None => break,
            }
        }
        match (found.pop(), found.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Error::NotFound(no_execution(name))),
            (Some(_), false) => Err(Error::InvalidArgument(format!(
                "expected one execution called '{name}', found several; write machine/{name} or its ARN"
            ))),
        }
    }

    pub(super) async fn row_of(&self, id: ExecutionId, called: &str) -> Result<ExecutionRow, Error> {
        self.store().execution(id).await?.ok_or_else(|| Error::NotFound(no_execution(called)))
    }

    /// An execution with what its first and its last events tell.
    pub(super) async fn view(&self, row: ExecutionRow) -> Result<ExecutionView, Error> {
        let first = self.store().history(row.execution, 1, 1).await?;
        let first = events(first.first())?.into_iter().next().map(|event| event.fact);
        let mut view = self.in_list(row);
        if let Some(Fact::ExecutionStarted { input }) = first {
            view.input = Some(input);
        }
        if view.row.status != StoredStatus::Running {
            let last = self.store().last_history(view.row.execution).await?;
            if let Some(last) = events(last.as_ref())?.last() {
                view.end_with(last);
            }
        }
        Ok(view)
    }

    pub(super) fn in_list(&self, row: ExecutionRow) -> ExecutionView {
        ExecutionView {
            arn: self.headers.realm.execution_arn(&row.machine_name, &row.name),
            machine_arn: self.headers.realm.machine_arn(&row.machine_name),
            row,
            input: None,
            output: None,
            failure: Failure::default(),
        }
    }
}

impl ExecutionView {
    /// Shows how it ended, by its last event.
    pub(super) fn end_with(&mut self, last: &Event) {
        if let Fact::ExecutionSucceeded { output } = &last.fact {
            self.output = Some(output.clone());
        }
        if let Fact::ExecutionFailed { failure }
        | Fact::ExecutionTimedOut { failure }
        | Fact::ExecutionAborted { failure } = &last.fact
        {
            self.failure = failure.clone();
        }
    }
}

fn events(row: Option<&crate::store::HistoryRow>) -> Result<Vec<Event>, Error> {
    row.map_or(Ok(Vec::new()), |row| rows::decode(&row.events).map_err(Error::from))
}

fn no_machine(name: &str) -> String {
    format!("expected a state machine, but none is called '{name}'")
}

fn no_execution(called: &str) -> String {
    format!("expected an execution, but none is called '{called}'")
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        use stepwell_asl::machine::Rejection;
        let message = refused.to_string();
        match refused {
            Refused::Rejected(Rejection::UnknownTask) | Refused::NotRunning => Self::NotFound(message),
            Refused::Rejected(Rejection::TaskOver | Rejection::ExecutionClosed(_)) => {
                Self::FailedPrecondition(message)
            }
            Refused::NameTaken => Self::AlreadyExists(message),
            Refused::SetAside => Self::Internal(message),
            Refused::Unconfirmed => Self::Unavailable(message),
        }
    }
}
