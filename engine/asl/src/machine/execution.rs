//! One execution: where each of its scopes stands, and what it waits for.
//!
//! Invariant: an execution is exactly what its events made of it. Only [`apply`](Execution::apply) changes
//! it, apart from the heartbeats heard, which are not history. The indexes (`ready`, `deadlines`, `tasks`) follow from the
//! scopes and are kept by [`Execution::place`] alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::definition::{Definition, Parallel, State, StateKind, StateMap, StateName};
use crate::failure::Failure;
use crate::ids::{EventId, ExecutionId, ScopeId};
use crate::payload::Payload;
use crate::time::Timestamp;

use super::event::ScheduledTask;

/// What an execution is started with and keeps to its end. Not history: it comes from the list of executions
/// and the pinned revision of the definition.
#[derive(Debug, PartialEq)]
pub struct Header {
    /// The engine's id of it.
    pub id: ExecutionId,
    /// Its ARN.
    pub arn: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The ARN of its state machine.
    pub machine_arn: Arc<str>,
    /// The name of its state machine.
    pub machine_name: Arc<str>,
    /// The role histories and the context object show. Stepwell checks no roles.
    pub role_arn: Arc<str>,
    /// The region that histories of integrations show.
    pub region: Arc<str>,
    /// The revision it runs on, to its end.
    pub definition: Arc<Definition>,
    /// What it may not exceed.
    pub limits: Limits,
}

/// Bounds of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest input, output or result, in bytes of its text. The service's: 256 KiB.
    pub payload_bytes_max: usize,
    /// Most events in a history. The service's: 25,000. It is what ends a loop that never waits.
    pub history_events_max: u64,
    /// How many states one transition may run through before other executions get their turn.
    pub steps_per_transition: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload_bytes_max: 262_144, history_events_max: 25_000, steps_per_transition: 500 }
    }
}

/// Whether an execution runs, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Status {
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Aborted,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        })
    }
}

/// How an execution stands, with what it ended with.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It runs.
    Running,
    /// It succeeded, with this output.
    Succeeded(Payload),
    /// It failed.
    Failed(Failure),
    /// It ran out of time.
    TimedOut(Failure),
    /// It was stopped.
    Aborted(Failure),
}

impl Outcome {
    /// The status alone.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Running => Status::Running,
            Self::Succeeded(_) => Status::Succeeded,
            Self::Failed(_) => Status::Failed,
            Self::TimedOut(_) => Status::TimedOut,
            Self::Aborted(_) => Status::Aborted,
        }
    }
}

/// A running or ended execution.
#[derive(Debug, Clone)]
pub struct Execution {
    pub(super) header: Arc<Header>,
    pub(super) input: Payload,
    pub(super) started_at: Timestamp,
    pub(super) outcome: Outcome,
    /// When it ended.
    pub(super) stopped_at: Option<Timestamp>,
    /// The newest event shown.
    pub(super) last_event: EventId,
    pub(super) next_scope: ScopeId,
    pub(super) scopes: BTreeMap<ScopeId, Scope>,
    /// Scopes with something to do that waits for nobody.
    pub(super) ready: BTreeSet<ScopeId>,
    pub(super) deadlines: BTreeSet<(Timestamp, Deadline)>,
    /// The scope of every attempt that waits for an answer.
    pub(super) tasks: BTreeMap<EventId, ScopeId>,
    /// Made of what stands above, on first use.
    pub(super) constant_context: OnceLock<Value>,
    /// When a task was last heard of. Not durable: a restart gives every task a full interval again.
    pub(super) heard: FxHashMap<EventId, Timestamp>,
}

/// Two executions are equal when their events made the same of both.
impl PartialEq for Execution {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input
            && self.started_at == other.started_at
            && self.outcome == other.outcome
            && self.stopped_at == other.stopped_at
            && self.last_event == other.last_event
            && self.next_scope == other.next_scope
            && self.scopes == other.scopes
            && self.ready == other.ready
            && self.tasks == other.tasks
    }
}

/// One running `States` map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scope {
    /// Where it hangs.
    pub(super) place: Place,
    /// The states it runs through.
    pub(super) states: Arc<StateMap>,
    /// The scopes that hang in it: branches or iterations of the state it is in.
    pub(super) children: BTreeSet<ScopeId>,
    /// Its newest event: what the next one follows from.
    pub(super) last_event: EventId,
    pub(super) at: At,
}

/// Where a scope hangs in its execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the machine itself.
    Root,
    /// A branch of the Parallel that the parent is in.
    Branch { parent: ScopeId, index: u32 },
    /// An iteration of the Map that the parent is in.
    Iteration { parent: ScopeId, index: u64 },
}

impl Place {
    /// The scope it hangs in.
    pub(super) fn parent(self) -> Option<ScopeId> {
        match self {
            Self::Root => None,
            Self::Branch { parent, .. } | Self::Iteration { parent, .. } => Some(parent),
        }
    }

    /// Which iteration it is.
    pub(super) fn index(self) -> Option<u64> {
        match self {
            Self::Iteration { index, .. } => Some(index),
            Self::Root | Self::Branch { .. } => None,
        }
    }
}

/// Where a scope stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum At {
    /// Between two states.
    Entering { state: StateName, input: Payload },
    /// In a state.
    In(Box<Visit>),
    /// Past its last state; only the machine's own scope stays here, until the execution is closed.
    End,
}

