//! What the world asks of an execution, and how it is refused.

use std::sync::Arc;

use crate::failure::Failure;
use crate::ids::EventId;
use crate::payload::Payload;

use super::execution::Status;

/// A request to one execution. Imperative: it may be refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// A worker took a task. Silence is counted from here, and the history of activities shows who it was.
    StartTask {
        /// Which attempt.
        attempt: Attempt,
        /// The worker's name; activities show it.
        worker: Option<Arc<str>>,
    },
    /// Somebody answered a task.
    AnswerTask {
        /// Which attempt.
        attempt: Attempt,
        /// Who answered.
        by: AnsweredBy,
        /// What they answered.
        answer: Result<Payload, Failure>,
    },
    /// The task was handed to worker after worker, and each was lost while it had it.
    LoseTask {
        /// Which attempt.
        attempt: Attempt,
        /// How many workers were lost.
        deliveries: u32,
    },
    /// A sign of life of a task. Leaves no trace in the history.
    RecordHeartbeat {
        /// Which attempt.
        attempt: Attempt,
    },
    /// Fire what is due and carry on with what is ready. Harmless when nothing is.
    Wake,
    /// End now, as ABORTED.
    Stop {
        /// What the one who stops it says.
        failure: Failure,
    },
}

/// One attempt at a task, as its token names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The event that scheduled it.
    pub event: EventId,
    /// The token's nonce.
    pub nonce: u64,
}

/// Who answers a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The worker it was handed to. For a task that waits for its token, this is the answer to the call only.
    Worker,
    /// The holder of the token.
    Token,
}

/// Why a command was refused. The execution is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// No attempt has this token.
    #[error("expected the token of a task of this execution, found one that none of its tasks has")]
    UnknownTask,
    /// The attempt is over: answered, timed out, or given up with its state.
    #[error("expected a task that waits for an answer, but its attempt is over")]
    TaskOver,
    /// The execution has ended.
    #[error("expected a running execution, but it has ended as {0}")]
    ExecutionClosed(Status),
}
