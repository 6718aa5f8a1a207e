//! The interpreter: commands in, events and effects out.
//!
//! ```text
//! Command ──► handle(execution, command, now, entropy) ──► Transition { events, effects } | Rejection
//! ```
//!
//! The caller commits the events, and only then acts on the effects. On a rejection nothing has changed. When
//! the events can't be committed, the execution in memory is ahead of the truth: drop it and
//! [replay](Execution::replay) the history.
//!
//! Invariants: nothing changes but by an event; replay evaluates nothing; an attempt is answered once. Absent:
//! clocks, randomness, tasks as rows, timers as anything but times. `states/` has one file per kind of state;
//! `flow.rs` is what happens between states; `apply.rs` is the only place that changes an execution.

mod apply;
mod command;
mod context;
mod data_flow;
mod deadlines;
mod draft;
mod effect;
mod event;
mod execution;
mod flow;
mod states;
mod tasks;

use std::sync::Arc;

use crate::entropy::Entropy;
use crate::error_name;
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId};
use crate::payload::Payload;
use crate::time::Timestamp;

pub use command::{AnsweredBy, Attempt, Command, Rejection};
pub use effect::{Effect, TaskOrder};
pub use event::{Event, Fact, ScheduledTask};
pub use execution::{Deadline, Execution, Header, Limits, Outcome, Status};

use draft::Draft;

/// What one command decided.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transition {
    /// To be committed. Empty when there is nothing to remember.
    pub events: Vec<Event>,
    /// Owed to the world after the commit.
    pub effects: Vec<Effect>,
}

/// Starts an execution and runs it until it waits.
#[must_use]
pub fn start(
    header: Arc<Header>,
    input: Payload,
    now: Timestamp,
    entropy: &mut Entropy,
) -> (Execution, Transition) {
    let event = Event {
        id: EventId(1),
        previous: EventId::NONE,
        at: now,
        scope: ScopeId::ROOT,
        fact: Fact::ExecutionStarted { input: input.clone() },
    };
    let mut execution = Execution::born(header, &event, input);
    let mut draft = Draft::new(&mut execution, now, entropy);
    flow::run(&mut draft);
    let (mut events, effects) = draft.finish();
    events.insert(0, event);
    (execution, Transition { events, effects })
}

/// Decides one command.
///
/// # Errors
/// A [`Rejection`] when the command does not fit the execution, which is then unchanged.
pub fn handle(
    execution: &mut Execution,
    command: Command,
    now: Timestamp,
    entropy: &mut Entropy,
) -> Result<Transition, Rejection> {
    if execution.outcome().status() != Status::Running {
        return match command {
            Command::Wake => Ok(Transition::default()),
            Command::StartTask { .. }
            | Command::AnswerTask { .. }
            | Command::LoseTask { .. }
            | Command::RecordHeartbeat { .. }
            | Command::Stop { .. } => Err(Rejection::ExecutionClosed(execution.outcome().status())),
        };
    }
    let mut draft = Draft::new(execution, now, entropy);
    // Signs of life move nothing on.
    let moves = !matches!(command, Command::StartTask { .. } | Command::RecordHeartbeat { .. });
    match command {
        Command::StartTask { attempt, worker } => tasks::start(&mut draft, attempt, worker)?,
        Command::AnswerTask { attempt, by, answer } => tasks::answer(&mut draft, attempt, by, answer)?,
        Command::LoseTask { attempt, deliveries } => {
            let cause =
                format!("the task was handed to {deliveries} workers, and each was lost while it had it");
            let failure = Failure::new(error_name::WORKER_LOST, cause);
            tasks::answer(&mut draft, attempt, AnsweredBy::Worker, Err(failure))?;
        }
        Command::RecordHeartbeat { attempt } => tasks::hear(&mut draft, attempt)?,
        Command::Wake => flow::fire(&mut draft),
        Command::Stop { failure } => flow::stop(&mut draft, failure),
    }
    if moves {
        flow::run(&mut draft);
    }
    let (events, effects) = draft.finish();
    Ok(Transition { events, effects })
}

impl Execution {
    /// What a restart owes the world for this execution: every task that waits for an answer is handed out
    /// again, and what is ready goes on. Silence is counted anew, from when a worker takes the task again, or
    /// from `now` for one that waits for its token only: nobody could be heard while the engine was away.
    pub fn owed(&mut self, now: Timestamp) -> Vec<Effect> {
        let waiting: Vec<_> = self.tasks.iter().map(|(attempt, scope)| (*attempt, *scope)).collect();
        let mut effects = Vec::new();
        for (attempt, scope) in waiting {
            match draft::task_order(self, scope) {
                Some(order) => effects.push(Effect::DispatchTask(order)),
                None => self.hear(attempt, now),
            }
        }
        if self.is_ready() {
            effects.push(Effect::WakeNow);
        }
        effects
    }
}
