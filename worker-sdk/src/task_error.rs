//! [`TaskError`]: how a handler says that its task failed.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;
use stepwell_proto::v1;

/// The longest name of an error on the wire, in characters.
const NAME_CHARS_MAX: usize = 256;

/// The failure of a task: a name, which the `Retry` and `Catch` of the state match, and a cause.
///
/// It is data for the saga, not a fault of the worker. A business failure has a name of its own:
///
/// ```
/// # use stepwell_worker::TaskError;
/// let declined = TaskError::new("PaymentFailed", "card declined");
/// assert_eq!(declined.to_string(), "PaymentFailed: card declined");
/// ```
///
/// Any `std` error turns into one with `?`; its name is then [`TaskError::UNNAMED`] and its cause the chain
/// of messages. Errors that aren't `std` errors (`anyhow::Error`, plain text) go through
/// [`TaskError::other`]:
///
/// ```
/// # use stepwell_worker::TaskError;
/// fn price(text: &str) -> Result<u64, TaskError> {
///     Ok(text.parse::<u64>()?)
/// }
/// assert_eq!(price("12x").unwrap_err().name(), Some("Error"));
///
/// fn total() -> anyhow::Result<u64> {
///     anyhow::bail!("no price list")
/// }
/// assert_eq!(total().map_err(TaskError::other).unwrap_err().cause_text(), Some("no price list"));
/// ```
///
/// It is not a `std` error itself: that is what lets `?` turn every `std` error into one.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TaskError {
    name: Option<String>,
    cause: Option<String>,
}

impl TaskError {
    /// The name of a failure that was an error of the handler's code and got no name: `Error`.
    pub const UNNAMED: &'static str = "Error";

    /// The name of the failure when the task's input is not what the handler takes.
    pub const INVALID_INPUT: &'static str = "Stepwell.InvalidInput";

    /// The name of the failure when the handler's answer cannot be written as JSON.
    pub const INVALID_OUTPUT: &'static str = "Stepwell.InvalidOutput";

    /// The name of the failure when the handler panicked.
    pub const HANDLER_PANICKED: &'static str = "Stepwell.HandlerPanicked";

    /// The name of the failure when the engine refused the handler's answer, for instance because it is too
    /// large. Without it the task would hang until its time-out.
    pub const OUTPUT_REFUSED: &'static str = "Stepwell.OutputRefused";

    /// The name of the failure when the answer is so large that it doesn't fit into a message at all.
    pub const DATA_LIMIT_EXCEEDED: &'static str = "States.DataLimitExceeded";

    /// A failure with its name and its cause.
    pub fn new(name: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { name: Some(name.into()), cause: Some(cause.into()) }
    }

    /// A failure with a name and, for now, no cause.
    pub fn failed(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), cause: None }
    }

    /// A failure that says neither its name nor its cause; only `States.ALL` and `States.TaskFailed` match it.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The failure that any other error stands for: named [`TaskError::UNNAMED`], with the messages of the
    /// error and of its sources as the cause. Takes `anyhow::Error`, boxed errors and text.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Self::UNNAMED, chain(error.into().as_ref()))
    }

    /// The same failure with this text as its cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The same failure with a value's JSON text as its cause, so that a `Catch` can read its members with
    /// `States.StringToJson`. A value that can't be written as JSON leaves the reason as the cause.
    #[must_use]
    pub fn cause_json(self, cause: &impl Serialize) -> Self {
        let text = serde_json::to_string(cause)
            .unwrap_or_else(|error| format!("expected a cause that can be written as JSON, found: {error}"));
        self.cause(text)
    }

    /// The same failure under another name; the cause stays.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The error's name, which `Retry` and `Catch` match.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What happened.
    pub fn cause_text(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The failure as it goes over the wire. What is longer than the wire allows is cut rather than sent and
    /// refused, because a refused failure would leave the task hanging.
    pub(crate) fn into_wire(self, cause_bytes_max: usize) -> v1::TaskFailure {
        let error = self.name.map(|name| {
            let end = name.char_indices().nth(NAME_CHARS_MAX).map_or(name.len(), |(end, _)| end);
            cut(name, end)
        });
        let cause = self.cause.map(|cause| {
            let end = cause.floor_char_boundary(cause_bytes_max);
            cut(cause, end)
        });
        v1::TaskFailure { error, cause }
    }
}

fn cut(mut text: String, end: usize) -> String {
    text.truncate(end);
    text
}

/// The messages of an error and of what caused it, outermost first. A source that merely repeats what its
/// wrapper said already is left out.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}

impl<E: StdError + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self::new(Self::UNNAMED, chain(&error))
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.cause) {
            (Some(name), Some(cause)) => write!(f, "{name}: {cause}"),
            (Some(text), None) | (None, Some(text)) => f.write_str(text),
            (None, None) => f.write_str("failed, without a name or a cause"),
        }
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskError").field("name", &self.name).field("cause", &self.cause).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_errors_bring_their_chain() {
        #[derive(Debug, thiserror::Error)]
        #[error("could not charge the card")]
        struct Charge(#[source] std::num::ParseIntError);

        let source = "x".parse::<u8>().expect_err("not a number");
        let error = TaskError::from(Charge(source));
        assert_eq!(error.name(), Some("Error"));
        assert_eq!(error.cause_text(), Some("could not charge the card: invalid digit found in string"));
    }

    #[test]
    fn both_parts_are_optional() {
        let table = [
            (TaskError::anonymous(), None, None),
            (TaskError::failed("A"), Some("A"), None),
            (TaskError::anonymous().cause("c"), None, Some("c")),
            (TaskError::new("A", "c").named("B"), Some("B"), Some("c")),
            (TaskError::failed("A").cause_json(&serde_json::json!({"n": 1})), Some("A"), Some("{\"n\":1}")),
        ];
        for (error, name, cause) in table {
            assert_eq!((error.name(), error.cause_text()), (name, cause));
            let wire = error.into_wire(100);
            assert_eq!((wire.error.as_deref(), wire.cause.as_deref()), (name, cause));
        }
    }

    #[test]
    fn too_long_parts_are_cut_between_characters() {
        let wire = TaskError::new("é".repeat(300), "é".repeat(300)).into_wire(7);
        assert_eq!(wire.error, Some("é".repeat(256)));
        assert_eq!(wire.cause, Some("ééé".to_owned()));
    }
}
