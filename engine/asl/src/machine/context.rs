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

/// Whether a member of the context object is the same in the whole execution.
pub(super) fn is_constant(member: &str) -> bool {
    matches!(member, "Execution" | "StateMachine")
}

impl Execution {
    /// The members of the context object that are the same in the whole execution. Made once, for the input may
    /// be large and an expression in a Map is evaluated for every item.
    pub(super) fn constant_context(&self) -> &Value {
        self.constant_context.get_or_init(|| {
            json!({
                "Execution": {
                    "Id": &*self.header.arn,
                    "Input": self.input.value(),
                    "StartTime": self.started_at.to_string(),
                    "Name": &*self.header.name,
                    "RoleArn": &*self.header.role_arn,
                    "RedriveCount": 0,
                },
                "StateMachine": { "Id": &*self.header.machine_arn, "Name": &*self.header.machine_name },
            })
        })
    }
}

/// The whole context object for an expression in a scope.
pub(super) fn whole(execution: &Execution, scope: ScopeId, extra: Option<&Extra<'_>>) -> Value {
    let mut whole = execution.constant_context().clone();
    if let Value::Object(members) = &mut whole {
        members.extend(here(execution, scope, extra));
    }
    whole
}

/// The members of the context object that are about where a scope stands.
pub(super) fn here(
    execution: &Execution,
    scope: ScopeId,
    extra: Option<&Extra<'_>>,
) -> Object<String, Value> {
    let mut object = Object::new();
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
    object
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