/// One stay in a state.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Visit {
    pub(super) state: Arc<State>,
    pub(super) entered: EventId,
    pub(super) entered_at: Timestamp,
    /// The state's raw input.
    pub(super) input: Payload,
    /// How often each retrier was used, in the order of `Retry`; empty before the first retry.
    pub(super) retries: Vec<u64>,
    pub(super) doing: Doing,
}

impl Visit {
    /// Retries so far, over all retriers: `$$.State.RetryCount`.
    pub(super) fn retry_count(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// Retries so far of one retrier.
    pub(super) fn retries_of(&self, retrier: usize) -> u64 {
        self.retries.get(retrier).copied().unwrap_or_default()
    }
}

/// What a state that was entered is doing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doing {
    /// Its work is to begin now; or it has just ended, and what comes of that is decided in the same
    /// transition.
    Beginning,
    /// Its work is to begin again at a time: a retry.
    BackingOff { until: Timestamp },
    /// A Wait sleeps.
    Waiting { until: Timestamp },
    /// A task waits for its answer.
    Task(Box<PendingTask>),
    /// Branches run; finished ones have their output.
    Parallel { outputs: Vec<Option<Payload>> },
    /// Iterations run.
    Map(Box<MapProgress>),
}

/// A task that waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PendingTask {
    /// The event that scheduled it.
    pub(super) attempt: EventId,
    pub(super) scheduled_at: Timestamp,
    pub(super) scheduled: ScheduledTask,
    /// Whether its start is noted. Only activities wait for that; every other task counts as started at once.
    pub(super) started: bool,
    /// Whether the call was answered and only the token is awaited.
    pub(super) submitted: bool,
}

/// A Map in the middle of its items.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MapProgress {
    pub(super) items: Payload,
    pub(super) length: u64,
    /// 0 for no limit.
    pub(super) max_concurrency: u64,
    /// The next item to start.
    pub(super) next: u64,
    pub(super) running: u64,
    pub(super) outputs: BTreeMap<u64, Payload>,
    /// What the next `MapIterationStarted` follows from.
    pub(super) follows: EventId,
}

impl MapProgress {
    /// Whether another iteration may start now.
    pub(super) fn has_room(&self) -> bool {
        self.next < self.length && (self.max_concurrency == 0 || self.running < self.max_concurrency)
    }
}

/// Something that falls due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deadline {
    /// The machine's `TimeoutSeconds`.
    Execution,
    /// A task's `TimeoutSeconds`.
    Task(ScopeId),
    /// A task's `HeartbeatSeconds`.
    Heartbeat(ScopeId),
    /// A Wait, or the wait before a retry.
    Resume(ScopeId),
}

impl Execution {
    /// What it was started with.
    #[must_use]
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Its input.
    #[must_use]
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// When it started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it ended.
    #[must_use]
    pub fn stopped_at(&self) -> Option<Timestamp> {
        self.stopped_at
    }

    /// How it stands.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// The number of its newest event.
    #[must_use]
    pub fn last_event(&self) -> EventId {
        self.last_event
    }

    /// When it wants [`Command::Wake`](super::Command::Wake) next, and what for; `None` when it waits for
    /// somebody and not for a time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, Deadline)> {
        self.deadlines.first().copied()
    }

    /// How many tasks wait for an answer.
    #[must_use]
    pub fn pending_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Whether it could go on at once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether it waits for the answer to a task.
    #[must_use]
    pub fn waits_for_answer(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// How many scopes it has open: itself, its branches and its iterations.
    #[must_use]
    pub fn scopes(&self) -> usize {
        self.scopes.len()
    }

    pub(super) fn scope(&self, id: ScopeId) -> Option<&Scope> {
        self.scopes.get(&id)
    }

    pub(super) fn visit(&self, id: ScopeId) -> Option<&Visit> {
        match &self.scope(id)?.at {
            At::In(visit) => Some(visit),
            At::Entering { .. } | At::End => None,
        }
    }

    /// The attempt a scope waits for.
    pub(super) fn pending_task(&self, id: ScopeId) -> Option<&PendingTask> {
        match &self.visit(id)?.doing {
            Doing::Task(task) => Some(task),
            Doing::Beginning
            | Doing::BackingOff { .. }
            | Doing::Waiting { .. }
            | Doing::Parallel { .. }
            | Doing::Map(_) => None,
        }
    }

    /// The scopes that hang in this one, directly.
    pub(super) fn children(&self, id: ScopeId) -> Vec<ScopeId> {
        self.scope(id).map(|scope| scope.children.iter().copied().collect()).unwrap_or_default()
    }

    /// The Parallel a scope is in, if it is in one.
    pub(super) fn parallel(&self, id: ScopeId) -> Option<&Parallel> {
        match &self.visit(id)?.state.kind {
            StateKind::Parallel(parallel) => Some(parallel),
            StateKind::Task(_)
            | StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_)
            | StateKind::Map(_) => None,
        }
    }

    /// The Map progress of a scope that is in a Map.
    pub(super) fn map_progress(&self, id: ScopeId) -> Option<&MapProgress> {
        match &self.visit(id)?.doing {
            Doing::Map(progress) => Some(progress),
            Doing::Beginning
            | Doing::BackingOff { .. }
            | Doing::Waiting { .. }
            | Doing::Task(_)
            | Doing::Parallel { .. } => None,
        }
    }
}
