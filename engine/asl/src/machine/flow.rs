//! What happens between states: entering and leaving them, failing, retrying, catching, ending a scope, and
//! firing what is due. The states themselves are in `states/`.

use crate::definition::{Next, ResultPath, StateKind, StateName, StateType};
use crate::error_name;
use crate::eval::EvalError;
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId};
use crate::payload::Payload;
use serde_json::{Value, json};

use super::draft::Draft;
use super::event::Fact;
use super::execution::{At, Deadline, Doing, Place, Status};
use super::states;

/// Events a single step may add at most, apart from those of aborted scopes: the end of the innermost of some
/// twenty nested states adds three for each around it. Kept free below the limit, so that an execution that
/// reaches it can still be closed.
const EVENTS_PER_STEP: u64 = 64;

/// Goes on with whatever is ready, until all wait or the transition has taken all its steps.
pub(super) fn run(draft: &mut Draft<'_>) {
    while is_running(draft) {
        if is_history_full(draft) {
            let max = draft.execution.header().limits.history_events_max;
            let cause = format!("The execution reached the maximum number of history events ({max}).");
            return fail_execution(draft, &Failure::runtime(cause));
        }
        let Some(scope) = draft.execution.ready.first().copied() else { return };
        if !draft.take_step() {
            return;
        }
        step(draft, scope);
    }
}

fn is_running(draft: &Draft<'_>) -> bool {
    draft.execution.outcome().status() == Status::Running
}

/// Whether the history has no room for another step.
fn is_history_full(draft: &Draft<'_>) -> bool {
    draft.execution.last_event().0 + EVENTS_PER_STEP > draft.execution.header().limits.history_events_max
}

/// One step of one scope: enter the next state, begin its work, or start another iteration.
fn step(draft: &mut Draft<'_>, scope: ScopeId) {
    match draft.execution.scope(scope).map(|scope| &scope.at) {
        Some(At::Entering { state, input }) => {
            let (state, input) = (state.clone(), input.clone());
            enter(draft, scope, state, input);
        }
        Some(At::In(visit)) => match &visit.doing {
            Doing::Beginning => begin(draft, scope),
            Doing::Map(_) => {
                if let Err(failure) = states::map::start_iteration(draft, scope) {
                    fail(draft, scope, failure);
                }
            }
            // These wait for somebody, and so are never ready.
            Doing::BackingOff { .. } | Doing::Waiting { .. } | Doing::Task(_) | Doing::Parallel { .. } => {}
        },
        Some(At::End) | None => {}
    }
}

fn enter(draft: &mut Draft<'_>, scope: ScopeId, state: StateName, input: Payload) {
    let kind = draft
        .execution
        .scope(scope)
        .and_then(|scope| scope.states.state(&state))
        .map(|state| state.state_type());
    let Some(kind) = kind else { return };
    draft.emit(scope, Fact::StateEntered { state, kind, input });
    begin(draft, scope);
}

/// Begins the work of the state a scope is in, for the first time or again.
fn begin(draft: &mut Draft<'_>, scope: ScopeId) {
    let Some(state) = draft.execution.visit(scope).map(|visit| visit.state.clone()) else { return };
    let begun = match &state.kind {
        StateKind::Task(task) => states::task::begin(draft, scope, task),
        StateKind::Pass(pass) => states::pass::run(draft, scope, pass),
        StateKind::Choice(choice) => states::choice::run(draft, scope, choice),
        StateKind::Wait(wait) => states::wait::begin(draft, scope, wait),
        StateKind::Succeed => states::succeed::run(draft, scope),
        StateKind::Fail(fail) => states::fail::run(draft, scope, fail),
        StateKind::Parallel(parallel) => states::parallel::begin(draft, scope, parallel),
        StateKind::Map(map) => states::map::begin(draft, scope, map),
    };
    if let Err(failure) = begun {
        fail(draft, scope, failure);
    }
}

/// Leaves a state with its result: ResultSelector, ResultPath, OutputPath, then on to the next.
pub(super) fn complete(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    result: Payload,
    next: &Next,
) -> Result<(), Failure> {
    complete_after(draft, scope, None, result, next)
}

