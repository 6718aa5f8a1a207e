//! The owner of all running executions: one task that decides, commits and acts, in that order.
//!
//! Invariants: nothing leaves this file before it is durable, neither an answer nor a task. An execution in
//! memory is ahead of the database only between `decide` and `commit`; if the commit fails, memory is thrown
//! away and read anew. Business rules are not here: they are in `stepwell_asl::machine`.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use stepwell_asl::entropy::Entropy;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::{self, Command, Effect, Execution, Status, Transition};
use stepwell_asl::time::Timestamp;
use tokio::sync::mpsc;
use tracing::{error, info};

use super::batch::{About, Batch, Entry, Reply};
use super::clock;
use super::followers::Followers;
use super::numbering::Numbering;
use super::recovery::{self, Headers};
use super::request::{Accepted, Answer, Ask, Refused, Request, Running, Start};
use super::shadow::Shadow;
use super::timers::Timers;
use crate::dispatch::{Delivery, Dispatcher};
use crate::store::{
    self, Closing, ExecutionFilter, ExecutionRow, HistoryRow, Opening, Store, StoredStatus, Write, Written,
    rows,
};

/// Most executions in one commit: enough to share the cost of a sync, few enough to keep its latency low.
const BATCH_MAX: usize = 256;
/// Most timers that fire in one turn, whatever else there is to do: neither may a million that are due at once
/// hold up live work, nor live work hold up timers.
const DUE_MAX: usize = 64;
/// Most requests that wait to be decided. What comes beyond waits at its edge, or is refused there.
const MAILBOX_MAX: usize = 4_096;

/// An execution in memory.
pub(super) struct Resident {
    /// What lists know of it.
    pub(super) row: Arc<ExecutionRow>,
    /// The version of its newest history row.
    pub(super) version: u64,
    pub(super) execution: Execution,
    pub(super) shadow: Shadow,
}

impl Resident {
    fn runs(&self) -> Accepted {
        let (row, header) = (self.row.clone(), self.execution.header().clone());
        Accepted::Runs(Box::new(Running { row, header, input: self.execution.input().clone() }))
    }
}

/// Sends requests to the owner.
#[derive(Clone)]
pub struct OwnerHandle {
    mailbox: mpsc::Sender<(Instant, Request)>,
    waited_micros: Arc<AtomicU64>,
}

/// The owner has stopped: the engine is going down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine is shutting down")]
pub struct Stopped;

/// A request that is refused before it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overloaded {
    /// Too much waits already.
    #[error("the engine is behind with its work; try again shortly")]
    Behind,
    /// See [`Stopped`].
    #[error("the engine is shutting down")]
    Stopped,
}

impl OwnerHandle {
    /// Above this, new work is refused: what is under way must get through first.
    const WAIT_MAX: Duration = Duration::from_millis(500);

    /// Hands in a request that releases work or must not be lost; waits while the mailbox is full.
    ///
    /// # Errors
    /// When the engine is shutting down.
    pub async fn send(&self, request: Request) -> Result<(), Stopped> {
        self.mailbox.send((Instant::now(), request)).await.map_err(|_| Stopped)
    }

    /// Hands in a request that brings new work, unless the engine is behind.
    ///
    /// # Errors
    /// When it is behind, or shutting down.
    pub fn try_send(&self, request: Request) -> Result<(), Overloaded> {
        if Duration::from_micros(self.waited_micros.load(Ordering::Relaxed)) > Self::WAIT_MAX {
            return Err(Overloaded::Behind);
        }
        self.mailbox.try_send((Instant::now(), request)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Overloaded::Behind,
            mpsc::error::TrySendError::Closed(_) => Overloaded::Stopped,
        })
    }
}

