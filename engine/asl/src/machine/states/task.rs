//! The Task state: work for somebody else. Enter, schedule an attempt, wait for its answer, leave.
//!
//! What kind of work a `Resource` is decides three things, all here: what the worker gets, what becomes of
//! its answer, and which events the history shows for it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::definition::{Pattern, Resource, Setting, StateKind, Task, function_name};
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId, TaskToken};
use crate::machine::command::AnsweredBy;
use crate::machine::context::Extra;
use crate::machine::draft::Draft;
use crate::machine::event::{Fact, ScheduledTask};
use crate::machine::execution::Visit;
use crate::machine::flow;
use crate::payload::Payload;

/// The range of a time-out, for the numbers that are only known now as for those that are written down.
const SECONDS: RangeInclusive<u64> = 1..=99_999_999;

/// Schedules an attempt.
pub(in crate::machine) fn begin(draft: &mut Draft<'_>, scope: ScopeId, task: &Task) -> Result<(), Failure> {
    let nonce = draft.draw(|entropy| entropy.next_u64());
    let attempt = EventId(draft.execution.last_event().0 + 1);
    let token = TaskToken { execution: draft.execution.header().id, attempt, nonce };
    let input = draft.selected_input(scope)?;
    let parameters =
        draft.effective_input(scope, has_token(&task.resource).then_some(Extra::Token(token)))?;
    let timeout_seconds = seconds(draft, scope, "TimeoutSecondsPath", task.timeout_seconds.as_ref(), &input)?;
    let heartbeat_seconds =
        seconds(draft, scope, "HeartbeatSecondsPath", task.heartbeat_seconds.as_ref(), &input)?;
    let resource = task.resource.text().clone();
    draft.emit(
        scope,
        Fact::TaskScheduled(ScheduledTask {
            queue: queue_of(draft, scope, &task.resource, &parameters)?,
            resource: resource.clone(),
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            nonce,
        }),
    );
    if !reports_start(&task.resource) {
        draft.emit(scope, Fact::TaskStarted { resource, worker: None });
    }
    draft.owe_dispatch(scope);
    Ok(())
}

/// Somebody answered the attempt that the scope waits for.
pub(in crate::machine) fn answered(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    by: AnsweredBy,
    answer: Result<Payload, Failure>,
) {
    let Some(visit) = draft.execution.visit(scope) else { return };
    let state = visit.state.clone();
    let StateKind::Task(task) = &state.kind else { return };
    let resource = task.resource.text().clone();
    let answer = answer.and_then(|output| draft.within_limits(blamed(&task.resource), output));
    let done = match answer {
        Ok(output) if by == AnsweredBy::Worker && waits_for_token(&task.resource) => {
            let output = wrapped(&task.resource, output);
            draft.emit(scope, Fact::TaskSubmitted { resource, output });
            return;
        }
        Ok(output) => {
            let output = if by == AnsweredBy::Worker { wrapped(&task.resource, output) } else { output };
            draft.emit(scope, Fact::TaskSucceeded { resource, output: output.clone() });
            flow::complete(draft, scope, output, &task.next)
        }
        Err(failure) => {
            let failure = reworded(&task.resource, failure);
            draft.emit(scope, Fact::TaskFailed { resource, failure: failure.clone() });
            Err(failure)
        }
    };
    if let Err(failure) = done {
        flow::fail(draft, scope, failure);
    }
}

/// The attempt that the scope waits for ran out of time, or was silent too long. Gives the failure, which is
/// still to be dealt with.
pub(in crate::machine) fn time_out(draft: &mut Draft<'_>, scope: ScopeId, error: &str) -> Failure {
    let failure = Failure::named(error);
    if let Some(task) = draft.execution.pending_task(scope) {
        let resource = task.scheduled.resource.clone();
        draft.cancel_tasks(scope);
        draft.emit(scope, Fact::TaskTimedOut { resource, failure: flow::shown(&failure) });
    }
    failure
}

/// The resource of the task a scope is in.
pub(in crate::machine) fn resource_of(visit: &Visit) -> Option<&Resource> {
    match &visit.state.kind {
        StateKind::Task(task) => Some(&task.resource),
        StateKind::Pass(_)
        | StateKind::Choice(_)
        | StateKind::Wait(_)
        | StateKind::Succeed
        | StateKind::Fail(_)
        | StateKind::Parallel(_)
        | StateKind::Map(_) => None,
    }
}

