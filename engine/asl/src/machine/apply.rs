//! Applies one recorded fact. No failure, no expression, no clock: replay calls only this.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::definition::{Next, StateKind, StateMap, StateName};
use crate::ids::{EventId, ScopeId};
use crate::payload::Payload;

use super::event::{Event, Fact};
use super::execution::{
    At, Deadline, Doing, Execution, Header, MapProgress, Outcome, PendingTask, Place, Scope, Visit,
};

impl Execution {
    /// The execution that its first event, `ExecutionStarted`, makes.
    pub(super) fn born(header: Arc<Header>, event: &Event, input: Payload) -> Self {
        let definition = header.definition.clone();
        let mut execution = Self {
            header,
            input: input.clone(),
            started_at: event.at,
            outcome: Outcome::Running,
            stopped_at: None,
            last_event: event.id,
            next_scope: ScopeId::ROOT,
            scopes: BTreeMap::new(),
            ready: Default::default(),
            deadlines: Default::default(),
            tasks: BTreeMap::new(),
            constant_context: OnceLock::new(),
            heard: FxHashMap::default(),
        };
        if let Some(seconds) = definition.timeout_seconds {
            execution.deadlines.insert((event.at.after(Duration::from_secs(seconds)), Deadline::Execution));
        }
        // The first state's event follows from none, as in the recordings.
        execution.open_scope(Place::Root, definition.states.clone(), EventId::NONE, input);
        execution
    }

    /// Rebuilds an execution from its history. `None` when the history does not begin with its start.
    pub fn replay(header: Arc<Header>, events: impl IntoIterator<Item = Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let first = events.next()?;
        let Fact::ExecutionStarted { input } = &first.fact else { return None };
        let mut execution = Self::born(header, &first, input.clone());
        for event in events {
            execution.apply(&event);
        }
        Some(execution)
    }

    /// Applies one event.
    pub fn apply(&mut self, event: &Event) {
        if event.id != EventId::NONE {
            self.last_event = event.id;
            if let Some(scope) = self.scopes.get_mut(&event.scope) {
                scope.last_event = event.id;
            }
        }
        let scope = event.scope;
        match &event.fact {
            // Only ever first, where `born` takes it.
            Fact::ExecutionStarted { .. } => {}
            Fact::ExecutionSucceeded { output } => self.close(event, Outcome::Succeeded(output.clone())),
            Fact::ExecutionFailed { failure } => self.close(event, Outcome::Failed(failure.clone())),
            Fact::ExecutionTimedOut { failure } => self.close(event, Outcome::TimedOut(failure.clone())),
            Fact::ExecutionAborted { failure } => self.close(event, Outcome::Aborted(failure.clone())),
            Fact::StateEntered { state, input, .. } => self.apply_entered(event, state, input),
            Fact::StateExited { output, next, .. } => self.apply_exited(scope, output, next),
            Fact::StateAborted { .. } => {}
            Fact::TaskScheduled(scheduled) => self.set_doing(
                scope,
                Doing::Task(Box::new(PendingTask {
                    attempt: event.id,
                    scheduled_at: event.at,
                    scheduled: scheduled.clone(),
                    started: false,
                    submitted: false,
                })),
            ),
            Fact::TaskStarted { .. } => self.change_task(scope, |task| task.started = true),
            Fact::TaskSubmitted { .. } => self.change_task(scope, |task| task.submitted = true),
            Fact::TaskSucceeded { .. } | Fact::TaskFailed { .. } | Fact::TaskTimedOut { .. } => {
                self.set_doing(scope, Doing::Beginning);
            }
            Fact::RetryScheduled { retrier, resume_at } => {
                self.apply_retry(scope, *retrier, Doing::BackingOff { until: *resume_at })
            }
            Fact::WaitScheduled { until } => self.set_doing(scope, Doing::Waiting { until: *until }),
            Fact::ParallelStateStarted { branches, input } => {
                self.apply_parallel_started(event, *branches, input)
            }
            Fact::ParallelStateSucceeded | Fact::MapStateSucceeded => self.set_doing(scope, Doing::Beginning),
            Fact::ParallelStateFailed | Fact::MapStateFailed => self.remove_children(scope),
            Fact::BranchSucceeded { output } => self.apply_branch_succeeded(scope, output),
            Fact::BranchFailed => self.follow_child(scope),
            Fact::MapStateStarted { items, length, max_concurrency } => self.set_doing(
                scope,
                Doing::Map(Box::new(MapProgress {
                    items: items.clone(),
                    length: *length,
                    max_concurrency: *max_concurrency,
                    next: 0,
                    running: 0,
                    outputs: BTreeMap::new(),
                    follows: event.id,
                })),
            ),
            Fact::MapIterationStarted { index, input, .. } => {
                self.apply_iteration_started(event, *index, input)
            }
            Fact::MapIterationSucceeded { index, output, .. } => {
                self.apply_iteration_succeeded(event, *index, output);
            }
            Fact::MapIterationFailed { .. } => self.set_parent_last(scope, event.previous),
            Fact::MapIterationAborted { .. } => {}
        }
    }

    fn close(&mut self, event: &Event, outcome: Outcome) {
        self.outcome = outcome;
        self.stopped_at = Some(event.at);
        self.scopes.clear();
        self.ready.clear();
        self.deadlines.clear();
        self.tasks.clear();
        self.heard.clear();
    }

