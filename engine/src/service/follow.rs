//! Following an execution: its history from an event on, then each further event once it is durable.

use std::sync::Arc;

use stepwell_asl::history::{HistoryEvent, show};
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::Header;
use stepwell_asl::payload::Payload;
use tokio::sync::mpsc;

use super::history::EventPage;
use super::{Error, ExecutionView, Service};
use crate::runtime::{Accepted, Ask, News, Refused, Request, Running, Subscription};
use crate::store::{ExecutionRow, StoredStatus};

/// Events sent together at most.
const TOGETHER: u32 = 500;

/// One piece of what a follower gets.
#[derive(Debug, Clone)]
pub enum Followed {
    /// New events, in order.
    Events(Vec<HistoryEvent>),
    /// The execution as it ended; nothing comes after it.
    Ended(Box<ExecutionView>),
}

/// A follower's place in a history.
pub struct Following {
    service: Service,
    row: ExecutionRow,
    header: Arc<Header>,
    /// The next event wanted.
    next: u64,
    end_only: bool,
    /// Known from the start when it ran then.
    input: Option<Payload>,
    news: Option<mpsc::Receiver<News>>,
    /// Whether the stored history may hold more than was sent.
    behind: bool,
    stage: Stage,
}

/// How far the following has come.
enum Stage {
    /// The execution runs, as far as is known.
    Running,
    /// It has ended; the end is still to be told. With its news, when those were heard.
    Ended(Option<News>),
    /// The end was told.
    Told,
}

impl Service {
    /// Follows an execution from an event on (0 for the first), or waits for its end only.
    ///
    /// # Errors
    /// When it is unknown.
    pub async fn follow(&self, execution: &str, from: u64, end_only: bool) -> Result<Following, Error> {
        let id = self.id_of(execution).await?;
        // Subscribed first and read second, so that nothing falls between.
        let (row, header, input, news) = match self.subscribe(id).await? {
            Some((running, news)) => {
                (ExecutionRow::clone(&running.row), running.header, Some(running.input), Some(news))
            }
            None => {
                let row = self.row_of(id, execution).await?;
                let header = self.headers.of(&row).await?;
                (row, header, None, None)
            }
        };
        let stage = if news.is_some() { Stage::Running } else { Stage::Ended(None) };
        let next = from.max(1);
        let service = self.clone();
        Ok(Following { service, row, header, next, end_only, input, news, behind: !end_only, stage })
    }

    /// Asks the owner for news; `None` when the execution does not run.
    async fn subscribe(&self, id: ExecutionId) -> Result<Option<(Running, mpsc::Receiver<News>)>, Error> {
        let (subscription, news) = Subscription::new();
        let ask = Ask::Follow(subscription);
        match self.ask(|reply| Request { execution: id, ask, reply }).await? {
            Ok(Accepted::Runs(running)) => Ok(Some((*running, news))),
            Ok(Accepted::Done | Accepted::Started(_)) | Err(Refused::NotRunning) => Ok(None),
            Err(refused) => Err(refused.into()),
        }
    }
}

impl Following {
    /// The next piece; waits for it. `None` after the end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<Followed>, Error> {
        loop {
            if self.behind
                && let Some(events) = self.catch_up().await?
            {
                return Ok(Some(Followed::Events(events)));
            }
            let Some(news) = &mut self.news else { return self.end().await };
            let Some(news) = news.recv().await else {
                // Cut off for being too slow, or by a recovery.
                self.subscribe_again().await?;
                continue;
            };
            let events = self.unseen(&news);
            if news.ended.is_some() {
                self.news = None;
                self.stage = Stage::Ended(Some(news));
            }
            if !events.is_empty() {
                return Ok(Some(Followed::Events(events)));
            }
        }
    }

    async fn subscribe_again(&mut self) -> Result<(), Error> {
        self.behind = !self.end_only;
        self.news = self.service.subscribe(self.row.id).await?.map(|(_, news)| news);
        if self.news.is_none() {
            self.stage = Stage::Ended(None);
        }
        Ok(())
    }

    /// What is stored and was not sent; `None` when there is no more of it.
    async fn catch_up(&mut self) -> Result<Option<Vec<HistoryEvent>>, Error> {
        let page = EventPage { from: Some(self.next), limit: TOGETHER, reverse: false };
        let page = self.service.history_of(&self.row, page).await?;
        self.behind = page.next.is_some();
        if let Some(last) = page.events.last() {
            self.next = last.id.0 + 1;
        }
        Ok(Some(page.events).filter(|events| !events.is_empty()))
    }

    fn unseen(&mut self, news: &News) -> Vec<HistoryEvent> {
        if self.end_only {
            return Vec::new();
        }
        let next = self.next;
        let events: Vec<_> = news
            .events
            .iter()
            .filter(|event| event.id.0 >= next)
            .filter_map(|event| show(event, &self.header))
            .collect();
        if let Some(last) = events.last() {
            self.next = last.id.0 + 1;
        }
        events
    }

    async fn end(&mut self) -> Result<Option<Followed>, Error> {
        let view = match std::mem::replace(&mut self.stage, Stage::Told) {
            Stage::Told => return Ok(None),
            Stage::Ended(Some(News { events, ended: Some(closing) })) => {
                let (status, stopped_at) = (closing.status, Some(closing.stopped_at));
                let mut view = self.service.in_list(ExecutionRow { status, stopped_at, ..self.row.clone() });
                view.input = self.input.clone();
                events.last().into_iter().for_each(|last| view.end_with(last));
                view
            }
            Stage::Running | Stage::Ended(_) => {
                let row = self.service.row_of(self.row.id, &self.row.name).await?;
                if row.status == StoredStatus::Running {
                    // Nobody runs it, and yet it has not ended.
                    return Err(Refused::SetAside.into());
                }
                self.service.view(row).await?
            }
        };
        Ok(Some(Followed::Ended(Box::new(view))))
    }
}
