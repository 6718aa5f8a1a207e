//! Histories as clients see them: the service's event types and details, made from recorded events.
//!
//! Pure presentation: nothing is decided here, and what histories do not show gives `None`.

use serde_json::{Map as Object, Value, json};

use crate::definition::Resource;
use crate::failure::Failure;
use crate::ids::EventId;
use crate::machine::{Event, Fact, Header, ScheduledTask};
use crate::payload::Payload;
use crate::time::Timestamp;

/// One event as clients see it.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEvent {
    /// 1, 2, 3 …
    pub id: EventId,
    /// The event that caused it; 0 for none.
    pub previous: EventId,
    /// When.
    pub at: Timestamp,
    /// `ExecutionStarted`, `TaskStateEntered` …
    pub event_type: String,
    /// The members of its details, when it has any details.
    pub details: Option<Object<String, Value>>,
}

impl HistoryEvent {
    /// The name of the member that holds the details in the service's answers, such as
    /// `stateEnteredEventDetails`.
    #[must_use]
    pub fn details_member(&self) -> String {
        let shared = if self.event_type.ends_with("StateEntered") {
            "StateEntered"
        } else if self.event_type.ends_with("StateExited") {
            "StateExited"
        } else {
            &self.event_type
        };
        let mut characters = shared.chars();
        let first = characters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(characters).chain("EventDetails".chars()).collect()
    }
}

/// Shows an event, or nothing for one that histories do not show.
#[must_use]
pub fn show(event: &Event, header: &Header) -> Option<HistoryEvent> {
    let (event_type, details) = type_and_details(&event.fact, header)?;
    Some(HistoryEvent { id: event.id, previous: event.previous, at: event.at, event_type, details })
}

type Shown = Option<(String, Option<Object<String, Value>>)>;

fn type_and_details(fact: &Fact, header: &Header) -> Shown {
    match fact {
        Fact::ExecutionStarted { input } => {
            let mut details = with_text("input", input);
            details.insert("roleArn".to_owned(), Value::from(&*header.role_arn));
            named("ExecutionStarted", details)
        }
        Fact::ExecutionSucceeded { output } => named("ExecutionSucceeded", with_text("output", output)),
        Fact::ExecutionFailed { failure } => named("ExecutionFailed", of_failure(failure)),
        Fact::ExecutionTimedOut { failure } => named("ExecutionTimedOut", of_failure(failure)),
        Fact::ExecutionAborted { failure } => named("ExecutionAborted", of_failure(failure)),
        Fact::StateEntered { state, kind, input } => {
            let mut details = Object::from_iter([("name".to_owned(), Value::from(&**state))]);
            details.extend(with_text("input", input));
            named(&format!("{}StateEntered", kind.name()), details)
        }
        Fact::StateExited { state, kind, output, .. } => {
            let mut details = Object::from_iter([("name".to_owned(), Value::from(&**state))]);
            details.extend(with_text("output", output));
            named(&format!("{}StateExited", kind.name()), details)
        }
        Fact::StateAborted { kind } => bare(&format!("{}StateAborted", kind.name())),
        Fact::TaskScheduled(task) => scheduled(task, header),
        Fact::TaskStarted { resource, worker } => {
            of_task(resource, "Started", |family, details| match family {
                Family::Function => None,
                Family::Activity => {
                    details.extend(
                        worker.as_ref().map(|worker| ("workerName".to_owned(), Value::from(&**worker))),
                    );
                    Some(())
                }
                Family::Integration => Some(()),
            })
        }
        Fact::TaskSubmitted { resource, output } => of_task(resource, "Submitted", |_, details| {
            details.extend(with_text("output", output));
            Some(())
        }),
        Fact::TaskSucceeded { resource, output } => of_task(resource, "Succeeded", |_, details| {
            details.extend(with_text("output", output));
            Some(())
        }),
        Fact::TaskFailed { resource, failure } => of_task(resource, "Failed", |_, details| {
            details.extend(of_failure(failure));
            Some(())
        }),
        Fact::TaskTimedOut { resource, failure } => of_task(resource, "TimedOut", |_, details| {
            details.extend(of_failure(failure));
            Some(())
        }),
        Fact::ParallelStateStarted { .. } => bare("ParallelStateStarted"),
        Fact::ParallelStateSucceeded => bare("ParallelStateSucceeded"),
        Fact::ParallelStateFailed => bare("ParallelStateFailed"),
        Fact::MapStateStarted { length, .. } => {
            named("MapStateStarted", Object::from_iter([("length".to_owned(), Value::from(*length))]))
        }
        Fact::MapStateSucceeded => bare("MapStateSucceeded"),
        Fact::MapStateFailed => bare("MapStateFailed"),
        Fact::MapIterationStarted { name, index, .. } => iteration("MapIterationStarted", name, *index),
        Fact::MapIterationSucceeded { name, index, .. } => iteration("MapIterationSucceeded", name, *index),
        Fact::MapIterationFailed { name, index } => iteration("MapIterationFailed", name, *index),
        Fact::MapIterationAborted { name, index } => iteration("MapIterationAborted", name, *index),
        Fact::RetryScheduled { .. }
        | Fact::WaitScheduled { .. }
        | Fact::BranchSucceeded { .. }
        | Fact::BranchFailed => None,
    }
}

