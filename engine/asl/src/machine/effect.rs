//! What is owed to the world once a transition is durable.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::{EventId, TaskToken};
use crate::payload::Payload;
use crate::time::Timestamp;

/// Something to do, after the commit and never before it. All of them can be derived again from the execution
/// ([`Execution::owed`](super::Execution::owed)), so losing them costs time and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Hand a task to a worker.
    DispatchTask(TaskOrder),
    /// Nobody waits for this attempt any more.
    CancelTask(EventId),
    /// There is more to do at once: send [`Command::Wake`](super::Command::Wake). Keeps one long run of
    /// states from holding up every other execution.
    WakeNow,
}

/// A task for a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOrder {
    /// Names the attempt.
    pub token: TaskToken,
    /// Where workers look for it.
    pub queue: Arc<str>,
    /// What the worker gets.
    pub input: Payload,
    /// The state it stands in.
    pub state: Arc<str>,
    /// The event by which that state was entered: with the execution's id, the idempotency key.
    pub entered: EventId,
    /// 1 for the first attempt.
    pub attempt_number: u64,
    /// When it times out.
    pub deadline_at: Option<Timestamp>,
    /// The longest silence allowed.
    pub heartbeat: Option<Duration>,
    /// Whether the history wants to know who took it.
    pub reports_start: bool,
}

impl TaskOrder {
    /// Whether the execution wants to be told, by [`Command::StartTask`](super::Command::StartTask), that a
    /// worker took the task.
    #[must_use]
    pub fn wants_start(&self) -> bool {
        self.reports_start || self.heartbeat.is_some()
    }

    /// Stable over every delivery and attempt of the task: 32 digits of the execution, a dash, the number of
    /// the event by which its state was entered.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("{}-{}", self.token.execution, self.entered)
    }
}
