//! The Parallel state: branches side by side, each its own scope, all with the same input. The output is
//! the array of their outputs, in the order of the branches.

use crate::definition::{Parallel, StateKind, StateType};
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId};
use crate::machine::draft::Draft;
use crate::machine::event::Fact;
use crate::machine::execution::Doing;
use crate::machine::flow;
use crate::payload::Payload;

pub(in crate::machine) fn begin(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    parallel: &Parallel,
) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    let branches = u32::try_from(parallel.branches.len()).unwrap_or(u32::MAX);
    draft.emit(scope, Fact::ParallelStateStarted { branches, input });
    Ok(())
}

/// A branch has ended well; when it was the last, so has the state.
pub(in crate::machine) fn branch_succeeded(draft: &mut Draft<'_>, scope: ScopeId) -> Result<(), Failure> {
    let Some(visit) = draft.execution.visit(scope) else { return Ok(()) };
    let (state, Doing::Parallel { outputs }) = (visit.state.clone(), &visit.doing) else { return Ok(()) };
    let Some(outputs) = outputs.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return Ok(()) };
    let StateKind::Parallel(parallel) = &state.kind else { return Ok(()) };
    let result = Payload::array(outputs);
    // Both the success and the exit follow from the last event of the branch that ended last.
    let last = draft.execution.scope(scope).map_or(EventId::NONE, |scope| scope.last_event);
    draft.emit(scope, Fact::ParallelStateSucceeded);
    flow::complete_after(draft, scope, Some(last), result, &parallel.next)
}

/// A branch has failed: the others are given up.
pub(in crate::machine) fn branch_failed(draft: &mut Draft<'_>, scope: ScopeId, failed: ScopeId) {
    draft.emit(failed, Fact::BranchFailed);
    let last = draft.execution.scope(scope).map_or(EventId::NONE, |scope| scope.last_event);
    for branch in draft.execution.children(scope) {
        abort_states(draft, branch, last);
    }
}

/// The last attempt at the state has failed.
pub(in crate::machine) fn give_up(draft: &mut Draft<'_>, scope: ScopeId) {
    if matches!(draft.execution.visit(scope).map(|visit| &visit.doing), Some(Doing::Parallel { .. })) {
        draft.emit(scope, Fact::ParallelStateFailed);
    }
}

/// Notes the states that are given up in a scope and in all that hangs in it. A Fail state leaves no such
/// note: it has ended by itself.
pub(in crate::machine) fn abort_states(draft: &mut Draft<'_>, scope: ScopeId, cause: EventId) {
    let kind = draft.execution.visit(scope).map(|visit| visit.state.state_type());
    for child in draft.execution.children(scope) {
        abort_states(draft, child, cause);
    }
    match kind {
        Some(kind @ (StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map)) => {
            draft.emit_after(scope, cause, Fact::StateAborted { kind });
        }
        Some(StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail) | None => {}
    }
}
