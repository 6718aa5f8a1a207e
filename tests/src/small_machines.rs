//! State machines of a state or two, for tests of everything around them.

use serde_json::{Value, json};

/// One task for the workers of a queue; their output is the execution's.
#[must_use]
pub fn one_task(queue: &str) -> Value {
    task_with(queue, json!({}))
}

/// One task for the workers of a queue, with more fields.
///
/// # Panics
/// When the fields are no object.
#[must_use]
pub fn task_with(queue: &str, fields: Value) -> Value {
    let mut state = json!({ "Type": "Task", "Resource": format!("worker:{queue}"), "End": true });
    let (Value::Object(state_fields), Value::Object(more)) = (&mut state, fields) else {
        panic!("expected the fields of a state as an object");
    };
    state_fields.extend(more);
    json!({ "StartAt": "Work", "States": { "Work": state } })
}

/// A task, and what comes when it fails: the execution succeeds with `{"Error", "Cause"}`.
#[must_use]
pub fn caught_task(queue: &str, fields: Value) -> Value {
    let mut machine = task_with(queue, fields);
    machine["States"]["Work"]["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }]);
    machine["States"]["Caught"] = json!({ "Type": "Succeed" });
    machine
}

/// Ends at once, with a result.
#[must_use]
pub fn pass(result: Value) -> Value {
    json!({ "StartAt": "Pass", "States": { "Pass": { "Type": "Pass", "Result": result, "End": true } } })
}

/// A task, and then one Pass for each element of its output.
#[must_use]
pub fn task_then_map(queue: &str) -> Value {
    let mut machine = one_task(queue);
    machine["States"]["Work"] =
        json!({ "Type": "Task", "Resource": format!("worker:{queue}"), "Next": "Each" });
    machine["States"]["Each"] = json!({
        "Type": "Map",
        "ItemProcessor": { "StartAt": "One", "States": { "One": { "Type": "Pass", "End": true } } },
        "End": true,
    });
    machine
}
