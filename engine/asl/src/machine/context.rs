//! The context object, `$$`: what an expression can learn about its execution.
//! Member order and content as recorded from the service.

use serde_json::{Map as Object, Value, json};

use crate::definition::StateKind;
use crate::ids::{ScopeId, TaskToken};

use super::execution::{Execution, Place};

/// What only some expressions see besides.
pub(super) enum Extra<'a> {
    /// The token of the task whose parameters are evaluated.
    Token(TaskToken),
    /// The item for which an iteration's input is selected.
    Item { index: u64, value: &'a Value },
}

/// Builds the context object for an expression in a scope.
pub(super) fn object(execution: &Execution, scope: ScopeId, extra: Option<&Extra<'_>>) -> Value {
    let header = execution.header();
    let mut object = Object::new();
    object.insert(
        "Execution".to_owned(),
        json!({
            "Id": &*header.arn,
            "Input": execution.input().value(),
            "StartTime": execution.started_at().to_string(),
            "Name": &*header.name,
            "RoleArn": &*header.role_arn,
            "RedriveCount": 0,
        }),
    );
    object.insert("StateMachine".to_owned(), json!({ "Id": &*header.machine_arn, "Name": &*header.machine_name }));
    if let Some(visit) = execution.visit(scope) {
        let mut state = json!({ "Name": &*visit.state.name, "EnteredTime": visit.entered_at.to_string() });
        if matches!(visit.state.kind, StateKind::Task(_))
            && let Value::Object(state) = &mut state
        {
            state.insert("RetryCount".to_owned(), visit.retry_count().into());
        }
        object.insert("State".to_owned(), state);
    }
    if let Some(Extra::Token(token)) = extra {
        object.insert("Task".to_owned(), json!({ "Token": token.to_string() }));
    }
    let item = match extra {
        Some(Extra::Item { index, value }) => Some((*index, Value::clone(value))),
        Some(Extra::Token(_)) | None => item_of(execution, scope),
    };
    if let Some((index, value)) = item {
        object.insert("Map".to_owned(), json!({ "Item": { "Index": index, "Value": value } }));
    }
    Value::Object(object)
}

/// The item of the nearest iteration around a scope.
fn item_of(execution: &Execution, mut scope: ScopeId) -> Option<(u64, Value)> {
    loop {
        match execution.scope(scope)?.place {
            Place::Root => return None,
            Place::Branch { parent, .. } => scope = parent,
            Place::Iteration { parent, index } => {
                let items = execution.map_progress(parent)?.items.value();
                let value = items.get(usize::try_from(index).ok()?)?;
                return Some((index, value.clone()));
            }
        }
    }
}
