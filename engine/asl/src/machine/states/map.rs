//! The Map state, inline: one iteration per item, each its own scope, as many at once as allowed. The output
//! is the array of their outputs, in the order of the items.

use serde_json::Value;

use crate::definition::{Map, MapItems, StateKind};
use crate::eval::EvalError;
use crate::failure::Failure;
use crate::ids::{EventId, ScopeId};
use crate::machine::context::Extra;
use crate::machine::draft::Draft;
use crate::machine::event::Fact;
use crate::machine::execution::Doing;
use crate::machine::flow;
use crate::payload::Payload;

use super::parallel::abort_states;

pub(in crate::machine) fn begin(draft: &mut Draft<'_>, scope: ScopeId, map: &Map) -> Result<(), Failure> {
    let input = draft.selected_input(scope)?;
    let max_concurrency = draft.number(scope, "MaxConcurrencyPath", &map.max_concurrency, input.value())?;
    let items = match &map.items {
        MapItems::Input => input,
        MapItems::Path(path) => draft.value_at(scope, path, input.value())?.into(),
    };
    let Value::Array(array) = items.value() else {
        let cause = format!("Map state input must be an array but was: {}", items.value());
        return Err(draft.fault(scope, EvalError::runtime(cause)));
    };
    let length = array.len() as u64;
    draft.emit(scope, Fact::MapStateStarted { items, length, max_concurrency });
    if length == 0 { succeed(draft, scope) } else { Ok(()) }
}

/// Starts the next iteration.
pub(in crate::machine) fn start_iteration(draft: &mut Draft<'_>, scope: ScopeId) -> Result<(), Failure> {
    let Some(visit) = draft.execution.visit(scope) else { return Ok(()) };
    let (state, Doing::Map(progress)) = (visit.state.clone(), &visit.doing) else { return Ok(()) };
    let StateKind::Map(map) = &state.kind else { return Ok(()) };
    let (index, follows, items) = (progress.next, progress.follows, progress.items.clone());
    let item = usize::try_from(index).ok().and_then(|index| items.value().get(index)).unwrap_or(&Value::Null);
    let input = match &map.item_selector {
        None => Payload::from_value(item.clone()),
        Some(selector) => {
            let selected = draft.selected_input(scope)?;
            let extra = Extra::Item { index, value: item };
            let input =
                draft.evaluate_with(scope, selected.value(), Some(extra), |env| selector.evaluate(env))?;
            draft.within_limits(&state.name, input.into())?
        }
    };
    draft.emit_after(scope, follows, Fact::MapIterationStarted { name: state.name.clone(), index, input });
    Ok(())
}

/// An iteration has ended well; when it was the last, so has the state.
pub(in crate::machine) fn iteration_succeeded(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    iteration: ScopeId,
    index: u64,
    output: Payload,
) -> Result<(), Failure> {
    let Some(name) = draft.execution.visit(scope).map(|visit| visit.state.name.clone()) else {
        return Ok(());
    };
    draft.emit(iteration, Fact::MapIterationSucceeded { name, index, output });
    let done = draft.execution.map_progress(scope).is_some_and(|map| map.outputs.len() as u64 == map.length);
    if done { succeed(draft, scope) } else { Ok(()) }
}

fn succeed(draft: &mut Draft<'_>, scope: ScopeId) -> Result<(), Failure> {
    let Some(visit) = draft.execution.visit(scope) else { return Ok(()) };
    let (state, Doing::Map(progress)) = (visit.state.clone(), &visit.doing) else { return Ok(()) };
    let StateKind::Map(map) = &state.kind else { return Ok(()) };
    let result = Payload::array(progress.outputs.values());
    // The exit follows from the last iteration's success and not from the state's.
    let last = draft.execution.scope(scope).map_or(EventId::NONE, |scope| scope.last_event);
    draft.emit(scope, Fact::MapStateSucceeded);
    flow::complete_after(draft, scope, Some(last), result, &map.next)
}

/// An iteration has failed: the others are given up.
pub(in crate::machine) fn iteration_failed(
    draft: &mut Draft<'_>,
    scope: ScopeId,
    failed: ScopeId,
    index: u64,
) {
    let Some(name) = draft.execution.visit(scope).map(|visit| visit.state.name.clone()) else { return };
    let last = draft.execution.scope(failed).map_or(EventId::NONE, |scope| scope.last_event);
    draft.emit(failed, Fact::MapIterationFailed { name: name.clone(), index });
    abort_states(draft, failed, last);
    for iteration in draft.execution.children(scope) {
        if iteration == failed {
            continue;
        }
        if let Some(index) = draft.execution.scope(iteration).and_then(|scope| scope.place.index()) {
            draft.emit_after(iteration, last, Fact::MapIterationAborted { name: name.clone(), index });
        }
        abort_states(draft, iteration, last);
    }
}

/// The last attempt at the state has failed.
pub(in crate::machine) fn give_up(draft: &mut Draft<'_>, scope: ScopeId) {
    if matches!(draft.execution.visit(scope).map(|visit| &visit.doing), Some(Doing::Map(_))) {
        draft.emit(scope, Fact::MapStateFailed);
    }
}
