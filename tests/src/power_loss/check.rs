//! Whether a disk holds what was promised.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{ConnectOptions, Connection};
use stepwell_asl::machine::{Event, Fact, Limits};
use stepwell_asl::payload::Payload;
use stepwell_engine::catalog::Catalog;
use stepwell_engine::names::Realm;
use stepwell_engine::runtime::{Headers, verify};
use stepwell_engine::store::{self, ExecutionFilter, ExecutionRow, Store, StoredStatus, rows};

use super::disk::Files;
use super::workload::{Acknowledgement, News};

/// Rows read at a time; an execution has fewer.
const ROWS_MAX: u32 = 1_000;

/// What is wrong with a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The database does not open, or is not sound.
    Damaged(String),
    /// Something that was acknowledged is not there.
    Lost(String),
}

/// What was acknowledged of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Promise {
    input: Option<String>,
    /// Outputs and errors of its tasks, in their order.
    answers: Vec<String>,
    succeeded: bool,
}

/// What was acknowledged by some moment, by the names of the executions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Promises(BTreeMap<String, Promise>);

impl Promises {
    /// Everything that was heard when this much was recorded.
    #[must_use]
    pub fn by(position: u64, acknowledged: &[Acknowledgement]) -> Self {
        let mut promises: BTreeMap<String, Promise> = BTreeMap::new();
        for acknowledgement in acknowledged.iter().filter(|acknowledged| acknowledged.position <= position) {
            let promise = promises.entry(acknowledgement.execution.clone()).or_default();
            match &acknowledgement.news {
                News::Started(input) => promise.input = Some(input.clone()),
                News::Answered(answer) => promise.answers.push(answer.clone()),
                News::Succeeded => promise.succeeded = true,
            }
        }
        Self(promises)
    }
}

/// Opens the database on a disk as the next server would, and checks everything in it. What is still running is
/// no fault, and neither is what nobody had heard of.
///
/// # Panics
/// When there is no place for the files.
pub async fn check(files: &Files, promises: &Promises) -> Vec<Fault> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files.write(folder.path());
    let path = folder.path().join("stepwell.db");
    let faults = match store::open(&format!("sqlite://{}", path.display())).await {
        Ok(store) => {
            let faults = check_store(store.clone(), promises).await;
            store.close().await;
            faults.unwrap_or_else(|error| vec![Fault::Damaged(error.to_string())])
        }
        Err(error) => return vec![Fault::Damaged(error.to_string())],
    };
    let sound = integrity(&path).await.unwrap_or_else(|error| error.to_string());
    let unsound = (sound != "ok").then(|| Fault::Damaged(format!("integrity_check: {sound}")));
    faults.into_iter().chain(unsound).collect()
}

/// What SQLite itself says about a database: `ok`, or what is wrong.
async fn integrity(path: &std::path::Path) -> Result<String, sqlx::Error> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await?;
    let sound = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await;
    connection.close().await?;
    sound
}

async fn check_store(store: Arc<dyn Store>, promises: &Promises) -> Result<Vec<Fault>, store::Error> {
    let realm = Realm { region: "local".to_owned(), account: "000000000000".to_owned() };
    let headers =
        Headers { realm, limits: Limits::default(), catalog: Arc::new(Catalog::new(store.clone())) };
    let report = verify::verify(&*store, &headers).await?;
    let mut faults: Vec<_> = report.faults.into_iter().map(Fault::Damaged).collect();
    let rows = executions(&*store).await?;
    for (name, promise) in &promises.0 {
        let lost = check_promise(&*store, rows.get(name), promise).await?;
        faults.extend(lost.map(|lost| Fault::Lost(format!("{name}: {lost}"))));
    }
    Ok(faults)
}

/// All executions, by their names.
async fn executions(store: &dyn Store) -> Result<BTreeMap<String, ExecutionRow>, store::Error> {
    let mut rows = BTreeMap::new();
    let mut filter = ExecutionFilter::default();
    loop {
        let page = store.executions(&filter, ROWS_MAX).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        filter.before = Some(last.execution);
        rows.extend(page.into_iter().map(|row| (row.name.clone(), row)));
    }
}

/// What is missing of one execution.
async fn check_promise(
    store: &dyn Store,
    row: Option<&ExecutionRow>,
    promise: &Promise,
) -> Result<Option<String>, store::Error> {
    let Some(row) = row else {
        return Ok(Some("expected an execution that was started, found none".to_owned()));
    };
    let mut events = Vec::new();
    for row in store.history(row.execution, 1, ROWS_MAX).await? {
        events.extend(rows::decode(&row.events)?);
    }
    let input = events.first().and_then(|first| first.fact.payload()).map(Payload::text);
    if let Some(expected) = promise.input.as_deref().filter(|expected| input != Some(expected)) {
        return Ok(Some(format!("expected the input {expected}, found {input:?}")));
    }
    let answers: Vec<_> = events.iter().filter_map(answer).collect();
    if !answers.starts_with(&promise.answers) {
        return Ok(Some(format!("expected the answers {:?}, found {answers:?}", promise.answers)));
    }
    let unfinished = promise.succeeded && row.status != StoredStatus::Succeeded;
    Ok(unfinished.then(|| format!("expected one that has succeeded, found {:?}", row.status)))
}

/// What a worker said about a task, as the execution's history has it.
fn answer(event: &Event) -> Option<String> {
    if let Fact::TaskSucceeded { output, .. } = &event.fact {
        return Some(output.text().to_owned());
    }
    if let Fact::TaskFailed { failure, .. } = &event.fact {
        return Some(failure.name().to_owned());
    }
    None
}