    fn apply_entered(&mut self, event: &Event, state: &StateName, input: &Payload) {
        let Some(state) = self.scope(event.scope).and_then(|scope| scope.states.state(state)).cloned() else {
            return;
        };
        self.place(
            event.scope,
            At::In(Box::new(Visit {
                state,
                entered: event.id,
                entered_at: event.at,
                input: input.clone(),
                retries: Vec::new(),
                doing: Doing::Beginning,
            })),
        );
    }

    fn apply_exited(&mut self, scope: ScopeId, output: &Payload, next: &Next) {
        self.remove_children(scope);
        let at = match next {
            Next::State(state) => At::Entering { state: state.clone(), input: output.clone() },
            Next::End => At::End,
        };
        self.place(scope, at);
    }

    fn apply_retry(&mut self, scope: ScopeId, retrier: u32, doing: Doing) {
        self.remove_children(scope);
        self.change(scope, |scope| {
            if let At::In(visit) = &mut scope.at {
                visit.retries.resize(visit.state.retry().len(), 0);
                if let Some(count) = visit.retries.get_mut(retrier as usize) {
                    *count += 1;
                }
                visit.doing = doing;
            }
        });
    }

    fn apply_parallel_started(&mut self, event: &Event, branches: u32, input: &Payload) {
        let Some(maps) = self.parallel(event.scope).map(|parallel| parallel.branches.clone()) else { return };
        self.set_doing(event.scope, Doing::Parallel { outputs: vec![None; branches as usize] });
        for (index, states) in (0..branches).zip(maps) {
            self.open_scope(Place::Branch { parent: event.scope, index }, states, event.id, input.clone());
        }
    }

    fn apply_branch_succeeded(&mut self, branch: ScopeId, output: &Payload) {
        let Some(Place::Branch { parent, index }) = self.scope(branch).map(|scope| scope.place) else {
            return;
        };
        self.follow_child(branch);
        self.remove(branch);
        self.change(parent, |scope| {
            if let At::In(visit) = &mut scope.at
                && let Doing::Parallel { outputs } = &mut visit.doing
                && let Some(slot) = outputs.get_mut(index as usize)
            {
                *slot = Some(output.clone());
            }
        });
    }

    fn apply_iteration_started(&mut self, event: &Event, index: u64, input: &Payload) {
        let Some(visit) = self.visit(event.scope) else { return };
        let StateKind::Map(map) = &visit.state.kind else { return };
        let states = map.processor.clone();
        self.change_map(event.scope, |progress| {
            progress.next = index + 1;
            progress.running += 1;
        });
        self.open_scope(Place::Iteration { parent: event.scope, index }, states, event.id, input.clone());
    }

    /// The event stands in the iteration's own scope, as the last of it.
    fn apply_iteration_succeeded(&mut self, event: &Event, index: u64, output: &Payload) {
        let Some(parent) = self.scope(event.scope).and_then(|scope| scope.place.parent()) else { return };
        self.remove(event.scope);
        self.change_map(parent, |progress| {
            progress.running = progress.running.saturating_sub(1);
            progress.outputs.insert(index, output.clone());
            progress.follows = event.previous;
        });
        if let Some(parent) = self.scopes.get_mut(&parent) {
            parent.last_event = event.id;
        }
    }

    /// What the parent does next follows from the last event inside this child.
    fn follow_child(&mut self, child: ScopeId) {
        if let Some(last) = self.scope(child).map(|scope| scope.last_event) {
            self.set_parent_last(child, last);
        }
    }

    fn set_parent_last(&mut self, child: ScopeId, last: EventId) {
        let parent = self.scope(child).and_then(|scope| scope.place.parent());
        if let Some(parent) = parent.and_then(|parent| self.scopes.get_mut(&parent)) {
            parent.last_event = last;
        }
    }

    fn open_scope(&mut self, place: Place, states: Arc<StateMap>, follows: EventId, input: Payload) {
        let id = self.next_scope;
        self.next_scope = ScopeId(id.0 + 1);
        let at = At::Entering { state: states.start_at.clone(), input };
        if let Some(parent) = place.parent().and_then(|parent| self.scopes.get_mut(&parent)) {
            parent.children.insert(id);
        }
        let children = BTreeSet::new();
        self.scopes.insert(id, Scope { place, states, children, last_event: follows, at: At::End });
        self.place(id, at);
    }

    fn set_doing(&mut self, scope: ScopeId, doing: Doing) {
        self.change(scope, |scope| {
            if let At::In(visit) = &mut scope.at {
                visit.doing = doing;
            }
        });
    }

    fn change_task(&mut self, scope: ScopeId, change: impl FnOnce(&mut PendingTask)) {
        self.change(scope, |scope| {
            if let At::In(visit) = &mut scope.at
                && let Doing::Task(task) = &mut visit.doing
            {
                change(task);
            }
        });
    }

    fn change_map(&mut self, scope: ScopeId, change: impl FnOnce(&mut MapProgress)) {
        self.change(scope, |scope| {
            if let At::In(visit) = &mut scope.at
                && let Doing::Map(progress) = &mut visit.doing
            {
                change(progress);
            }
        });
    }
}
