//! Checks a whole database against what the engine promises, offline. The tests end with it, and an operator
//! may run it: `stepwell doctor`.

use std::collections::BTreeSet;

use stepwell_asl::ids::EventId;
use stepwell_asl::machine::{Event, Execution, Fact, Status};

use super::owner::closing;
use super::recovery::{Headers, rebuild};
use crate::store::{self, ExecutionFilter, ExecutionRow, RowNo, Store, StoredStatus, rows};

/// Rows read at a time.
const PAGE: u32 = 500;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Executions checked.
    pub executions: u64,
    /// History events read.
    pub events: u64,
    /// What does not hold, one sentence each.
    pub faults: Vec<String>,
}

/// Checks every execution: its history has no gap and no damage, replays to the status that lists show, ends
/// once with nothing after the end, answers no attempt twice; and what runs has a cause to go on.
///
/// # Errors
/// When the database fails. A fault of the data is found, not an error.
pub async fn verify(store: &dyn Store, headers: &Headers) -> Result<Report, store::Error> {
    let live = live(store).await?;
    let mut report = Report::default();
    let mut filter = ExecutionFilter::default();
    loop {
        let page = store.executions(&filter, PAGE).await?;
        for row in &page {
            report.executions += 1;
            let called = format!("{}/{}", row.machine_name, row.name);
            match check(store, headers, row, live.contains(&row.execution)).await {
                Ok((events, faults)) => {
                    report.events += events;
                    report.faults.extend(faults.into_iter().map(|fault| format!("{called}: {fault}")));
                }
                Err(store::Error::Corrupt(fault)) => report.faults.push(format!("{called}: {fault}")),
                Err(error) => return Err(error),
            }
        }
        filter.before = page.last().map(|row| row.execution);
        if page.is_empty() {
            return Ok(report);
        }
    }
}

async fn live(store: &dyn Store) -> Result<BTreeSet<RowNo>, store::Error> {
    let mut live = BTreeSet::new();
    loop {
        let page = store.live(live.last().copied(), PAGE).await?;
        if page.is_empty() {
            return Ok(live);
        }
        live.extend(page.into_iter().map(|live| live.row.execution));
    }
}

async fn check(
    store: &dyn Store,
    headers: &Headers,
    row: &ExecutionRow,
    is_live: bool,
) -> Result<(u64, Vec<String>), store::Error> {
    let header = headers.of(row).await?;
    let mut history = Vec::new();
    loop {
        let page = store.history(row.execution, history.len() as u64 + 1, PAGE).await?;
        let last = page.len() < PAGE as usize;
        history.extend(page);
        if last {
            break;
        }
    }
    let mut events = Vec::new();
    for stored in &history {
        events.extend(rows::decode(&stored.events)?);
    }
    let (_, execution) = rebuild(header, &history)?;
    let mut faults = check_events(&events);
    faults.extend(check_execution(&execution, row, is_live));
    Ok((events.len() as u64, faults))
}

fn check_events(events: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    let shown = events.iter().filter(|event| event.id != EventId::NONE);
    for (event, expected) in shown.zip(1..) {
        if event.id.0 != expected {
            faults.push(format!("expected event {expected}, found event {}", event.id));
        }
        if event.previous >= event.id {
            faults.push(format!(
                "event {} follows from event {}, which is not before it",
                event.id, event.previous
            ));
        }
    }
    let ends = events.iter().filter(|event| is_end(&event.fact)).count();
    let last_is_end = events.last().is_some_and(|event| is_end(&event.fact));
    if ends > 1 || (ends == 1 && !last_is_end) {
        faults.push(format!("expected at most one end, and nothing after it, found {ends}"));
    }
    faults
}

fn is_end(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::ExecutionSucceeded { .. }
            | Fact::ExecutionFailed { .. }
            | Fact::ExecutionTimedOut { .. }
            | Fact::ExecutionAborted { .. }
    )
}

fn check_execution(execution: &Execution, row: &ExecutionRow, is_live: bool) -> Vec<String> {
    let mut faults = Vec::new();
    let status = execution.outcome().status();
    let expected = closing(execution);
    let stored = (row.status, row.stopped_at);
    if stored
        != (expected.map_or(StoredStatus::Running, |end| end.status), expected.map(|end| end.stopped_at))
    {
        faults.push(format!("its history says {status}, its row {:?} at {:?}", row.status, row.stopped_at));
    }
    if is_live != (status == Status::Running) {
        faults.push(format!(
            "it is {status}, and {} the list of what runs",
            if is_live { "in" } else { "not in" }
        ));
    }
    let has_cause =
        execution.is_ready() || execution.next_deadline().is_some() || execution.waits_for_answer();
    if status == Status::Running && !has_cause {
        faults.push("it runs, but waits for no task, no time and nothing else".to_owned());
    }
    faults
}