fn named(event_type: &str, details: Object<String, Value>) -> Shown {
    Some((event_type.to_owned(), Some(details)))
}

fn bare(event_type: &str) -> Shown {
    Some((event_type.to_owned(), None))
}

fn iteration(event_type: &str, name: &str, index: u64) -> Shown {
    let Value::Object(details) = json!({ "name": name, "index": index }) else { return None };
    named(event_type, details)
}

/// A payload as the text it is, with the member that says it was not cut.
fn with_text(member: &str, payload: &Payload) -> Object<String, Value> {
    Object::from_iter([
        (member.to_owned(), Value::from(payload.text())),
        (format!("{member}Details"), json!({ "truncated": false })),
    ])
}

/// Error and cause; each is absent when it was not given.
fn of_failure(failure: &Failure) -> Object<String, Value> {
    let member = |name: &str, text: &Option<std::sync::Arc<str>>| {
        text.as_ref().map(|text| (name.to_owned(), Value::from(&**text)))
    };
    member("error", &failure.error).into_iter().chain(member("cause", &failure.cause)).collect()
}

/// The three families of task events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Function,
    Activity,
    Integration,
}

impl Family {
    fn prefix(self) -> &'static str {
        match self {
            Self::Function => "LambdaFunction",
            Self::Activity => "Activity",
            Self::Integration => "Task",
        }
    }
}

/// The family of a resource, with the `resourceType` and `resource` that integrations repeat in every event.
fn family(resource: &str) -> (Family, Object<String, Value>) {
    let (kind, name) = match Resource::parse(resource) {
        Some(Resource::Function { .. }) => return (Family::Function, Object::new()),
        Some(Resource::Activity { .. }) => return (Family::Activity, Object::new()),
        Some(Resource::Integration { service, action, pattern, .. }) => {
            (service.to_string(), format!("{action}{}", pattern.suffix()))
        }
        Some(Resource::Worker { name, .. }) => ("worker".to_owned(), name.to_string()),
        None => ("unknown".to_owned(), resource.to_owned()),
    };
    let details = Object::from_iter([
        ("resourceType".to_owned(), Value::from(kind)),
        ("resource".to_owned(), Value::from(name)),
    ]);
    (Family::Integration, details)
}

/// A task event; `fill` says by `None` that an event of this family has no details at all.
fn of_task(
    resource: &str,
    what: &str,
    fill: impl FnOnce(Family, &mut Object<String, Value>) -> Option<()>,
) -> Shown {
    let (family, mut details) = family(resource);
    let filled = fill(family, &mut details);
    Some((format!("{}{what}", family.prefix()), filled.map(|()| details)))
}

fn scheduled(task: &ScheduledTask, header: &Header) -> Shown {
    of_task(&task.resource, "Scheduled", |family, details| {
        match family {
            Family::Function | Family::Activity => {
                details.insert("resource".to_owned(), Value::from(&*task.resource));
                details.extend(with_text("input", &task.parameters));
            }
            Family::Integration => {
                details.insert("region".to_owned(), Value::from(&*header.region));
                details.insert("parameters".to_owned(), Value::from(task.parameters.text()));
            }
        }
        details.extend(
            task.timeout_seconds.map(|seconds| ("timeoutInSeconds".to_owned(), Value::from(seconds))),
        );
        // A function's event has no heartbeat, for the service gives functions none.
        if family != Family::Function {
            let heartbeat = task.heartbeat_seconds;
            details.extend(heartbeat.map(|seconds| ("heartbeatInSeconds".to_owned(), Value::from(seconds))));
        }
        Some(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_events_share_their_details_member() {
        let event = |event_type: &str| HistoryEvent {
            id: EventId(1),
            previous: EventId::NONE,
            at: Timestamp::default(),
            event_type: event_type.to_owned(),
            details: None,
        };
        assert_eq!(event("TaskStateEntered").details_member(), "stateEnteredEventDetails");
        assert_eq!(event("MapStateExited").details_member(), "stateExitedEventDetails");
        assert_eq!(event("MapStateStarted").details_member(), "mapStateStartedEventDetails");
        assert_eq!(event("LambdaFunctionScheduled").details_member(), "lambdaFunctionScheduledEventDetails");
    }
}
