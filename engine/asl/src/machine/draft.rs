//! A transition in the making. [`Draft::emit`] records an event *and* applies it, so no decision sees stale
//! state and nothing changes without an event.

use std::cell::{OnceCell, RefCell};

use crate::entropy::Entropy;
use crate::eval::{Env, EvalError, Variables};
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId, TaskToken};
use crate::payload::Payload;
use crate::time::Timestamp;
use serde_json::Value;

use super::context;
use super::effect::{Effect, TaskOrder};
use super::event::{Event, Fact};
use super::execution::Execution;

/// How much of a document is as much work as one step.
const BYTES_PER_STEP: usize = 4_096;

/// One command's decisions so far.
pub(super) struct Draft<'a> {
    pub(super) execution: &'a mut Execution,
    pub(super) now: Timestamp,
    entropy: RefCell<&'a mut Entropy>,
    events: Vec<Event>,
    effects: Vec<Effect>,
    steps_left: u32,
}

impl<'a> Draft<'a> {
    pub(super) fn new(execution: &'a mut Execution, now: Timestamp, entropy: &'a mut Entropy) -> Self {
        let steps_left = execution.header().limits.steps_per_transition;
        Self {
            execution,
            now,
            entropy: RefCell::new(entropy),
            events: Vec::new(),
            effects: Vec::new(),
            steps_left,
        }
    }

    /// Records a fact that follows from the scope's newest event.
    pub(super) fn emit(&mut self, scope: ScopeId, fact: Fact) -> EventId {
        let previous = self.execution.scope(scope).map_or(EventId::NONE, |scope| scope.last_event);
        self.emit_after(scope, previous, fact)
    }

    /// Records a fact that follows from another event than the scope's newest.
    pub(super) fn emit_after(&mut self, scope: ScopeId, previous: EventId, fact: Fact) -> EventId {
        let id = if fact.is_shown() { EventId(self.execution.last_event().0 + 1) } else { EventId::NONE };
        // Large documents take longer to make, so they count as several steps.
        let weight = fact.payload().map_or(0, Payload::bytes_len) / BYTES_PER_STEP;
        self.steps_left = self.steps_left.saturating_sub(u32::try_from(weight).unwrap_or(u32::MAX));
        let event = Event { id, previous, at: self.now, scope, fact };
        self.execution.apply(&event);
        self.events.push(event);
        id
    }

    /// Owes something to the world.
    pub(super) fn owe(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Owes a worker the task that a scope waits for.
    pub(super) fn owe_dispatch(&mut self, scope: ScopeId) {
        if let Some(order) = task_order(self.execution, scope) {
            self.owe(Effect::DispatchTask(order));
        }
    }

    /// Takes back every task that hangs in a scope, itself included.
    pub(super) fn cancel_tasks(&mut self, scope: ScopeId) {
        if let Some(task) = self.execution.pending_task(scope) {
            let attempt = task.attempt;
            self.owe(Effect::CancelTask(attempt));
        }
        for child in self.execution.children(scope) {
            self.cancel_tasks(child);
        }
    }

    /// Counts one step; false when the transition has taken all it may.
    pub(super) fn take_step(&mut self) -> bool {
        let may = self.steps_left > 0;
        self.steps_left = self.steps_left.saturating_sub(1);
        may
    }

    /// Draws from the transition's entropy.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        draw(&mut self.entropy.borrow_mut())
    }

    /// Evaluates something in a scope, with `input` as its `$`.
    pub(super) fn evaluate<T>(
        &self,
        scope: ScopeId,
        input: &Value,
        evaluate: impl FnOnce(&Env<'_>) -> Result<T, EvalError>,
    ) -> Result<T, Failure> {
        self.evaluate_with(scope, input, None, evaluate)
    }

    /// The same, with something more in the context object.
    pub(super) fn evaluate_with<T>(
        &self,
        scope: ScopeId,
        input: &Value,
        extra: Option<context::Extra<'_>>,
        evaluate: impl FnOnce(&Env<'_>) -> Result<T, EvalError>,
    ) -> Result<T, Failure> {
        let (here, whole) = (OnceCell::new(), OnceCell::new());
        let context = |member: Option<&str>| match member {
            Some(member) if context::is_constant(member) => self.execution.constant_context(),
            Some(_) => {
                here.get_or_init(|| Value::Object(context::here(self.execution, scope, extra.as_ref())))
            }
            None => whole.get_or_init(|| context::whole(self.execution, scope, extra.as_ref())),
        };
        let variables = Variables::new();
        let entropy =
            RefCell::new(self.draw(|entropy| Entropy::from_seed([entropy.next_u64(), entropy.next_u64()])));
        let env = Env { input, context: &context, variables: &variables, entropy: &entropy };
        evaluate(&env).map_err(|error| self.fault(scope, error))
    }

    /// A fault of the definition met in a state, worded as the service words it.
    pub(super) fn fault(&self, scope: ScopeId, error: EvalError) -> Failure {
        let Some(visit) = self.execution.visit(scope) else { return error.into() };
        let cause = format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {}",
            visit.state.name, visit.entered, error.cause
        );
        Failure::new(error.error, cause)
    }

    /// What was decided.
    pub(super) fn finish(mut self) -> (Vec<Event>, Vec<Effect>) {
        if self.execution.is_ready() {
            self.owe(Effect::WakeNow);
        }
        (self.events, self.effects)
    }
}

/// The order for the task that a scope waits for; `None` when it waits for none, or only for its token.
pub(super) fn task_order(execution: &Execution, scope: ScopeId) -> Option<TaskOrder> {
    let visit = execution.visit(scope)?;
    let task = execution.pending_task(scope)?;
    if task.submitted {
        return None;
    }
    let resource = super::states::task::resource_of(visit)?;
    Some(TaskOrder {
        token: TaskToken {
            execution: execution.header().id,
            attempt: task.attempt,
            nonce: task.scheduled.nonce,
        },
        queue: task.scheduled.queue.clone(),
        input: super::states::task::worker_input(resource, &task.scheduled.parameters),
        state: visit.state.name.clone(),
        entered: visit.entered,
        attempt_number: visit.retry_count() + 1,
        deadline_at: task.deadline_at(),
        heartbeat: task.heartbeat(),
        reports_start: super::states::task::reports_start(resource),
    })
}
