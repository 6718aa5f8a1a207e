//! The smallest definitions that do what a test needs.

use serde_json::{Value, json};

/// One task for this resource.
pub(crate) fn task(resource: &str) -> Value {
    json!({ "StartAt": "Work", "States": { "Work": { "Type": "Task", "Resource": resource, "End": true } } })
}

/// One state.
pub(crate) fn only(state: Value) -> Value {
    json!({ "StartAt": "Only", "States": { "Only": state } })
}

/// The input as the output.
pub(crate) fn pass() -> Value {
    only(json!({ "Type": "Pass", "End": true }))
}

/// Waits for longer than any test runs.
pub(crate) fn wait() -> Value {
    only(json!({ "Type": "Wait", "Seconds": 3_600, "End": true }))
}

/// Fails at once.
pub(crate) fn fail() -> Value {
    only(json!({ "Type": "Fail", "Error": "Boom", "Cause": "it was to be" }))
}

/// Times out after a second.
pub(crate) fn time_out() -> Value {
    let mut definition = wait();
    definition["TimeoutSeconds"] = json!(1);
    definition
}
