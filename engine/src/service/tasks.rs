//! Answers to tasks: from workers on their streams, and from the holders of tokens.

use std::sync::Arc;

use stepwell_asl::failure::Failure;
use stepwell_asl::ids::TaskToken;
use stepwell_asl::machine::{AnsweredBy, Attempt, Command, Rejection};
use stepwell_asl::payload::Payload;

use super::ending::Ending;
use super::{Error, Service};
use crate::dispatch::{Delivery, Outbox, Receipt, WorkerId};
use crate::runtime::{Accepted, Ask, Refused, ReplyTo, Request, Stopped};

/// Longest name of an error, in characters.
const ERROR_CHARACTERS_MAX: usize = 256;

/// The error of a task whose worker answered with something that is not JSON.
const INVALID_OUTPUT: &str = "Stepwell.InvalidOutput";

/// What a worker or a token's holder answers.
#[derive(Debug, Clone)]
pub enum TaskAnswer {
    /// The task succeeded; not yet checked to be JSON, nor even text.
    Output(Vec<u8>),
    /// It failed.
    Failure(Failure),
}

impl Service {
    /// Takes a worker's outcome. What becomes of it goes to the worker's outbox, after the commit.
    ///
    /// An output that is not JSON fails the task: its worker would give the same again, and the task must not
    /// hang for it.
    ///
    /// # Errors
    /// When the engine is shutting down.
    pub async fn worker_answers(
        &self,
        worker: WorkerId,
        outbox: &Arc<Outbox>,
        token: Vec<u8>,
        answer: TaskAnswer,
    ) -> Result<(), Stopped> {
        let Some(parsed) = TaskToken::from_bytes(&token) else {
            outbox.receipt(Receipt::no_token(token));
            return Ok(());
        };
        let answer = match answer {
            TaskAnswer::Output(output) => self.worker_output(output),
            TaskAnswer::Failure(failure) => Err(self.bounded(failure)),
        };
        let reply = ReplyTo::Worker { worker, outbox: outbox.clone(), token };
        self.owner.send(answer_request(parsed, AnsweredBy::Worker, answer, reply)).await
    }

    /// A worker is gone. Its tasks go to others, and those that were lost too often fail.
    pub async fn worker_left(&self, worker: WorkerId) {
        for Delivery { order, number, .. } in self.dispatcher.disconnect(worker) {
            let attempt = Attempt { event: order.token.attempt, nonce: order.token.nonce };
            let ask = Ask::Command(Command::LoseTask { attempt, deliveries: number });
            let request = Request { execution: order.token.execution, ask, reply: ReplyTo::Nobody };
            if self.owner.send(request).await.is_err() {
                return;
            }
        }
    }

    /// Notes that a worker took a task, and which, where its execution wants to know.
    ///
    /// # Errors
    /// When the engine is shutting down.
    pub async fn worker_starts(&self, token: TaskToken, worker: &str) -> Result<(), Stopped> {
        let attempt = Attempt { event: token.attempt, nonce: token.nonce };
        let ask = Ask::Command(Command::StartTask { attempt, worker: Some(worker.into()) });
        self.owner.send(Request { execution: token.execution, ask, reply: ReplyTo::Nobody }).await
    }

    /// Notes a sign of life; one for a task that is over is ignored.
    ///
    /// # Errors
    /// When the engine is shutting down.
    pub async fn worker_beats(&self, token: &[u8]) -> Result<(), Stopped> {
        match TaskToken::from_bytes(token) {
            Some(token) => self.owner.send(heartbeat(token, ReplyTo::Nobody)).await,
            None => Ok(()),
        }
    }

