//! [`enum@Error`]: why a worker could not be built, or had to end.

use tonic::Status;

/// What trying again cannot mend. Everything else (no engine there, a lost connection, an engine that shuts
/// down) a [`Worker`](crate::Worker) mends by itself and reports through `tracing`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint's address, its TLS options or its bearer token can't be used.
    #[error("expected an endpoint such as http://127.0.0.1:7410, found `{address}`: {problem}")]
    Endpoint {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        problem: String,
    },

    /// A setting of the worker is out of its range.
    #[error("{0}")]
    Setting(String),

    /// The engine wants a bearer token and got none or another: see
    /// [`WorkerBuilder::bearer_token`](crate::WorkerBuilder::bearer_token).
    #[error("expected the engine to accept this worker's bearer token, found {}", describe(.0))]
    Unauthenticated(#[source] Status),

    /// The engine refused the worker's first frame: its name or one of its task names is not allowed.
    #[error("expected the engine to register this worker, found {}", describe(.0))]
    Refused(#[source] Status),
}

/// The code and the message of a status, without its metadata.
pub(crate) fn describe(status: &Status) -> String {
    if status.message().is_empty() {
        format!("{:?}", status.code())
    } else {
        format!("{:?}: {}", status.code(), status.message())
    }
}
