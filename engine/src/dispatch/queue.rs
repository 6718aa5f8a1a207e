//! One task queue: tasks that wait for a worker, and workers that serve it.

use std::collections::VecDeque;

use super::{Delivery, TaskKey, WorkerId};

/// Waiting tasks in the order of their arrival, and the workers in turn.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<(u64, Delivery)>,
    /// How many of the waiting wait in vain: they were settled meanwhile.
    settled: usize,
    workers: VecDeque<WorkerId>,
}

impl Queue {
    pub(super) fn join(&mut self, worker: WorkerId) {
        if !self.workers.contains(&worker) {
            self.workers.push_back(worker);
        }
    }

    pub(super) fn leave(&mut self, worker: WorkerId) {
        self.workers.retain(|other| *other != worker);
    }

    /// Whether nobody serves it and nothing waits in it.
    pub(super) fn is_idle(&self) -> bool {
        self.workers.is_empty() && self.waiting.is_empty()
    }

    /// The next willing worker in turn.
    pub(super) fn next_worker(&mut self, willing: impl Fn(WorkerId) -> bool) -> Option<WorkerId> {
        for _ in 0..self.workers.len() {
            let worker = self.workers.pop_front()?;
            self.workers.push_back(worker);
            if willing(worker) {
                return Some(worker);
            }
        }
        None
    }

    /// Puts a task in; arrival 0 means in front of all others.
    pub(super) fn push(&mut self, arrival: u64, delivery: Delivery) {
        if arrival == 0 {
            self.waiting.push_front((arrival, delivery));
        } else {
            self.waiting.push_back((arrival, delivery));
        }
    }

    /// When the first task that still waits arrived. Cancelled ones are forgotten on the way.
    pub(super) fn head(&mut self, waits: impl Fn(&TaskKey) -> bool) -> Option<u64> {
        while let Some((arrival, delivery)) = self.waiting.front() {
            if waits(&delivery.key()) {
                return Some(*arrival);
            }
            self.waiting.pop_front();
            self.settled = self.settled.saturating_sub(1);
        }
        None
    }

    /// One of the waiting was settled. They are cleared out when they are more than half, so that a queue
    /// nobody serves stays as small as what really waits in it.
    pub(super) fn forget(&mut self, waits: impl Fn(&TaskKey) -> bool) {
        self.settled += 1;
        if self.settled * 2 > self.waiting.len() {
            self.waiting.retain(|(_, delivery)| waits(&delivery.key()));
            self.settled = 0;
        }
    }

    /// Takes the first task out.
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        self.waiting.pop_front().map(|(_, delivery)| delivery)
    }
}
