//! How an event of a history is shown.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Effects, Style};
use serde_json::{Map, Value, json};
use stepwell_asl::definition::Resource;
use stepwell_asl::history::HistoryEvent;
use stepwell_asl::ids::EventId;
use stepwell_asl::time::Timestamp;
use stepwell_proto::v1;

use super::moment;
use super::output::printable;

/// The details whose text is JSON, and is shown as such.
const JSON_TEXTS: [&str; 2] = ["input", "output"];
/// The details that say which state or iteration the event is of.
const STATE: [&str; 2] = ["name", "index"];
/// The details that are told with another, or tell nothing.
const OMITTED: [&str; 5] = ["inputDetails", "outputDetails", "roleArn", "resourceType", "region"];

/// An event off the wire.
pub(super) fn read(event: v1::HistoryEvent) -> HistoryEvent {
    let details = event.details.and_then(|details| serde_json::from_str(&details).ok());
    HistoryEvent {
        id: EventId(event.id),
        previous: EventId(event.previous_id),
        at: event.at.map_or_else(Timestamp::default, moment::read),
        event_type: event.r#type,
        details,
    }
}

/// The event as AWS has it, with inputs and outputs as values.
pub(super) fn json(event: &HistoryEvent) -> Value {
    let mut members = Map::new();
    members.insert("timestamp".to_owned(), Value::from(event.at.to_string()));
    members.insert("type".to_owned(), Value::from(event.event_type.as_str()));
    members.insert("id".to_owned(), json!(event.id.0));
    members.insert("previousEventId".to_owned(), json!(event.previous.0));
    if let Some(details) = &event.details {
        let details = details.iter().map(|(name, value)| (name.clone(), detail(name, value)));
        members.insert(event.details_member(), Value::Object(details.collect()));
    }
    Value::Object(members)
}

fn detail(name: &str, value: &Value) -> Value {
    let text = value.as_str().filter(|_| JSON_TEXTS.contains(&name));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// Which state each event is of: the one it names, or that of the event which caused it. Events are to be
/// shown to it in the order of the history.
#[derive(Debug, Default)]
pub(super) struct States {
    by_event: BTreeMap<EventId, String>,
}

impl States {
    /// The state's name, with the iteration's number where there is one. Empty for the execution itself.
    pub(super) fn of(&mut self, event: &HistoryEvent) -> &str {
        let detail = |name: &str| event.details.as_ref().and_then(|details| details.get(name));
        let state = match (detail("name").and_then(Value::as_str), detail("index")) {
            (Some(name), Some(index)) => format!("{}[{index}]", printable(name)),
            (Some(name), None) => printable(name),
            (None, _) if event.event_type.starts_with("Execution") => String::new(),
            (None, _) => self.by_event.get(&event.previous).cloned().unwrap_or_default(),
        };
        self.by_event.entry(event.id).or_insert(state)
    }
}

/// The rest of the details in one line: the resource, the input or the output bare, everything else with its
/// name.
pub(super) fn data(event: &HistoryEvent) -> String {
    let left_out = |name: &str| STATE.contains(&name) || OMITTED.contains(&name);
    let details = event.details.iter().flatten().filter(|(name, _)| !left_out(name));
    let shown = details.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), printable);
        match name.as_str() {
            "resource" => resource(&text, event),
            "input" | "output" | "parameters" => text,
            _ => format!("{name}={text}"),
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A resource by the name that its workers go by.
fn resource(text: &str, event: &HistoryEvent) -> String {
    let kind = event.details.as_ref().and_then(|details| details.get("resourceType")).and_then(Value::as_str);
    match (kind, Resource::parse(text)) {
        (Some(kind), _) => format!("{}:{text}", printable(kind)),
        (None, Some(resource)) => resource.queue().to_string(),
        (None, None) => text.to_owned(),
    }
}

/// How it looks: what ended well or badly is coloured, what is only on its way is faint.
pub(super) fn style(event: &HistoryEvent) -> Style {
    let ends = |endings: &[&str]| endings.iter().any(|ending| event.event_type.ends_with(ending));
    let colored = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    if ends(&["Failed", "TimedOut", "Aborted"]) {
        colored(AnsiColor::Red)
    } else if ends(&["Succeeded"]) {
        colored(AnsiColor::Green)
    } else if ends(&["StateEntered", "StateExited"]) {
        colored(AnsiColor::Cyan)
    } else {
        Style::new() | Effects::DIMMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: &str, details: &Value) -> HistoryEvent {
        read(v1::HistoryEvent {
            id: 7,
            previous_id: 6,
            at: None,
            r#type: event_type.to_owned(),
            details: Some(details.to_string()),
        })
    }

    #[test]
    fn events_have_the_names_of_aws_and_values_for_texts() {
        let details = json!({"name": "Charge", "input": "{\"n\": 1}", "inputDetails": {"truncated": false}});
        let expected = json!({
            "timestamp": "1970-01-01T00:00:00.000Z", "type": "TaskStateEntered", "id": 7, "previousEventId": 6,
            "stateEnteredEventDetails": {"name": "Charge", "input": {"n": 1}, "inputDetails": {"truncated": false}},
        });
        assert_eq!(json(&event("TaskStateEntered", &details)), expected);
    }

    #[test]
    fn an_event_is_of_the_state_that_caused_it() {
        let mut states = States::default();
        let mut of = |id: u64, previous: u64, event_type: &str, details: Value| {
            let event = event(event_type, &details);
            states.of(&HistoryEvent { id: EventId(id), previous: EventId(previous), ..event }).to_owned()
        };
        assert_eq!(of(2, 1, "TaskStateEntered", json!({"name": "Charge"})), "Charge");
        assert_eq!(of(3, 2, "TaskScheduled", json!({"resource": "r"})), "Charge");
        assert_eq!(of(4, 1, "MapIterationStarted", json!({"name": "Ship", "index": 2})), "Ship[2]");
        assert_eq!(of(5, 3, "TaskSucceeded", Value::Null), "Charge");
        assert_eq!(of(6, 5, "ExecutionSucceeded", json!({"output": "1"})), "");
    }

    #[test]
    fn a_line_says_what_happened() {
        let table = [
            ("ChoiceStateEntered", json!({"name": "Big?", "input": "{}"}), "{}"),
            (
                "LambdaFunctionScheduled",
                json!({"resource": "arn:aws:lambda:r:a:function:f:live", "input": "[1]", "timeoutInSeconds": 3}),
                "f [1] timeoutInSeconds=3",
            ),
            (
                "TaskFailed",
                json!({"resourceType": "sqs", "resource": "sendMessage", "error": "E", "cause": "a\nb"}),
                "sqs:sendMessage error=E cause=a b",
            ),
            ("MapIterationStarted", json!({"name": "Ship", "index": 2}), ""),
        ];
        for (event_type, details, expected) in table {
            assert_eq!(data(&event(event_type, &details)), expected);
        }
    }
}
