//! The application service: everything a client can ask of the engine, in one place. Every edge (gRPC now,
//! others later) calls this and nothing below it.
//!
//! Invariant: no decision about an execution is taken here; that is the owner's. Absent: proto types, HTTP.

mod ending;
mod executions;
mod follow;
mod history;
mod tasks;

use std::sync::Arc;

use stepwell_asl::definition::{Diagnostic, Severity};
use stepwell_asl::payload::Payload;
use tokio::sync::oneshot;

use crate::catalog::{Catalog, PutError};
use crate::dispatch::Dispatcher;
use crate::runtime::{Answer, Ask, Headers, Overloaded, OwnerHandle, ReplyTo, Request};
use crate::store::{self, Store};

pub use executions::{ExecutionView, ListPage, Started};
pub use follow::{Followed, Following};
pub use history::{EventPage, HistoryPage};
pub use tasks::TaskAnswer;

/// Everything a client can ask.
#[derive(Clone)]
pub struct Service {
    store: Arc<dyn Store>,
    owner: OwnerHandle,
    dispatcher: Arc<Dispatcher>,
    headers: Headers,
}

/// Why a request was not done, by what the client can do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What it names does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It can't be understood or is out of bounds; the same request will never do.
    #[error("{0}")]
    InvalidArgument(String),
    /// Its definition has errors.
    #[error("the definition is not valid: {}", summary(.0))]
    InvalidDefinition(Vec<Diagnostic>),
    /// What it wants to make is there already, and differs.
    #[error("{0}")]
    AlreadyExists(String),
    /// What it names is past the point where this could be done.
    #[error("{0}")]
    FailedPrecondition(String),
    /// The engine has too much to do; the same request will do later.
    #[error("{0}")]
    Exhausted(String),
    /// The engine or its database is not there just now; the same request will do later.
    #[error("{0}")]
    Unavailable(String),
    /// Something is wrong with the engine or its data.
    #[error("{0}")]
    Internal(String),
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    let first =
        diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error).or(diagnostics.first());
    let first = first.map(ToString::to_string).unwrap_or_default();
    match diagnostics.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Fenced(_) | store::Error::Unavailable(_) => Self::Unavailable(error.to_string()),
            store::Error::Corrupt(_) | store::Error::Open(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<PutError> for Error {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Name(_) => Self::InvalidArgument(error.to_string()),
            PutError::Definition(diagnostics) => Self::InvalidDefinition(diagnostics),
            PutError::Taken(_) => Self::AlreadyExists(error.to_string()),
            PutError::Missing(_) => Self::NotFound(error.to_string()),
            PutError::Store(error) => error.into(),
        }
    }
}

impl Service {
    /// A service over its parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        owner: OwnerHandle,
        dispatcher: Arc<Dispatcher>,
        headers: Headers,
    ) -> Self {
        Self { store, owner, dispatcher, headers }
    }

    /// State machines.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.headers.catalog
    }

    /// Where state machines are listed.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Who hands tasks to workers.
    #[must_use]
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// What ARNs say.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Reads a payload from outside.
    ///
    /// # Errors
    /// When it is not JSON, nested too deeply or larger than the limit.
    pub fn payload(&self, what: &str, text: &str) -> Result<Payload, Error> {
        let max = self.headers.limits.payload_bytes_max;
        if text.len() > max {
            let found = text.len();
            return Err(Error::InvalidArgument(format!(
                "expected {what} of at most {max} bytes, found {found} bytes"
            )));
        }
        Payload::from_text(text).map_err(|error| Error::InvalidArgument(format!("{what}: {error}")))
    }

    /// Asks the owner, and waits for the answer, which comes after the commit.
    async fn ask(&self, request: impl FnOnce(ReplyTo) -> Request) -> Result<Answer, Error> {
        let (caller, answer) = oneshot::channel();
        self.owner
            .send(request(ReplyTo::Caller(caller)))
            .await
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        answer.await.map_err(|_| unconfirmed())
    }

    /// Asks the owner for something that brings new work, unless it is behind.
    async fn ask_new(&self, execution: stepwell_asl::ids::ExecutionId, ask: Ask) -> Result<Answer, Error> {
        let (caller, answer) = oneshot::channel();
        let request = Request { execution, ask, reply: ReplyTo::Caller(caller) };
        self.owner.try_send(request).map_err(|error| match error {
            Overloaded::Behind => Error::Exhausted(error.to_string()),
            Overloaded::Stopped => Error::Unavailable(error.to_string()),
        })?;
        answer.await.map_err(|_| unconfirmed())
    }
}

/// The owner went away with the question: the write may be there or not.
fn unconfirmed() -> Error {
    Error::Unavailable(
        "the engine stopped before it could confirm; it is safe to repeat the request".to_owned(),
    )
}
