//! Following an execution: its history from an event on, then each further event once it is durable.

use std::sync::Arc;

use stepwell_asl::history::{HistoryEvent, show};
use stepwell_asl::machine::Header;
use tokio::sync::mpsc;

use super::history::EventPage;
use super::{Error, ExecutionView, Service};
use crate::runtime::{Ask, News, Refused, Request, Subscription};
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
    news: Option<mpsc::Receiver<News>>,
    /// Whether the stored history may hold more than was sent.
    behind: bool,
    stage: Stage,
}

/// How far the following has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The execution runs, as far as is known.
    Running,
    /// It has ended; the end is still to be told.
    Ended,
    /// The end was told.
    Told,
}

impl Service {
    /// Follows an execution from an event on (0 for the first), or waits for its end only.
    ///
    /// # Errors
    /// When it is unknown.
    pub async fn follow(&self, execution: &str, from: u64, end_only: bool) -> Result<Following, Error> {
        let row = self.resolve(execution).await?;
        let header = self.headers.of(&row).await?;
        Ok(Following {
            service: self.clone(),
            row,
            header,
            next: from.max(1),
            end_only,
            news: None,
            behind: true,
            stage: Stage::Running,
        })
    }
}

impl Following {
    /// The next piece; waits for it. `None` after the end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next(&mut self) -> Result<Option<Followed>, Error> {
        loop {
            if self.behind {
                // Subscribed first and read second, so that nothing falls between.
                self.subscribe().await?;
                if let Some(events) = self.catch_up().await? {
                    return Ok(Some(Followed::Events(events)));
                }
            }
            let Some(news) = &mut self.news else { return self.end().await };
            match news.recv().await {
                Some(news) => {
                    if news.ended {
                        self.news = None;
                        self.stage = Stage::Ended;
                    }
                    let events = self.unseen(&news);
                    if !events.is_empty() {
                        return Ok(Some(Followed::Events(events)));
                    }
                }
                // Cut off for being too slow, or by a recovery.
                None => {
                    self.news = None;
                    self.behind = true;
                }
            }
        }
    }

    async fn subscribe(&mut self) -> Result<(), Error> {
        if self.news.is_some() || self.stage != Stage::Running {
            return Ok(());
        }
        let (subscription, news) = Subscription::new();
        let id = self.row.id;
        let asked = self
            .service
            .ask(|reply| Request { execution: id, ask: Ask::Follow(subscription), reply })
            .await?;
        match asked {
            Ok(_) => self.news = Some(news),
            Err(Refused::NotRunning) => self.stage = Stage::Ended,
            Err(refused) => return Err(refused.into()),
        }
        Ok(())
    }

    /// What is stored and was not sent; `None` when there is no more of it.
    async fn catch_up(&mut self) -> Result<Option<Vec<HistoryEvent>>, Error> {
        if self.end_only {
            self.behind = false;
            return Ok(None);
        }
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
        if self.stage == Stage::Told {
            return Ok(None);
        }
        self.stage = Stage::Told;
        let row = self.service.row_of(self.row.id, &self.row.name).await?;
        if row.status == StoredStatus::Running {
            // Nobody runs it, and yet it has not ended.
            return Err(Refused::SetAside.into());
        }
        self.service.view(row).await.map(|view| Some(Followed::Ended(Box::new(view))))
    }
}
