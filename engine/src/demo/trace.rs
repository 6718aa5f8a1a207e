//! What an execution did, read from its history: the states it visited, and which of them failed.

use serde_json::Value;
use stepwell_proto::v1::{ExecutionStatus, HistoryEvent};

/// A state that was visited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The state's name.
    pub state: String,
    /// Whether the execution has left it, or is over.
    pub left: bool,
    /// Why its task failed, if it did: the error and its cause.
    pub failure: Option<(String, String)>,
}

impl Visit {
    /// The error of its task, if it failed.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.failure.as_ref().map(|(error, _)| error.as_str())
    }
}

/// What happened last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The last visit has begun.
    Entered,
    /// The task of the last visit failed.
    Failed,
    /// The last visit is over.
    Left,
    /// The execution is over.
    Ended(ExecutionStatus),
}

/// The visits of an execution whose states come one after the other.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// In order.
    pub visits: Vec<Visit>,
}

impl Trace {
    /// Takes in the next event; most are no news.
    pub fn take(&mut self, event: &HistoryEvent) -> Option<News> {
        let details: Value = event.details.as_deref().and_then(|text| serde_json::from_str(text).ok())?;
        let text = |member: &str| details.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        if event.r#type.ends_with("StateEntered") {
            self.visits.push(Visit { state: text("name"), left: false, failure: None });
            return Some(News::Entered);
        }
        let visit = self.visits.last_mut()?;
        if event.r#type.ends_with("StateExited") {
            visit.left = true;
            return Some(News::Left);
        }
        let failed = details.get("error").is_some() && !event.r#type.starts_with("Execution");
        failed.then(|| {
            visit.failure = Some((text("error"), text("cause")));
            News::Failed
        })
    }

    /// The error of the first state that failed, if one did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.visits.iter().find_map(Visit::error)
    }

    /// The names of the states in order, each with its error if it failed.
    pub(super) fn path(&self) -> Vec<(&str, Option<&str>)> {
        self.visits.iter().map(|visit| (visit.state.as_str(), visit.error())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: &str, details: &str) -> HistoryEvent {
        let details = Some(details.to_owned());
        HistoryEvent { id: 1, previous_id: 0, at: None, r#type: event_type.to_owned(), details }
    }

    #[test]
    fn a_trace_is_what_states_did() {
        let mut trace = Trace::default();
        let table = [
            ("ExecutionStarted", "{}", None),
            ("TaskStateEntered", r#"{"name":"Charge"}"#, Some(News::Entered)),
            ("LambdaFunctionScheduled", r#"{"resource":"charge"}"#, None),
            ("LambdaFunctionFailed", r#"{"error":"Declined","cause":"no money"}"#, Some(News::Failed)),
            ("TaskStateExited", r#"{"name":"Charge"}"#, Some(News::Left)),
            ("TaskStateEntered", r#"{"name":"Cancel"}"#, Some(News::Entered)),
            ("ExecutionFailed", r#"{"error":"States.Timeout"}"#, None),
        ];
        for (event_type, details, news) in table {
            assert_eq!(trace.take(&event(event_type, details)), news, "{event_type}");
        }
        assert_eq!(trace.path(), [("Charge", Some("Declined")), ("Cancel", None)]);
        assert_eq!(trace.error(), Some("Declined"));
        assert_eq!(trace.visits.iter().map(|visit| visit.left).collect::<Vec<_>>(), [true, false]);
    }
}
