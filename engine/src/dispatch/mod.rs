//! Which worker gets which task.
//!
//! Per queue, first come first served, to a worker with credit; no credit, no task, so a slow worker is never
//! flooded. A task belongs to a worker as long as its stream lives: when the stream ends, the task goes back
//! to the front of its queue, with the same token.
//!
//! Invariant: everything here is a shadow of what is on disk. Losing it costs time, never a task: the owner
//! hands every pending task in again. Absent: proto types, the store, decisions about executions.

mod outbox;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use stepwell_asl::ids::{EventId, ExecutionId, TaskToken};
use stepwell_asl::machine::{Header, TaskOrder};

pub use outbox::{Mail, Outbox, Receipt, Verdict};
use queue::Queue;

/// How many workers may be lost with one attempt before it is given up: a task that kills its workers must
/// not go round for ever.
const DELIVERIES_MAX: u32 = 10;

/// Most workers connected at a time: each costs a stream, and every arrival of a task may ask all of them.
const WORKERS_MAX: usize = 10_000;

/// A task on its way: the order, and what the worker is told about its execution.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What is to be done.
    pub order: TaskOrder,
    /// For whom.
    pub header: Arc<Header>,
    /// 1 for the first worker that gets this attempt.
    pub number: u32,
}

impl Delivery {
    /// The attempt it delivers.
    #[must_use]
    pub fn key(&self) -> TaskKey {
        (self.order.token.execution, self.order.token.attempt)
    }
}

/// One attempt among all executions.
pub type TaskKey = (ExecutionId, EventId);

/// One connected worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(u64);

/// Hands tasks to workers. Cheap to share; never waits.
#[derive(Default)]
pub struct Dispatcher {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: FxHashMap<Arc<str>, Queue>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Where each task is.
    places: FxHashMap<TaskKey, TaskPlace>,
    next_worker: u64,
    /// Counts arrivals, so that a worker with several queues takes the oldest task of all of them.
    arrivals: u64,
    /// No worker is welcome any more.
    shutting_down: bool,
}

/// Why a worker can't be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// The engine is going down.
    #[error("the server is shutting down; connect again")]
    ShuttingDown,
    /// As many are connected as may be.
    #[error("expected at most {WORKERS_MAX} connected workers, and there are as many; connect again later")]
    TooMany,
}

#[derive(Clone, PartialEq, Eq)]
enum TaskPlace {
    /// In this queue.
    Waiting(Arc<str>),
    With(WorkerId),
}

struct Worker {
    queues: Vec<Arc<str>>,
    credits: u32,
    draining: bool,
    outbox: Arc<Outbox>,
    /// What it has, each with when it arrived.
    tasks: FxHashMap<TaskKey, (u64, Delivery)>,
}

impl Dispatcher {
    /// Takes in tasks; those with a willing worker leave at once. A task that is here already is not taken
    /// twice.
    pub fn offer(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        let mut state = self.state();
        for delivery in deliveries {
            if state.places.contains_key(&delivery.key()) {
                continue;
            }
            state.arrivals += 1;
            let arrival = state.arrivals;
            state.take_in(arrival, delivery, None);
        }
    }

    /// Nobody waits for this attempt any more: it leaves its queue, or the worker that has it is told to stop,
    /// unless it is the one that answered it.
    pub fn settle(&self, key: TaskKey, answered_by: Option<WorkerId>) {
        let mut state = self.state();
        match state.places.remove(&key) {
            Some(TaskPlace::With(id)) => {
                if let Some(worker) = state.workers.get_mut(&id)
                    && let Some((_, delivery)) = worker.tasks.remove(&key)
                    && answered_by != Some(id)
                {
                    worker.outbox.cancel(delivery.order.token);
                }
            }
            Some(TaskPlace::Waiting(name)) => {
                let State { queues, places, .. } = &mut *state;
                if let Some(queue) = queues.get_mut(&name) {
                    queue.forget(|key| places.contains_key(key));
                    if queue.is_idle() {
                        queues.remove(&name);
                    }
                }
            }
            None => {}
        }
    }

    /// Registers a worker. Its mail comes out of the outbox.
    ///
    /// # Errors
    /// See [`Unwelcome`].
    pub fn connect(&self, queues: Vec<Arc<str>>, credits: u32) -> Result<(WorkerId, Arc<Outbox>), Unwelcome> {
        let mut state = self.state();
        if state.shutting_down {
            return Err(Unwelcome::ShuttingDown);
        }
        if state.workers.len() >= WORKERS_MAX {
            return Err(Unwelcome::TooMany);
        }
        let id = WorkerId(state.next_worker);
        state.next_worker += 1;
        let outbox = Arc::new(Outbox::default());
        for queue in &queues {
            state.queues.entry(queue.clone()).or_default().join(id);
        }
        let worker = Worker {
            queues,
            credits: 0,
            draining: false,
            outbox: outbox.clone(),
            tasks: FxHashMap::default(),
        };
        state.workers.insert(id, worker);
        state.add_credits(id, credits);
        Ok((id, outbox))
    }