/// The same, when the exit follows from another event than the scope's newest.
pub(super) fn complete_after(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    previous: Option<EventId>,
    result: Payload,
    next: &Next,
) -> Result<(), Failure> {
    let output = draft.output(scope, result)?;
    leave(draft, scope, previous, output, next)
}

/// Leaves a state with its finished output.
pub(super) fn leave(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    previous: Option<EventId>,
    output: Payload,
    next: &Next,
) -> Result<(), Failure> {
    let Some(state) = draft.execution.visit(scope).map(|visit| visit.state.clone()) else { return Ok(()) };
    let output = draft.within_limits(&state.name, output)?;
    let exited = Fact::StateExited {
        state: state.name.clone(),
        kind: state.state_type(),
        output: output.clone(),
        next: next.clone(),
    };
    match previous {
        Some(previous) => draft.emit_after(scope, previous, exited),
        None => draft.emit(scope, exited),
    };
    if *next == Next::End {
        end_scope(draft, scope, output);
    }
    Ok(())
}

/// A scope has reached its end well.
fn end_scope(draft: &mut Draft<'_>, scope: ScopeId, output: Payload) {
    match draft.execution.scope(scope).map(|scope| scope.place) {
        Some(Place::Root) => {
            draft.emit(scope, Fact::ExecutionSucceeded { output });
        }
        Some(Place::Branch { parent, .. }) => {
            draft.emit(scope, Fact::BranchSucceeded { output });
            let done = states::parallel::branch_succeeded(draft, parent);
            fail_on(draft, parent, done);
        }
        Some(Place::Iteration { parent, index }) => {
            let done = states::map::iteration_succeeded(draft, parent, scope, index, output);
            fail_on(draft, parent, done);
        }
        None => {}
    }
}

fn fail_on(draft: &mut Draft<'_>, scope: ScopeId, done: Result<(), Failure>) {
    if let Err(failure) = done {
        fail(draft, scope, failure);
    }
}

/// The state a scope is in has failed: retry it, catch it, or fail the scope. Nothing happens when the scope
/// is gone already.
pub(super) fn fail(draft: &mut Draft<'_>, scope: ScopeId, failure: Failure) {
    draft.cancel_tasks(scope);
    if retry(draft, scope, &failure) {
        return;
    }
    let Some(state) = draft.execution.visit(scope).map(|visit| visit.state.clone()) else { return };
    match state.state_type() {
        StateType::Parallel => states::parallel::give_up(draft, scope),
        StateType::Map => states::map::give_up(draft, scope),
        StateType::Task
        | StateType::Pass
        | StateType::Choice
        | StateType::Wait
        | StateType::Succeed
        | StateType::Fail => {}
    }
    let Some(catcher) = state.catch().iter().find(|catcher| catcher.matches(failure.name())) else {
        return fail_scope(draft, scope, &failure);
    };
    let caught = caught_output(draft, scope, &catcher.result_path, &failure)
        .and_then(|output| leave(draft, scope, None, output, &Next::State(catcher.next.clone())));
    if let Err(failure) = caught {
        fail_scope(draft, scope, &failure);
    }
}

/// Schedules a retry when the first retrier that matches has one left.
fn retry(draft: &mut Draft<'_>, scope: ScopeId, failure: &Failure) -> bool {
    let Some(visit) = draft.execution.visit(scope) else { return false };
    let state = visit.state.clone();
    let chosen = state.retry().iter().enumerate().find(|(_, retrier)| retrier.matches(failure.name()));
    let Some((index, retrier)) = chosen else { return false };
    let so_far = visit.retries_of(index);
    let Ok(number) = u32::try_from(index) else { return false };
    if so_far >= retrier.max_attempts {
        return false;
    }
    let delay = draft.draw(|entropy| retrier.delay(so_far, entropy));
    let resume_at = draft.now.after(delay);
    draft.emit(scope, Fact::RetryScheduled { retrier: number, resume_at });
    true
}

