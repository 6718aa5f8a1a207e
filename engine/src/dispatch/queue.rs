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

    /// Puts a task in, at its place in the order of arrival: a new one at the end, one that comes back where it
    /// was, which is near the front.
    pub(super) fn push(&mut self, arrival: u64, delivery: Delivery) {
        let place = self.waiting.partition_point(|(other, _)| *other < arrival);
        self.waiting.insert(place, (arrival, delivery));
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

    /// Takes the first task out, with when it arrived.
    pub(super) fn pop(&mut self) -> Option<(u64, Delivery)> {
        self.waiting.pop_front()
    }

    /// How many tasks it holds, those that wait in vain included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
