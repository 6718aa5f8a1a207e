//! A failure of the saga, as data: what `Retry` and `Catch` match and what an execution ends with.

use std::sync::Arc;

use crate::error_name;

/// An error name and its cause. Either may be absent: a bare `Fail` state has neither.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// The error's name, `States.*` or the author's own.
    pub error: Option<Arc<str>>,
    /// What happened, in words or as the JSON text a worker gave.
    pub cause: Option<Arc<str>>,
}

impl Failure {
    /// A failure with a name and a cause.
    #[must_use]
    pub fn new(error: &str, cause: impl Into<Arc<str>>) -> Self {
        Self { error: Some(error.into()), cause: Some(cause.into()) }
    }

    /// A failure that has a name only, as time-outs do.
    #[must_use]
    pub fn named(error: &str) -> Self {
        Self { error: Some(error.into()), cause: None }
    }

    /// `States.Runtime` with its cause: a fault of the definition that nothing catches.
    #[must_use]
    pub fn runtime(cause: impl Into<Arc<str>>) -> Self {
        Self::new(error_name::RUNTIME, cause)
    }

    /// The name that matchers see; empty when there is none, which only `States.ALL` and
    /// `States.TaskFailed` match.
    #[must_use]
    pub fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}
