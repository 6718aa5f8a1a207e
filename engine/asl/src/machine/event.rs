//! What happened to an execution. Events carry results, not recipes: evaluated parameters, chosen delays,
//! drawn jitter. So replaying them evaluates nothing, and a better interpreter never changes the past.

use std::sync::Arc;

use crate::definition::{Next, StateName, StateType};
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId};
use crate::payload::Payload;
use crate::time::Timestamp;

/// One fact of an execution's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number; [`EventId::NONE`] for facts that histories do not show.
    pub id: EventId,
    /// The event that caused it.
    pub previous: EventId,
    /// When.
    pub at: Timestamp,
    /// The scope it happened in.
    pub scope: ScopeId,
    /// What.
    pub fact: Fact,
}

/// Past tense, each named as the service names it where the service has it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields repeat the names of the service's event details")]
pub enum Fact {
    ExecutionStarted {
        input: Payload,
    },
    ExecutionSucceeded {
        output: Payload,
    },
    ExecutionFailed {
        failure: Failure,
    },
    ExecutionTimedOut {
        failure: Failure,
    },
    ExecutionAborted {
        failure: Failure,
    },

    StateEntered {
        state: StateName,
        kind: StateType,
        input: Payload,
    },
    /// `next` says where the scope goes on; histories do not show it.
    StateExited {
        state: StateName,
        kind: StateType,
        output: Payload,
        next: Next,
    },
    /// The state's scope was given up while it ran.
    StateAborted {
        kind: StateType,
    },

    TaskScheduled(ScheduledTask),
    TaskStarted {
        resource: Arc<str>,
        worker: Option<Arc<str>>,
    },
    /// The call was made; the task now waits for its token.
    TaskSubmitted {
        resource: Arc<str>,
        output: Payload,
    },
    TaskSucceeded {
        resource: Arc<str>,
        output: Payload,
    },
    TaskFailed {
        resource: Arc<str>,
        failure: Failure,
    },
    TaskTimedOut {
        resource: Arc<str>,
        failure: Failure,
    },
    /// Not shown: a retrier was chosen and its wait drawn.
    RetryScheduled {
        retrier: u32,
        resume_at: Timestamp,
    },

    /// Not shown: the wake-up time, computed once.
    WaitScheduled {
        until: Timestamp,
    },

    ParallelStateStarted {
        branches: u32,
        input: Payload,
    },
    ParallelStateSucceeded,
    ParallelStateFailed,
    /// Not shown: the branch of this scope reached its end.
    BranchSucceeded {
        output: Payload,
    },
    /// Not shown: the branch of this scope failed, and with it the state that holds it.
    BranchFailed,

    MapStateStarted {
        items: Payload,
        length: u64,
        max_concurrency: u64,
    },
    MapStateSucceeded,
    MapStateFailed,
    MapIterationStarted {
        name: StateName,
        index: u64,
        input: Payload,
    },
    MapIterationSucceeded {
        name: StateName,
        index: u64,
        output: Payload,
    },
    MapIterationFailed {
        name: StateName,
        index: u64,
    },
    MapIterationAborted {
        name: StateName,
        index: u64,
    },
}

/// One attempt at a task, as it was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledTask {
    /// `Resource`, as the definition has it.
    pub resource: Arc<str>,
    /// The queue it goes to.
    pub queue: Arc<str>,
    /// The effective input or parameters, evaluated.
    pub parameters: Payload,
    /// Resolved `TimeoutSeconds`.
    pub timeout_seconds: Option<u64>,
    /// Resolved `HeartbeatSeconds`.
    pub heartbeat_seconds: Option<u64>,
    /// The nonce of its token.
    pub nonce: u64,
}

impl Fact {
    /// The document it carries; none of the facts carries two.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::ExecutionStarted { input }
            | Self::StateEntered { input, .. }
            | Self::ParallelStateStarted { input, .. }
            | Self::MapIterationStarted { input, .. } => Some(input),
            Self::ExecutionSucceeded { output }
            | Self::StateExited { output, .. }
            | Self::TaskSubmitted { output, .. }
            | Self::TaskSucceeded { output, .. }
            | Self::BranchSucceeded { output }
            | Self::MapIterationSucceeded { output, .. } => Some(output),
            Self::TaskScheduled(task) => Some(&task.parameters),
            Self::MapStateStarted { items, .. } => Some(items),
            Self::ExecutionFailed { .. }
            | Self::ExecutionTimedOut { .. }
            | Self::ExecutionAborted { .. }
            | Self::StateAborted { .. }
            | Self::TaskStarted { .. }
            | Self::TaskFailed { .. }
            | Self::TaskTimedOut { .. }
            | Self::RetryScheduled { .. }
            | Self::WaitScheduled { .. }
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed
            | Self::BranchFailed
            | Self::MapStateSucceeded
            | Self::MapStateFailed
            | Self::MapIterationFailed { .. }
            | Self::MapIterationAborted { .. } => None,
        }
    }

    /// Whether histories show it, and so whether it has a number.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        match self {
            Self::RetryScheduled { .. }
            | Self::WaitScheduled { .. }
            | Self::BranchSucceeded { .. }
            | Self::BranchFailed => false,
            Self::ExecutionStarted { .. }
            | Self::ExecutionSucceeded { .. }
            | Self::ExecutionFailed { .. }
            | Self::ExecutionTimedOut { .. }
            | Self::ExecutionAborted { .. }
            | Self::StateEntered { .. }
            | Self::StateExited { .. }
            | Self::StateAborted { .. }
            | Self::TaskScheduled(_)
            | Self::TaskStarted { .. }
            | Self::TaskSubmitted { .. }
            | Self::TaskSucceeded { .. }
            | Self::TaskFailed { .. }
            | Self::TaskTimedOut { .. }
            | Self::ParallelStateStarted { .. }
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed
            | Self::MapStateStarted { .. }
            | Self::MapStateSucceeded
            | Self::MapStateFailed
            | Self::MapIterationStarted { .. }
            | Self::MapIterationSucceeded { .. }
            | Self::MapIterationFailed { .. }
            | Self::MapIterationAborted { .. } => true,
        }
    }
}