    /// Ends a task by its token. An answer that repeats how the task ended is taken for the same one, sent
    /// again.
    ///
    /// # Errors
    /// When the token or the output is invalid, unknown, or the attempt is over in another way.
    pub async fn answer_by_token(&self, token: &str, answer: TaskAnswer) -> Result<(), Error> {
        let token = parse(token)?;
        let (answer, repeated) = match answer {
            TaskAnswer::Output(output) => {
                let text = text(output).map_err(Error::InvalidArgument)?;
                (Ok(self.payload("the output", &text)?), Ending::Succeeded)
            }
            TaskAnswer::Failure(failure) => (Err(self.bounded(failure)), Ending::Failed),
        };
        let asked = self.ask(|reply| answer_request(token, AnsweredBy::Token, answer, reply)).await?;
        match self.unless_over(token, asked).await? {
            None => Ok(()),
            Some(ending) if ending == repeated => Ok(()),
            Some(_) => Err(Refused::Rejected(Rejection::TaskOver).into()),
        }
    }

    /// Notes a sign of life of a task, by its token.
    ///
    /// # Errors
    /// When the token is invalid or unknown, or the attempt is over.
    pub async fn beat_by_token(&self, token: &str) -> Result<(), Error> {
        let token = parse(token)?;
        let asked = self.ask(|reply| heartbeat(token, reply)).await?;
        match self.unless_over(token, asked).await? {
            None => Ok(()),
            Some(_) => Err(Refused::Rejected(Rejection::TaskOver).into()),
        }
    }

    /// `None` when the owner did as asked; else how the attempt has ended. The owner knows only attempts that
    /// wait, so one that is over, one of an ended execution and one that never was are told apart by what is
    /// stored.
    async fn unless_over(
        &self,
        token: TaskToken,
        asked: Result<Accepted, Refused>,
    ) -> Result<Option<Ending>, Error> {
        match asked {
            Ok(Accepted::Done | Accepted::Started(_) | Accepted::Runs(_)) => Ok(None),
            Err(
                Refused::NotRunning | Refused::Rejected(Rejection::TaskOver | Rejection::ExecutionClosed(_)),
            ) => {
                let ending = self.ending(token).await?;
                ending.map(Some).ok_or_else(|| Refused::Rejected(Rejection::UnknownTask).into())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// A failure as it is kept: a name too long for any matcher and a cause too large for any state are cut.
    pub(super) fn bounded(&self, failure: Failure) -> Failure {
        let cut = |text: Arc<str>, end: usize| match text.get(..end) {
            Some(kept) if kept.len() < text.len() => kept.into(),
            Some(_) | None => text,
        };
        Failure {
            error: failure.error.map(|error| {
                let end = error.char_indices().nth(ERROR_CHARACTERS_MAX).map_or(error.len(), |(end, _)| end);
                cut(error, end)
            }),
            cause: failure.cause.map(|cause| {
                let end = cause.floor_char_boundary(self.headers.limits.payload_bytes_max);
                cut(cause, end)
            }),
        }
    }

    fn worker_output(&self, output: Vec<u8>) -> Result<Payload, Failure> {
        let invalid = |found: String| Failure::new(INVALID_OUTPUT, format!("the worker's output: {found}"));
        let text = text(output).map_err(invalid)?;
        if text.len() > self.headers.limits.payload_bytes_max {
            // The interpreter refuses it by its size and never reads it.
            return Ok(Payload::stored(text));
        }
        Payload::from_text(text).map_err(|error| invalid(error.to_string()))
    }
}

fn text(output: Vec<u8>) -> Result<String, String> {
    String::from_utf8(output).map_err(|error| format!("expected text in UTF-8, found other bytes: {error}"))
}

fn parse(token: &str) -> Result<TaskToken, Error> {
    token.parse().map_err(|error: stepwell_asl::ids::InvalidToken| Error::InvalidArgument(error.to_string()))
}

fn answer_request(
    token: TaskToken,
    by: AnsweredBy,
    answer: Result<Payload, Failure>,
    reply: ReplyTo,
) -> Request {
    let attempt = Attempt { event: token.attempt, nonce: token.nonce };
    Request {
        execution: token.execution,
        ask: Ask::Command(Command::AnswerTask { attempt, by, answer }),
        reply,
    }
}

fn heartbeat(token: TaskToken, reply: ReplyTo) -> Request {
    let attempt = Attempt { event: token.attempt, nonce: token.nonce };
    Request { execution: token.execution, ask: Ask::Command(Command::RecordHeartbeat { attempt }), reply }
}
