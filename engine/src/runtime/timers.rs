//! When which execution wants to be woken: one time per execution, its earliest deadline.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::time::Timestamp;

/// All wake-up times, earliest first.
#[derive(Default)]
pub(super) struct Timers {
    due: BTreeSet<(Timestamp, ExecutionId)>,
    of: FxHashMap<ExecutionId, Timestamp>,
}

impl Timers {
    /// Sets the one wake-up time of an execution, or takes it away.
    pub(super) fn set(&mut self, execution: ExecutionId, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.of.insert(execution, at),
            None => self.of.remove(&execution),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.due.remove(&(before, execution));
        }
        if let Some(at) = at {
            self.due.insert((at, execution));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest execution that is due.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<ExecutionId> {
        let (at, execution) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        self.of.remove(&execution);
        Some(execution)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.of.clear();
    }
}