/// What a catcher's state gets: the error output, put into the failed state's raw input.
fn caught_output(
    draft: &Draft<'_>,
    scope: ScopeId,
    result_path: &ResultPath,
    failure: &Failure,
) -> Result<Payload, Failure> {
    let text = |part: &Option<std::sync::Arc<str>>| part.as_deref().map_or(Value::Null, Value::from);
    // A time-out has no cause, and a catcher nevertheless sees an empty one.
    let cause = match &failure.cause {
        None if shown(failure).name() == error_name::TIMEOUT => Value::from(""),
        cause => text(cause),
    };
    let error = Payload::from_value(json!({ "Error": text(&shown(failure).error), "Cause": cause }));
    match draft.execution.visit(scope) {
        Some(visit) => draft.place_result(scope, result_path, &visit.input, error),
        None => Ok(error),
    }
}

/// A scope has failed for good: the execution, the Parallel or the Map around it fails with it.
fn fail_scope(draft: &mut Draft<'_>, scope: ScopeId, failure: &Failure) {
    match draft.execution.scope(scope).map(|scope| scope.place) {
        Some(Place::Root) => fail_execution(draft, failure),
        Some(Place::Branch { parent, .. }) => {
            states::parallel::branch_failed(draft, parent, scope);
            fail(draft, parent, failure.clone());
        }
        Some(Place::Iteration { parent, index }) => {
            states::map::iteration_failed(draft, parent, scope, index);
            fail(draft, parent, failure.clone());
        }
        None => {}
    }
}

fn fail_execution(draft: &mut Draft<'_>, failure: &Failure) {
    draft.cancel_tasks(ScopeId::ROOT);
    draft.emit(ScopeId::ROOT, Fact::ExecutionFailed { failure: shown(failure) });
}

/// A failure as histories and catchers' states see it: the silence of a task, which has a name of its own to
/// be matched by, is a time-out to them.
pub(super) fn shown(failure: &Failure) -> Failure {
    if failure.name() == error_name::HEARTBEAT_TIMEOUT {
        return Failure { error: Some(error_name::TIMEOUT.into()), cause: failure.cause.clone() };
    }
    failure.clone()
}

/// Ends the execution as ABORTED.
pub(super) fn stop(draft: &mut Draft<'_>, failure: Failure) {
    draft.cancel_tasks(ScopeId::ROOT);
    draft.emit_after(ScopeId::ROOT, EventId::NONE, Fact::ExecutionAborted { failure });
}

/// Fires everything that is due, as far as one transition may go. Tasks that are due together have all timed
/// out before the first of them fails what is around it, as recorded.
pub(super) fn fire(draft: &mut Draft<'_>) {
    let mut timed_out = Vec::new();
    while let Some(deadline) = next_due(draft) {
        match deadline {
            Deadline::Execution => {
                draft.cancel_tasks(ScopeId::ROOT);
                draft.emit(ScopeId::ROOT, Fact::ExecutionTimedOut { failure: Failure::default() });
            }
            Deadline::Task(scope) => {
                timed_out.push((scope, states::task::time_out(draft, scope, error_name::TIMEOUT)));
            }
            Deadline::Heartbeat(scope) => {
                timed_out.push((scope, states::task::time_out(draft, scope, error_name::HEARTBEAT_TIMEOUT)));
            }
            Deadline::Resume(scope) => resume(draft, scope),
        }
    }
    for (scope, failure) in timed_out {
        if is_history_full(draft) {
            // What is left undone ends with the execution, which `run` fails next.
            return;
        }
        fail(draft, scope, failure);
    }
}

/// What is due next, while the transition may go on.
fn next_due(draft: &mut Draft<'_>) -> Option<Deadline> {
    let (at, deadline) = draft.execution.next_deadline()?;
    (at <= draft.now && !is_history_full(draft) && draft.take_step()).then_some(deadline)
}

/// A Wait is over, or the wait before a retry.
fn resume(draft: &mut Draft<'_>, scope: ScopeId) {
    let Some(visit) = draft.execution.visit(scope) else { return };
    let state = visit.state.clone();
    if let (StateKind::Wait(wait), Doing::Waiting { .. }) = (&state.kind, &visit.doing) {
        let done = states::wait::wake(draft, scope, wait);
        fail_on(draft, scope, done);
    } else {
        begin(draft, scope);
    }
}

/// A fault met in a state, from its words.
pub(super) fn runtime_fault(draft: &Draft<'_>, scope: ScopeId, cause: impl Into<String>) -> Failure {
    draft.fault(scope, EvalError::runtime(cause))
}
