//! Answers to tasks: from workers on their streams, and from the holders of tokens.

use std::sync::Arc;

use stepwell_asl::failure::Failure;
use stepwell_asl::ids::TaskToken;
use stepwell_asl::machine::{AnsweredBy, Attempt, Command, Rejection};
use stepwell_asl::payload::Payload;

use super::{Error, Service};
use crate::dispatch::{Delivery, Outbox, Receipt, Verdict, WorkerId};
use crate::runtime::{Accepted, Ask, Refused, ReplyTo, Request, Stopped};

/// The error of a task whose worker answered with something that is not JSON.
const INVALID_OUTPUT: &str = "Stepwell.InvalidOutput";

/// What a worker or a token's holder answers.
#[derive(Debug, Clone)]
pub enum TaskAnswer {
    /// The task succeeded; not yet checked to be JSON.
    Output(String),
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
            let message = "expected the token of a task that was handed out, found something else".to_owned();
            outbox.receipt(Receipt { token, verdict: Verdict::Refused, message });
            return Ok(());
        };
        let answer = match answer {
            TaskAnswer::Output(text) => self.worker_output(text),
            TaskAnswer::Failure(failure) => Err(failure),
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

    /// Notes which worker took a task, where the history wants to know.
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

    /// Ends a task by its token.
    ///
    /// # Errors
    /// When the token or the output is invalid, unknown, or the attempt is over in another way.
    pub async fn answer_by_token(&self, token: &str, answer: TaskAnswer) -> Result<(), Error> {
        let token = parse(token)?;
        let answer = match answer {
            TaskAnswer::Output(text) => Ok(self.payload("the output", &text)?),
            TaskAnswer::Failure(failure) => Err(failure),
        };
        let asked = self.ask(|reply| answer_request(token, AnsweredBy::Token, answer, reply)).await?;
        self.over_or_unknown(token, asked).await
    }

    /// Notes a sign of life of a task, by its token.
    ///
    /// # Errors
    /// When the token is invalid or unknown, or the attempt is over.
    pub async fn beat_by_token(&self, token: &str) -> Result<(), Error> {
        let token = parse(token)?;
        let asked = self.ask(|reply| heartbeat(token, reply)).await?;
        self.over_or_unknown(token, asked).await
    }

    /// For an execution that does not run, tells one that has ended from one that never was.
    async fn over_or_unknown(&self, token: TaskToken, asked: Result<Accepted, Refused>) -> Result<(), Error> {
        match asked {
            Ok(_) => Ok(()),
            Err(Refused::NotRunning) if self.store().execution(token.execution).await?.is_some() => {
                Err(Refused::Rejected(Rejection::TaskOver).into())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    fn worker_output(&self, text: String) -> Result<Payload, Failure> {
        if text.len() > self.headers.limits.payload_bytes_max {
            // The interpreter refuses it by its size and never reads it.
            return Ok(Payload::stored(text));
        }
        Payload::from_text(text).map_err(|error| Failure::new(INVALID_OUTPUT, format!("the worker's output: {error}")))
    }
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
    Request { execution: token.execution, ask: Ask::Command(Command::AnswerTask { attempt, by, answer }), reply }
}

fn heartbeat(token: TaskToken, reply: ReplyTo) -> Request {
    let attempt = Attempt { event: token.attempt, nonce: token.nonce };
    Request { execution: token.execution, ask: Ask::Command(Command::RecordHeartbeat { attempt }), reply }
}