/// Whether the history shows when, and by whom, the task was taken. Other tasks count as taken at once.
pub(in crate::machine) fn reports_start(resource: &Resource) -> bool {
    matches!(resource, Resource::Activity { .. })
}

/// What the worker gets: the parameters, or for a function that is invoked through the service, the payload.
pub(in crate::machine) fn worker_input(resource: &Resource, parameters: &Payload) -> Payload {
    if !is_invoke(resource) {
        return parameters.clone();
    }
    match parameters.value().get("Payload") {
        None | Some(Value::Null) => Payload::empty_object(),
        // A text that holds JSON is sent as that JSON.
        Some(Value::String(text)) => Payload::from_text(text.as_str())
            .unwrap_or_else(|_| Payload::from_value(Value::String(text.clone()))),
        Some(payload) => Payload::from_value(payload.clone()),
    }
}

fn is_invoke(resource: &Resource) -> bool {
    match resource {
        Resource::Integration { service, action, .. } => &**service == "lambda" && &**action == "invoke",
        Resource::Function { .. } | Resource::Activity { .. } | Resource::Worker { .. } => false,
    }
}

fn waits_for_token(resource: &Resource) -> bool {
    match resource {
        Resource::Integration { pattern, .. } => *pattern == Pattern::WaitForTaskToken,
        Resource::Function { .. } | Resource::Activity { .. } | Resource::Worker { .. } => false,
    }
}

/// Whether `$$.Task.Token` is there: in tasks that somebody else may end.
fn has_token(resource: &Resource) -> bool {
    match resource {
        Resource::Activity { .. } => true,
        Resource::Integration { pattern, .. } => *pattern != Pattern::RequestResponse,
        Resource::Function { .. } | Resource::Worker { .. } => false,
    }
}

/// The task's result, in the shape the service gives it.
fn wrapped(resource: &Resource, output: Payload) -> Payload {
    if !is_invoke(resource) {
        return output;
    }
    Payload::from_value(json!({
        "ExecutedVersion": "$LATEST",
        "Payload": output.value(),
        "StatusCode": 200,
    }))
}

/// A failed function's cause is its JSON text, which an invocation through the service prints anew, compactly.
fn reworded(resource: &Resource, failure: Failure) -> Failure {
    if !is_invoke(resource) {
        return failure;
    }
    let cause = failure.cause.map(|cause| match serde_json::from_str::<Value>(&cause) {
        Ok(value) if value.is_object() => value.to_string().into(),
        Ok(_) | Err(_) => cause,
    });
    Failure { cause, ..failure }
}

/// Who returned a result that is too large.
fn blamed(resource: &Resource) -> &str {
    match resource {
        Resource::Integration { service, .. } => service,
        Resource::Function { arn, .. } | Resource::Activity { arn, .. } => arn,
        Resource::Worker { name, .. } => name,
    }
}

fn queue_of(
    draft: &Draft<'_>,
    scope: ScopeId,
    resource: &Resource,
    parameters: &Payload,
) -> Result<Arc<str>, Failure> {
    if !is_invoke(resource) {
        return Ok(resource.queue().clone());
    }
    let name = parameters.value().get("FunctionName").and_then(Value::as_str);
    name.and_then(function_name).map(Arc::from).ok_or_else(|| {
        let found = parameters.value().get("FunctionName").unwrap_or(&Value::Null);
        flow::runtime_fault(
            draft,
            scope,
            format!("expected FunctionName to be a function's name or ARN, found {found}"),
        )
    })
}

fn seconds(
    draft: &Draft<'_>,
    scope: ScopeId,
    field: &str,
    setting: Option<&Setting<u64>>,
    input: &Payload,
) -> Result<Option<u64>, Failure> {
    let Some(setting) = setting else { return Ok(None) };
    let seconds = draft.number(scope, field, setting, input.value())?;
    if !SECONDS.contains(&seconds) {
        let (least, most) = SECONDS.into_inner();
        let cause = format!(
            "expected the {field} field to refer to a number from {least} to {most}, found {seconds}"
        );
        return Err(flow::runtime_fault(draft, scope, cause));
    }
    Ok(Some(seconds))
}
