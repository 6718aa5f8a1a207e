//! Histories, page by page, in either direction.

use stepwell_asl::history::{HistoryEvent, show};
use stepwell_asl::machine::Header;

use super::{Error, Service};
use crate::store::{ExecutionRow, HistoryRow, rows};

/// Which part of a history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPage {
    /// The first event wanted; none for the first there is, in the direction of reading.
    pub from: Option<u64>,
    /// At most this many.
    pub limit: u32,
    /// The newest first.
    pub reverse: bool,
}

/// Some events.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// In the order asked for.
    pub events: Vec<HistoryEvent>,
    /// The first event of the next page; none when this is the last.
    pub next: Option<u64>,
}

/// History rows read at a time.
const ROWS: u32 = 64;

impl Service {
    /// A page of an execution's history.
    ///
    /// # Errors
    /// When it is unknown.
    pub async fn history(&self, execution: &str, page: EventPage) -> Result<HistoryPage, Error> {
        let row = self.resolve(execution).await?;
        self.history_of(&row, page).await
    }

    pub(super) async fn history_of(&self, row: &ExecutionRow, page: EventPage) -> Result<HistoryPage, Error> {
        let header = self.headers.of(row).await?;
        let wanted = page.limit as usize + 1;
        let mut events = if page.reverse {
            self.backward(row, &header, page.from, wanted).await?
        } else {
            self.forward(row, &header, page.from.unwrap_or(1), wanted).await?
        };
        let next = events.get(page.limit as usize).map(|event| event.id.0);
        events.truncate(page.limit as usize);
        Ok(HistoryPage { events, next })
    }

    async fn forward(
        &self,
        row: &ExecutionRow,
        header: &Header,
        from: u64,
        wanted: usize,
    ) -> Result<Vec<HistoryEvent>, Error> {
        let Some(mut version) = self.store().version_of_event(row.execution, from).await? else {
            return Ok(Vec::new());
        };
        let mut events = Vec::new();
        loop {
            let stored = self.store().history(row.execution, version, ROWS).await?;
            for stored in &stored {
                events.extend(shown(stored, header)?.into_iter().filter(|event| event.id.0 >= from));
                version = stored.version + 1;
            }
            if stored.len() < ROWS as usize || events.len() >= wanted {
                return Ok(events);
            }
        }
    }

    async fn backward(
        &self,
        row: &ExecutionRow,
        header: &Header,
        from: Option<u64>,
        wanted: usize,
    ) -> Result<Vec<HistoryEvent>, Error> {
        let newest = from.unwrap_or(u64::MAX >> 1);
        let Some(mut version) = self.store().version_of_event(row.execution, newest).await? else {
            return Ok(Vec::new());
        };
        let mut events = Vec::new();
        loop {
            let first = version.saturating_sub(u64::from(ROWS) - 1).max(1);
            let count = u32::try_from(version + 1 - first).unwrap_or(ROWS);
            let stored = self.store().history(row.execution, first, count).await?;
            for stored in stored.iter().rev() {
                events.extend(shown(stored, header)?.into_iter().rev().filter(|event| event.id.0 <= newest));
            }
            if first == 1 || events.len() >= wanted {
                return Ok(events);
            }
            version = first - 1;
        }
    }
}

fn shown(stored: &HistoryRow, header: &Header) -> Result<Vec<HistoryEvent>, Error> {
    let events = rows::decode(&stored.events)?;
    Ok(events.iter().filter_map(|event| show(event, header)).collect())
}
