//! [`TaskTokens`]: answering tasks by their token, from anywhere.

use bytes::Bytes;
use serde::Serialize;
use stepwell_proto::v1;
use stepwell_proto::v1::worker_service_client::WorkerServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::endpoint::Dialer;
use crate::error::describe;
use crate::{Endpoint, TaskError};

/// The largest cause that is sent; a longer one is cut.
const CAUSE_BYTES_MAX: usize = 256 * 1024;

/// Answers tasks by their token: for those who hold the text of a `$$.Task.Token` (of a
/// `.waitForTaskToken` state or an activity), such as a web hook or a person's approval.
///
/// Connects when it is first used. Cheap to clone.
///
/// ```no_run
/// # use stepwell_worker::{TaskError, TaskTokens};
/// # async fn approve(token: &str) -> anyhow::Result<()> {
/// let tokens = TaskTokens::new("http://127.0.0.1:7410")?;
/// tokens.complete(token, &serde_json::json!({ "approvedBy": "ada" })).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TaskTokens {
    dialer: Dialer,
    client: WorkerServiceClient<Channel>,
}

impl TaskTokens {
    /// A client of the engine at this endpoint. Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`](crate::Error::Endpoint) when the endpoint can't be used.
    pub fn new(endpoint: impl Into<Endpoint>) -> Result<Self, crate::Error> {
        let dialer = endpoint.into().resolve()?;
        let client = WorkerServiceClient::new(dialer.connect_lazily());
        Ok(Self { dialer, client })
    }

    /// Ends a task with this output. Safe to repeat: completing it again is no error.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`].
    pub async fn complete(&self, token: &str, output: &impl Serialize) -> Result<(), Error> {
        let output = serde_json::to_vec(output).map_err(|error| {
            Error::Invalid(format!("expected an output that can be written as JSON, found: {error}"))
        })?;
        self.complete_with(token, output.into()).await
    }

    /// Ends a task with this JSON text as its output.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`].
    pub async fn complete_raw(&self, token: &str, output: impl Into<String>) -> Result<(), Error> {
        self.complete_with(token, output.into().into()).await
    }

    async fn complete_with(&self, token: &str, output: Bytes) -> Result<(), Error> {
        let request = v1::CompleteTaskRequest { task_token: token.to_owned(), output };
        self.client.clone().complete_task(self.dialer.request(request)).await?;
        Ok(())
    }

    /// Fails a task.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`].
    pub async fn fail(&self, token: &str, error: impl Into<TaskError>) -> Result<(), Error> {
        let failure = Some(error.into().into_wire(CAUSE_BYTES_MAX));
        let request = v1::FailTaskRequest { task_token: token.to_owned(), failure };
        self.client.clone().fail_task(self.dialer.request(request)).await?;
        Ok(())
    }

    /// Says that a task is still being worked on.
    ///
    /// # Errors
    ///
    /// See [`enum@Error`]; with [`Error::AttemptOver`] the work is no longer wanted.
    pub async fn heartbeat(&self, token: &str) -> Result<(), Error> {
        let request = v1::RecordTaskHeartbeatRequest { task_token: token.to_owned() };
        self.client.clone().record_task_heartbeat(self.dialer.request(request)).await?;
        Ok(())
    }
}

impl std::fmt::Debug for TaskTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskTokens").field("engine", &self.dialer.address()).finish_non_exhaustive()
    }
}

/// Why a task could not be answered by its token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The token is not one of the engine's, or the output is not JSON or too large.
    #[error("{0}")]
    Invalid(String),

    /// No execution has this token.
    #[error("expected an execution that waits for this task token, found none: {0}")]
    NotFound(String),

    /// The attempt is over: it timed out, failed or was aborted.
    #[error("expected the task to be waiting for its answer, found that it is over: {0}")]
    AttemptOver(String),

    /// The engine could not be reached or could not answer. Try again: answers are safe to repeat.
    #[error("expected an answer of the engine, found {}", describe(.0))]
    Unavailable(#[source] Status),
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let message = status.message().to_owned();
        if status.code() == Code::InvalidArgument {
            Self::Invalid(message)
        } else if status.code() == Code::NotFound {
            Self::NotFound(message)
        } else if status.code() == Code::FailedPrecondition {
            Self::AttemptOver(message)
        } else {
            Self::Unavailable(status)
        }
    }
}
