//! The indexes of an execution: what is ready, what falls due, which attempts wait. They follow from where the
//! scopes stand, and only the functions here touch them.

use std::time::Duration;

use crate::ids::{EventId, ScopeId};
use crate::time::Timestamp;

use super::execution::{At, Deadline, Doing, Execution, PendingTask, Scope};

impl PendingTask {
    /// When the attempt times out.
    pub(super) fn deadline_at(&self) -> Option<Timestamp> {
        let seconds = self.scheduled.timeout_seconds?;
        Some(self.scheduled_at.after(Duration::from_secs(seconds)))
    }

    /// The longest silence allowed.
    pub(super) fn heartbeat(&self) -> Option<Duration> {
        self.scheduled.heartbeat_seconds.map(Duration::from_secs)
    }
}

impl Execution {
    /// Puts a scope somewhere, and keeps the indexes right.
    pub(super) fn place(&mut self, id: ScopeId, at: At) {
        self.change(id, |scope| scope.at = at);
    }

    /// Changes a scope in its place, and keeps the indexes right.
    pub(super) fn change(&mut self, id: ScopeId, change: impl FnOnce(&mut Scope)) {
        let attempt = self.unindex(id);
        if let Some(scope) = self.scopes.get_mut(&id) {
            change(scope);
        }
        self.index(id);
        self.forget(attempt);
    }

    /// Takes a scope out, with all that hangs in it.
    pub(super) fn remove(&mut self, id: ScopeId) {
        self.remove_children(id);
        let attempt = self.unindex(id);
        self.forget(attempt);
        let parent = self.scopes.remove(&id).and_then(|scope| scope.place.parent());
        if let Some(parent) = parent.and_then(|parent| self.scopes.get_mut(&parent)) {
            parent.children.remove(&id);
        }
    }

    /// Takes out all that hangs in a scope. Depth is bounded by the definition's.
    pub(super) fn remove_children(&mut self, id: ScopeId) {
        for child in self.children(id) {
            self.remove(child);
        }
    }

    /// Notes a sign of life.
    pub(super) fn hear(&mut self, attempt: EventId, now: Timestamp) {
        if let Some(scope) = self.tasks.get(&attempt).copied() {
            self.unindex(scope);
            self.heard.insert(attempt, now);
            self.index(scope);
        }
    }

    /// Drops the signs of life of an attempt that nobody waits for any more.
    fn forget(&mut self, attempt: Option<EventId>) {
        if let Some(attempt) = attempt
            && !self.tasks.contains_key(&attempt)
        {
            self.heard.remove(&attempt);
        }
    }

    fn index(&mut self, id: ScopeId) {
        let Some(scope) = self.scopes.get(&id) else { return };
        let entries = self.entries_of(id, scope);
        if entries.is_ready {
            self.ready.insert(id);
        }
        self.deadlines.extend(entries.deadlines.into_iter().flatten());
        self.tasks.extend(entries.attempt.map(|attempt| (attempt, id)));
    }

    /// Takes a scope out of the indexes; gives the attempt it waits for.
    fn unindex(&mut self, id: ScopeId) -> Option<EventId> {
        let entries = self.entries_of(id, self.scopes.get(&id)?);
        self.ready.remove(&id);
        for deadline in entries.deadlines.into_iter().flatten() {
            self.deadlines.remove(&deadline);
        }
        if let Some(attempt) = entries.attempt {
            self.tasks.remove(&attempt);
        }
        entries.attempt
    }

    fn entries_of(&self, id: ScopeId, scope: &Scope) -> Entries {
        let visit = match &scope.at {
            At::Entering { .. } => return Entries { is_ready: true, ..Entries::default() },
            At::End => return Entries::default(),
            At::In(visit) => visit,
        };
        match &visit.doing {
            Doing::Beginning => Entries { is_ready: true, ..Entries::default() },
            Doing::BackingOff { until } | Doing::Waiting { until } => {
                Entries { deadlines: [Some((*until, Deadline::Resume(id))), None], ..Entries::default() }
            }
            Doing::Task(task) => {
                let timeout = task.deadline_at().map(|at| (at, Deadline::Task(id)));
                // Nobody is silent before the task was taken, and taking it is the first sign of life.
                let heard = self.heard.get(&task.attempt).copied();
                let heartbeat = task.heartbeat().zip(heard);
                let heartbeat =
                    heartbeat.map(|(silence, heard)| (heard.after(silence), Deadline::Heartbeat(id)));
                let deadlines = [timeout, heartbeat];
                Entries { is_ready: false, deadlines, attempt: Some(task.attempt) }
            }
            Doing::Parallel { .. } => Entries::default(),
            Doing::Map(progress) => Entries { is_ready: progress.has_room(), ..Entries::default() },
        }
    }
}

/// What the indexes know of one scope.
#[derive(Default)]
struct Entries {
    is_ready: bool,
    /// What falls due in it.
    deadlines: [Option<(Timestamp, Deadline)>; 2],
    /// The attempt it waits for.
    attempt: Option<EventId>,
}
