//! Commands about tasks: which attempt they mean, and whether it still waits.

use std::sync::Arc;

use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::payload::Payload;

use super::command::{AnsweredBy, Attempt, Rejection};
use super::draft::Draft;
use super::event::Fact;
use super::states;

/// The scope that waits for an attempt.
fn scope_of(draft: &Draft<'_>, attempt: Attempt) -> Result<ScopeId, Rejection> {
    let execution = &draft.execution;
    let Some(scope) = execution.tasks.get(&attempt.event).copied() else {
        // An event of the past may have been an attempt; one of the future can't have been.
        return Err(if attempt.event <= execution.last_event() {
            Rejection::TaskOver
        } else {
            Rejection::UnknownTask
        });
    };
    match execution.pending_task(scope) {
        Some(task) if task.scheduled.nonce == attempt.nonce => Ok(scope),
        Some(_) | None => Err(Rejection::UnknownTask),
    }
}

/// A worker took a task, which is its first sign of life; activities note who. Taken twice, the first stays.
pub(super) fn start(
    draft: &mut Draft<'_>,
    attempt: Attempt,
    worker: Option<Arc<str>>,
) -> Result<(), Rejection> {
    let scope = scope_of(draft, attempt)?;
    if let Some(task) = draft.execution.pending_task(scope)
        && !task.started
    {
        let resource = task.scheduled.resource.clone();
        draft.emit(scope, Fact::TaskStarted { resource, worker });
    }
    draft.execution.hear(attempt.event, draft.now);
    Ok(())
}

/// Takes the answer to a task, and goes on from there.
pub(super) fn answer(
    draft: &mut Draft<'_>,
    attempt: Attempt,
    by: AnsweredBy,
    answer: Result<Payload, Failure>,
) -> Result<(), Rejection> {
    let scope = scope_of(draft, attempt)?;
    let submitted = draft.execution.pending_task(scope).is_some_and(|task| task.submitted);
    match by {
        AnsweredBy::Worker if submitted => return Err(Rejection::TaskOver),
        // Whoever answers by the token may be quicker than the worker that was to make the call.
        AnsweredBy::Token if !submitted => draft.owe(super::Effect::CancelTask(attempt.event)),
        AnsweredBy::Worker | AnsweredBy::Token => {}
    }
    states::task::answered(draft, scope, by, answer);
    Ok(())
}

/// Notes a sign of life.
pub(super) fn hear(draft: &mut Draft<'_>, attempt: Attempt) -> Result<(), Rejection> {
    scope_of(draft, attempt)?;
    draft.execution.hear(attempt.event, draft.now);
    Ok(())
}
