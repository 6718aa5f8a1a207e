//! What the owner of executions is asked, and how it answers.

use std::sync::Arc;

use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::{Command, Header, Rejection};
use stepwell_asl::payload::Payload;
use tokio::sync::oneshot;

use super::followers::Subscription;
use crate::dispatch::{Outbox, Receipt, Verdict, WorkerId};
use crate::store::ExecutionRow;

/// One thing to do to one execution.
pub struct Request {
    /// The execution.
    pub execution: ExecutionId,
    /// What to do.
    pub ask: Ask,
    /// Who wants to know what became of it. Told after the commit, never before.
    pub reply: ReplyTo,
}

/// What can be asked.
pub enum Ask {
    /// To start it.
    Start(Box<Start>),
    /// A command of the language's interpreter.
    Command(Command),
    /// To be told of each event from now on.
    Follow(Subscription),
}

/// A start, checked as far as it can be without owning the execution.
pub struct Start {
    /// What the execution keeps to its end.
    pub header: Arc<Header>,
    /// What lists will know of it; its place and its time are filled in when it starts.
    pub row: ExecutionRow,
    /// Its input.
    pub input: Payload,
}

/// An execution that runs, as far as clients ask.
#[derive(Debug, Clone)]
pub struct Running {
    /// What lists know of it.
    pub row: Arc<ExecutionRow>,
    /// What it keeps to its end.
    pub header: Arc<Header>,
    /// Its input.
    pub input: Payload,
}

/// What became of a request.
pub type Answer = Result<Accepted, Refused>;

/// It was done, and is durable.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// As asked.
    Done,
    /// The execution has started.
    Started(Arc<ExecutionRow>),
    /// The execution runs: it was started before with the same input, or is followed from now on.
    Runs(Box<Running>),
}

/// It was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The interpreter refused the command.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// No execution with this id is running.
    #[error("expected a running execution, but none has this id")]
    NotRunning,
    /// The name belongs to an execution with another input, or to one that has ended.
    #[error("expected a name that no other execution of this state machine has")]
    NameTaken,
    /// The interpreter met a fault of its own with this execution; it is set aside and the log has more.
    #[error(
        "this execution is set aside: deciding it met an internal fault, which the server's log describes"
    )]
    SetAside,
    /// The database did not confirm the write, which may or may not be there.
    #[error("the database did not confirm the write; it is safe to repeat the request")]
    Unconfirmed,
}

/// Who wants to know.
pub enum ReplyTo {
    /// Nobody.
    Nobody,
    /// A call that waits.
    Caller(oneshot::Sender<Answer>),
    /// A worker that handed in an outcome.
    Worker {
        /// Which.
        worker: WorkerId,
        /// Where its receipts go.
        outbox: Arc<Outbox>,
        /// The outcome's token, as it came.
        token: Vec<u8>,
    },
}

impl ReplyTo {
    /// The worker that asks, if it is one.
    #[must_use]
    pub fn worker(&self) -> Option<WorkerId> {
        match self {
            Self::Worker { worker, .. } => Some(*worker),
            Self::Nobody | Self::Caller(_) => None,
        }
    }

    /// Tells. A caller that went away meanwhile is not missed.
    pub fn tell(self, answer: Answer) {
        match self {
            Self::Nobody => {}
            Self::Caller(caller) => drop(caller.send(answer)),
            Self::Worker { outbox, token, .. } => outbox.receipt(receipt(token, &answer)),
        }
    }
}

/// What a worker is told about its outcome.
fn receipt(token: Vec<u8>, answer: &Answer) -> Receipt {
    let (verdict, message) = match answer {
        Ok(Accepted::Done | Accepted::Started(_) | Accepted::Runs(_)) => (Verdict::Accepted, String::new()),
        Err(Refused::Rejected(Rejection::TaskOver | Rejection::ExecutionClosed(_)) | Refused::NotRunning) => {
            (Verdict::AlreadyOver, String::new())
        }
        Err(refused @ Refused::Unconfirmed) => (Verdict::TryAgain, refused.to_string()),
        Err(
            refused @ (Refused::Rejected(Rejection::UnknownTask) | Refused::NameTaken | Refused::SetAside),
        ) => (Verdict::Refused, refused.to_string()),
    };
    Receipt { token, verdict, message }
}
