//! What was answered to each task, by its idempotency key.
//!
//! A task that was done is never done again. One that was refused is refused again when it is *delivered*
//! again, so that a late copy can't do what the saga believes undone; a further *attempt* is a new try.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;

use super::Error;

/// Who calls for a step.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The name of the execution.
    pub execution: &'a str,
    /// The name of the task.
    pub task: &'a str,
    /// The same for every delivery and every attempt of the task.
    pub key: &'a str,
    /// 1 for the first attempt.
    pub attempt: u32,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done; this is the answer.
    Done(Value),
    /// The shop won't do it.
    Refused(Refusal),
}

/// Why the shop won't do something: the error that a saga's `Catch` names, and its cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Such as `InsufficientInventory`.
    pub error: String,
    /// For people.
    pub cause: String,
}

/// Why a step stops before its end.
pub(super) enum Stop {
    /// What it wrote so far stands.
    Refused(Refusal),
    /// Nothing of it stands.
    Failed(Error),
}

impl Stop {
    pub(super) fn refused(error: &str, cause: impl Into<String>) -> Self {
        Self::Refused(Refusal { error: error.to_owned(), cause: cause.into() })
    }
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What was answered to this call before, if it was made before.
pub(super) async fn recall(
    connection: &mut SqliteConnection,
    call: &Call<'_>,
) -> Result<Option<Outcome>, Error> {
    let found: Option<(u32, String)> =
        sqlx::query_as("SELECT attempt, outcome FROM operation WHERE key = ?1")
            .bind(call.key)
            .fetch_optional(&mut *connection)
            .await?;
    let Some((attempt, text)) = found else { return Ok(None) };
    let outcome = serde_json::from_str(&text)
        .map_err(|_| Error::Corrupt { expected: "the outcome of an operation", found: text })?;
    if matches!(outcome, Outcome::Refused(_)) && attempt < call.attempt {
        return Ok(None);
    }
    sqlx::query("UPDATE operation SET repeats = repeats + 1 WHERE key = ?1")
        .bind(call.key)
        .execute(connection)
        .await?;
    Ok(Some(outcome))
}

/// Remembers what is answered to this call.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    call: &Call<'_>,
    outcome: &Outcome,
) -> Result<(), Error> {
    let text = serde_json::to_string(outcome)
        .map_err(|error| Error::Corrupt { expected: "an outcome that is JSON", found: error.to_string() })?;
    sqlx::query(
        "INSERT INTO operation (key, execution, task, attempt, outcome) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (key) DO UPDATE SET attempt = excluded.attempt, outcome = excluded.outcome",
    )
    .bind(call.key)
    .bind(call.execution)
    .bind(call.task)
    .bind(call.attempt)
    .bind(text)
    .execute(connection)
    .await?;
    Ok(())
}