/// Owns every running execution of one database.
pub struct Owner {
    store: Arc<dyn Store>,
    dispatcher: Arc<Dispatcher>,
    headers: Headers,
    mailbox: mpsc::Receiver<(Instant, Request)>,
    waited_micros: Arc<AtomicU64>,
    entropy: Entropy,
    numbering: Numbering,
    live: FxHashMap<ExecutionId, Resident>,
    timers: Timers,
    followers: Followers,
    /// Executions that have more to do at once, in turn.
    awake: VecDeque<ExecutionId>,
}

impl Owner {
    /// An owner that has read nothing yet, and the way to reach it.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, dispatcher: Arc<Dispatcher>, headers: Headers) -> (Self, OwnerHandle) {
        let (sender, mailbox) = mpsc::channel(MAILBOX_MAX);
        let waited_micros = Arc::new(AtomicU64::new(0));
        let handle = OwnerHandle { mailbox: sender, waited_micros: waited_micros.clone() };
        let owner = Self {
            store,
            dispatcher,
            headers,
            mailbox,
            waited_micros,
            entropy: clock::entropy(),
            numbering: Numbering::default(),
            live: FxHashMap::default(),
            timers: Timers::default(),
            followers: Followers::default(),
            awake: VecDeque::new(),
        };
        (owner, handle)
    }

    /// Reads every running execution and owes the world again what it was owed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn recover(&mut self) -> Result<(), store::Error> {
        self.live.clear();
        self.timers.clear();
        self.followers.clear();
        self.awake.clear();
        let newest = self.store.executions(&ExecutionFilter::default(), 1).await?;
        newest.iter().for_each(|row| self.numbering.continue_behind(row.execution));
        let now = clock::now();
        let mut after = None;
        loop {
            let page = recovery::page(&*self.store, &self.headers, after).await?;
            for (id, mut resident) in page.residents {
                let effects = resident.execution.owed(now);
                self.timers.set(id, resident.execution.next_deadline().map(|(at, _)| at));
                self.live.insert(id, resident);
                self.give(id, effects);
            }
            after = page.last;
            if after.is_none() {
                break;
            }
        }
        if !self.live.is_empty() {
            info!(executions = self.live.len(), "resumed running executions");
        }
        Ok(())
    }

    /// Decide, commit, act: until `down` resolves.
    ///
    /// # Errors
    /// When a commit fails. Those who were part of it are told that it is unconfirmed, and nothing else.
    pub async fn run(&mut self, mut down: impl Future<Output = ()> + Unpin) -> Result<(), store::Error> {
        let mut requests = Vec::with_capacity(BATCH_MAX);
        while self.gather(&mut requests, &mut down).await {
            let (entries, writes) = self.decide(&mut requests);
            match self.commit(&writes).await {
                Ok(written) => self.act(entries, &written),
                Err(error) => {
                    entries.into_iter().for_each(|entry| entry.refuse(&Refused::Unconfirmed));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Waits for something to do. False when the engine goes down.
    async fn gather(
        &mut self,
        requests: &mut Vec<(Instant, Request)>,
        down: &mut (impl Future<Output = ()> + Unpin),
    ) -> bool {
        let room = BATCH_MAX - self.awake.len().min(BATCH_MAX / 2);
        if !self.awake.is_empty() {
            while requests.len() < room {
                let Ok(request) = self.mailbox.try_recv() else { break };
                requests.push(request);
            }
            return tokio::select! {
                biased;
                () = down => false,
                () = std::future::ready(()) => true,
            };
        }
        let next = self.timers.next();
        let until_due = next.map(|at| clock::now().until(at));
        tokio::select! {
            biased;
            () = down => false,
            received = self.mailbox.recv_many(requests, room) => received > 0,
            () = sleep(until_due), if next.is_some() => true,
        }
    }

    /// Decides everything that was gathered, everything that is due and everything that wants to go on.
    /// Changes memory, and memory only.
    fn decide(&mut self, requests: &mut Vec<(Instant, Request)>) -> (Vec<Entry>, Vec<Write>) {
        let now = clock::now();
        let waited = requests.first().map(|(since, _)| since.elapsed()).unwrap_or_default();
        self.waited_micros.store(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let mut batch = Batch::default();
        for (_, request) in requests.drain(..) {
            self.decide_one(&mut batch, request, now);
        }
        for _ in 0..self.awake.len().min(BATCH_MAX) {
            if let Some(id) = self.awake.pop_front() {
                self.wake(&mut batch, id, now);
            }
        }
        for _ in 0..DUE_MAX {
            let Some(id) = self.timers.pop_due(now) else { break };
            self.wake(&mut batch, id, now);
        }
        let writes = self.seal(&mut batch);
        (batch.into_entries(), writes)
    }

    /// Waking is refused only by an execution that is gone, and then there is nobody to tell.
    fn wake(&mut self, batch: &mut Batch, id: ExecutionId, now: Timestamp) {
        let _ = self.decide_command(batch, id, Command::Wake, now);
    }

    /// Makes each execution's events one history row.
    fn seal(&mut self, batch: &mut Batch) -> Vec<Write> {
        let mut writes = Vec::new();
        for entry in batch.entries_mut() {
            let Some(resident) = self.live.get_mut(&entry.execution) else { continue };
            let Some(events) = rows::encode(&entry.events) else { continue };
            resident.version += 1;
            resident.shadow.follow(&resident.execution, &events, &entry.events);
            let first_event = entry.events.iter().map(|event| event.id.0).find(|id| *id > 0);
            let newest = resident.execution.last_event().0;
            entry.write = Some(writes.len());
            writes.push(Write {
                execution: resident.row.execution,
                history: vec![HistoryRow {
                    version: resident.version,
                    // A row without numbered events holds none to look for: it begins behind the newest.
                    first_event: first_event.unwrap_or(newest + 1),
                    events,
                }],
                opening: entry.opening.take(),
                closing: closing(&resident.execution),
            });
        }
        writes
    }

    fn decide_one(&mut self, batch: &mut Batch, request: Request, now: Timestamp) {
        let Request { execution: id, ask, reply } = request;
        let about = match &ask {
            Ask::Start(_) => About::Start,
            Ask::Command(Command::AnswerTask { attempt, .. }) => About::Task(attempt.event),
            Ask::Command(_) | Ask::Follow(_) => About::Other,
        };
        let answer = match ask {
            Ask::Start(start) => self.decide_start(batch, id, *start, now),
            Ask::Command(command) => self.decide_command(batch, id, command, now),
            Ask::Follow(subscription) => match self.live.get(&id) {
                Some(resident) => {
                    self.followers.add(id, subscription);
                    Ok(resident.runs())
                }
                None => Err(Refused::NotRunning),
            },
        };
        batch.reply(id, reply, answer, about);
    }

    fn decide_start(&mut self, batch: &mut Batch, id: ExecutionId, start: Start, now: Timestamp) -> Answer {
        if let Some(resident) = self.live.get(&id) {
            let same = *resident.execution.input() == start.input;
            return if same { Ok(resident.runs()) } else { Err(Refused::NameTaken) };
        }
        let entropy = &mut self.entropy;
        let Start { header, row, input } = start;
        let decided = catch_unwind(AssertUnwindSafe(|| machine::start(header, input, now, entropy)));
        let Ok((execution, transition)) = decided else {
            error!(execution = %id, "set aside: the interpreter panicked at its start");
            return Err(Refused::SetAside);
        };
        let row = Arc::new(ExecutionRow { execution: self.numbering.next(now), started_at: now, ..row });
        let opening = opening(&row);
        self.live.insert(id, Resident { row: row.clone(), version: 0, execution, shadow: Shadow::default() });
        self.add_transition(batch, id, transition, Some(opening));
        Ok(Accepted::Started(row))
    }

    fn decide_command(
        &mut self,
        batch: &mut Batch,
        id: ExecutionId,
        command: Command,
        now: Timestamp,
    ) -> Answer {
        let Some(resident) = self.live.get_mut(&id) else { return Err(Refused::NotRunning) };
        let entropy = &mut self.entropy;
        let execution = &mut resident.execution;
        let decided = catch_unwind(AssertUnwindSafe(|| machine::handle(execution, command, now, entropy)));
        let Ok(decided) = decided else {
            error!(execution = %id, "set aside until the next restart: the interpreter panicked");
            self.forget(id);
            batch.set_aside(id);
            return Err(Refused::SetAside);
        };
        let transition = decided?;
        self.add_transition(batch, id, transition, None);
        Ok(Accepted::Done)
    }

    fn add_transition(
        &mut self,
        batch: &mut Batch,
        id: ExecutionId,
        transition: Transition,
        opening: Option<Opening>,
    ) {
        let Some(resident) = self.live.get(&id) else { return };
        self.timers.set(id, resident.execution.next_deadline().map(|(at, _)| at));
        batch.add(id, transition, opening);
    }

    /// Makes it durable, all in one transaction.
    async fn commit(&mut self, writes: &[Write]) -> Result<Vec<Written>, store::Error> {
        if writes.is_empty() { Ok(Vec::new()) } else { self.store.commit(writes).await }
    }

    /// Acts on what is durable: hands out tasks, tells followers, answers; and drops what could not be written.
    fn act(&mut self, entries: Vec<Entry>, written: &[Written]) {
        for entry in entries {
            let outcome =
                entry.write.and_then(|index| written.get(index).copied()).unwrap_or(Written::Committed);
            match outcome {
                Written::Committed => self.act_on(entry),
                Written::NameTaken => {
                    self.forget(entry.execution);
                    entry.refuse_start();
                }
                Written::VersionConflict => {
                    error!(execution = %entry.execution, "set aside: its history was written by somebody else");
                    self.forget(entry.execution);
                    entry.refuse(&Refused::SetAside);
                }
            }
        }
    }

    fn act_on(&mut self, entry: Entry) {
        let id = entry.execution;
        let ended = self.live.get(&id).and_then(|resident| closing(&resident.execution));
        if !entry.events.is_empty() {
            self.followers.tell(id, &entry.events, ended);
        }
        for (attempt, by) in entry.replies.iter().filter_map(Reply::settles) {
            self.dispatcher.settle((id, attempt), by);
        }
        self.give(id, entry.effects);
        entry.replies.into_iter().for_each(Reply::tell);
        if ended.is_some() {
            self.forget(id);
        }
    }

    /// Gives the world what it is owed.
    fn give(&mut self, id: ExecutionId, effects: Vec<Effect>) {
        let Some(resident) = self.live.get(&id) else { return };
        let header = resident.execution.header();
        for effect in effects {
            match effect {
                Effect::DispatchTask(order) => {
                    self.dispatcher.offer([Delivery { order, header: header.clone(), number: 0 }]);
                }
                Effect::CancelTask(attempt) => self.dispatcher.settle((id, attempt), None),
                Effect::WakeNow => self.awake.push_back(id),
            }
        }
    }

    fn forget(&mut self, id: ExecutionId) {
        self.live.remove(&id);
        self.timers.set(id, None);
        self.followers.cut_off(id);
    }
}

/// How an execution opens its row.
fn opening(row: &ExecutionRow) -> Opening {
    Opening {
        id: row.id,
        machine: row.machine,
        revision: row.revision,
        name: row.name.clone(),
        started_at: row.started_at,
    }
}

/// How an execution that has ended closes its row.
pub(super) fn closing(execution: &Execution) -> Option<Closing> {
    let status = match execution.outcome().status() {
        Status::Running => return None,
        Status::Succeeded => StoredStatus::Succeeded,
        Status::Failed => StoredStatus::Failed,
        Status::TimedOut => StoredStatus::TimedOut,
        Status::Aborted => StoredStatus::Aborted,
    };
    Some(Closing { status, stopped_at: execution.stopped_at()? })
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
