//! Reading executions back from their histories.

use std::sync::Arc;

use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::{Execution, Header, Limits};
use tracing::error;

use super::owner::Resident;
use super::shadow::Shadow;
use crate::catalog::Catalog;
use crate::names::Realm;
use crate::store::{self, ExecutionRow, HistoryRow, LiveRow, RowNo, Store, rows};

/// Executions read at a time.
const PAGE: u32 = 500;

/// Makes the part of an execution that is not history.
#[derive(Clone)]
pub struct Headers {
    /// Where ARNs say we are.
    pub realm: Realm,
    /// What executions may not exceed.
    pub limits: Limits,
    /// Where definitions come from.
    pub catalog: Arc<Catalog>,
}

impl Headers {
    /// The header of an execution that is stored.
    ///
    /// # Errors
    /// When the database fails, or the definition can't be read any more.
    pub async fn of(&self, row: &ExecutionRow) -> Result<Arc<Header>, store::Error> {
        let definition = self.catalog.definition(row.revision).await?;
        Ok(self.make(row.id, &row.machine_name, &row.name, definition))
    }

    /// The header of an execution that is about to start.
    #[must_use]
    pub fn make(
        &self,
        id: ExecutionId,
        machine: &str,
        name: &str,
        definition: Arc<stepwell_asl::definition::Definition>,
    ) -> Arc<Header> {
        Arc::new(Header {
            id,
            arn: self.realm.execution_arn(machine, name).into(),
            name: name.into(),
            machine_arn: self.realm.machine_arn(machine).into(),
            machine_name: machine.into(),
            role_arn: self.realm.role_arn().into(),
            region: self.realm.region.as_str().into(),
            definition,
            limits: self.limits,
        })
    }
}

/// Some executions that run.
pub(super) struct Page {
    pub(super) residents: Vec<(ExecutionId, Resident)>,
    /// Where the next page begins; none when this was the last.
    pub(super) last: Option<RowNo>,
}

/// Reads a page of running executions. One that can't be read is left where it is, and said so in the log:
/// it must not keep all others from going on.
pub(super) async fn page(
    store: &dyn Store,
    headers: &Headers,
    after: Option<RowNo>,
) -> Result<Page, store::Error> {
    let rows = store.live(after, PAGE).await?;
    let last = rows.last().map(|live| live.row.execution);
    let mut residents = Vec::with_capacity(rows.len());
    for live in rows {
        let id = live.row.id;
        match resident(headers, live).await {
            Ok(resident) => residents.push((id, resident)),
            Err(error @ (store::Error::Corrupt(_) | store::Error::Open(_))) => {
                error!(execution = %id, %error, "set aside: its history can't be read");
            }
            Err(error @ (store::Error::Fenced(_) | store::Error::Unavailable(_))) => return Err(error),
        }
    }
    Ok(Page { residents, last })
}

async fn resident(headers: &Headers, live: LiveRow) -> Result<Resident, store::Error> {
    let header = headers.of(&live.row).await?;
    let (version, execution) = rebuild(header, &live.history)?;
    let shadow = Shadow::of(&execution);
    Ok(Resident { row: Arc::new(live.row), version, execution, shadow })
}

/// Rebuilds an execution from all of its history rows.
///
/// # Errors
/// [`store::Error::Corrupt`] when a row is missing or can't be read.
pub fn rebuild(header: Arc<Header>, history: &[HistoryRow]) -> Result<(u64, Execution), store::Error> {
    let mut events = Vec::new();
    for (row, expected) in history.iter().zip(1..) {
        if row.version != expected {
            let found = format!("expected history row {expected}, found row {}", row.version);
            return Err(store::Error::Corrupt(found));
        }
        events.extend(rows::decode(&row.events)?);
    }
    let execution = Execution::replay(header, events)
        .ok_or_else(|| store::Error::Corrupt("expected a history that begins with a start".to_owned()))?;
    Ok((history.len() as u64, execution))
}