    /// A worker can take more.
    pub fn add_credits(&self, worker: WorkerId, credits: u32) {
        self.state().add_credits(worker, credits);
    }

    /// A worker will take no more.
    pub fn drain(&self, worker: WorkerId) {
        if let Some(worker) = self.state().workers.get_mut(&worker) {
            worker.draining = true;
        }
    }

    /// A worker hands a task back undone: another gets it, or the same one should it ask for more. Not counted
    /// as a lost delivery. False when the worker does not have it, or not any more.
    #[must_use]
    pub fn hand_back(&self, worker: WorkerId, token: TaskToken) -> bool {
        let mut state = self.state();
        let Some(holder) = state.workers.get_mut(&worker) else { return false };
        let key = (token.execution, token.attempt);
        if holder.tasks.get(&key).is_none_or(|(_, delivery)| delivery.order.token != token) {
            return false;
        }
        let Some((arrival, mut delivery)) = holder.tasks.remove(&key) else { return false };
        delivery.number = delivery.number.saturating_sub(1);
        state.take_in(arrival, delivery, Some(worker));
        true
    }

    /// A worker is gone: its tasks go to others. Answers those that were lost too often to try again.
    pub fn disconnect(&self, worker: WorkerId) -> Vec<Delivery> {
        let mut state = self.state();
        let Some(gone) = state.workers.remove(&worker) else { return Vec::new() };
        for name in &gone.queues {
            if let Some(queue) = state.queues.get_mut(name) {
                queue.leave(worker);
                if queue.is_idle() {
                    state.queues.remove(name);
                }
            }
        }
        let mut tasks: Vec<_> = gone.tasks.into_values().collect();
        tasks.sort_by_key(|(arrival, _)| *arrival);
        let mut lost = Vec::new();
        for (arrival, delivery) in tasks {
            if delivery.number < DELIVERIES_MAX {
                state.take_in(arrival, delivery, None);
            } else {
                state.places.remove(&delivery.key());
                lost.push(delivery);
            }
        }
        lost
    }

    /// Tells every worker that the engine is shutting down, and takes no new ones.
    pub fn shut_down(&self) {
        let mut state = self.state();
        state.shutting_down = true;
        for worker in state.workers.values_mut() {
            worker.draining = true;
            worker.outbox.shut_down();
        }
    }

    /// Ends every worker's stream, once what is in its outbox is out.
    pub fn send_away(&self) {
        for worker in self.state().workers.values() {
            worker.outbox.close();
        }
    }

    /// How many workers are connected.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.state().workers.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here can be left half done by a panic that another holder could trip over.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives a task to a worker, but not to the one that just handed it back; or puts it into its queue.
    fn take_in(&mut self, arrival: u64, delivery: Delivery, not_to: Option<WorkerId>) {
        let key = delivery.key();
        let name = delivery.order.queue.clone();
        let queue = self.queues.entry(name.clone()).or_default();
        let workers = &self.workers;
        let willing = queue.next_worker(|id| {
            Some(id) != not_to
                && workers.get(&id).is_some_and(|worker| worker.credits > 0 && !worker.draining)
        });
        match willing {
            Some(worker) => self.hand_out(worker, arrival, delivery),
            None => {
                queue.push(arrival, delivery);
                self.places.insert(key, TaskPlace::Waiting(name));
            }
        }
    }

    fn hand_out(&mut self, id: WorkerId, arrival: u64, mut delivery: Delivery) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        delivery.number += 1;
        worker.credits -= 1;
        self.places.insert(delivery.key(), TaskPlace::With(id));
        worker.tasks.insert(delivery.key(), (arrival, delivery.clone()));
        worker.outbox.send(delivery);
    }

    fn add_credits(&mut self, id: WorkerId, credits: u32) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        worker.credits = worker.credits.saturating_add(credits);
        if worker.draining {
            return;
        }
        let names = worker.queues.clone();
        while self.workers.get(&id).is_some_and(|worker| worker.credits > 0) {
            let Some((arrival, delivery)) = self.oldest(&names) else { return };
            self.hand_out(id, arrival, delivery);
        }
    }

    /// Takes the task that has waited longest in any of these queues.
    fn oldest(&mut self, names: &[Arc<str>]) -> Option<(u64, Delivery)> {
        let places = &self.places;
        let queues = &mut self.queues;
        let waits = |key: &TaskKey| matches!(places.get(key), Some(TaskPlace::Waiting(_)));
        let name = names
            .iter()
            .filter_map(|name| Some((queues.get_mut(name)?.head(waits)?, name)))
            .min_by_key(|(arrival, _)| *arrival)
            .map(|(_, name)| name)?;
        queues.get_mut(name)?.pop()
    }
}
