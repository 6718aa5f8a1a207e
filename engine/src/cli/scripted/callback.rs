//! Answering a task token after the message that carried it was accepted.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use stepwell_asl::eval::{Env, Path, Variables};
use stepwell_asl::ids::TaskToken;
use stepwell_worker::{TaskContext, TaskError, TaskTokens, TokenError};
use tokio::task::JoinSet;
use tracing::warn;

use super::behaviour::seconds;
use crate::cli::client::Client;
use crate::cli::follow::{Followed, Follower};
use crate::runtime::clock;

/// Between two tries to reach the engine.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What comes after a message was accepted.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Callback {
    token_at: Path,
    heartbeats: u32,
    heartbeat_every: Duration,
    after: Duration,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// What stands at a path of the input; the empty object without one.
    Success {
        output_from: Option<Path>,
    },
    Failure {
        error: Option<String>,
        cause: Option<String>,
    },
}

/// As it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    token_at: String,
    after_s: Option<f64>,
    #[serde(default)]
    then: Then,
    output_from: Option<String>,
    #[serde(default)]
    heartbeats: u32,
    heartbeat_every_s: Option<f64>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Then {
    #[default]
    Success,
    Failure,
}

impl TryFrom<Written> for Callback {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let path = |name: &str, text: &str| {
            Path::parse(text)
                .map_err(|error| format!("expected `{name}` to be a path into the input: {error}"))
        };
        let output_from = written.output_from.as_deref().map(|text| path("output_from", text)).transpose()?;
        Ok(Self {
            token_at: path("token_at", &written.token_at)?,
            heartbeats: written.heartbeats,
            heartbeat_every: seconds("heartbeat_every_s", Some(written.heartbeat_every_s.unwrap_or(1.0)))?,
            after: seconds("after_s", written.after_s)?,
            answer: match written.then {
                Then::Success => Answer::Success { output_from },
                Then::Failure => Answer::Failure { error: written.error, cause: written.cause },
            },
        })
    }
}

impl Callback {
    pub(super) fn duration(&self) -> Duration {
        self.heartbeat_every.saturating_mul(self.heartbeats).saturating_add(self.after)
    }
}

/// The callbacks that are still to come.
#[derive(Clone)]
pub(in crate::cli) struct Callbacks {
    client: Client,
    tokens: TaskTokens,
    pending: Arc<Mutex<JoinSet<()>>>,
}

impl Callbacks {
    pub(in crate::cli) fn new(client: Client, tokens: TaskTokens) -> Self {
        Self { client, tokens, pending: Arc::default() }
    }

    /// Sees to it that a token is answered; does not wait.
    pub(super) fn call_back(&self, callback: Arc<Callback>, task: &TaskContext, input: String) {
        let (client, tokens) = (self.client.clone(), self.tokens.clone());
        let execution = task.execution_arn().to_owned();
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        while pending.try_join_next().is_some() {}
        pending.spawn(async move {
            if let Err(problem) = callback.run(&client, &tokens, &execution, &input).await {
                warn!(execution, problem, "a callback is not made");
            }
        });
    }

    /// Waits for those that are still to come, but not for ever.
    pub(in crate::cli) async fn finish(self, within: Duration) {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if tokio::time::timeout(within, pending.join_all()).await.is_err() {
            warn!("some callbacks are not made: the time to drain is over");
        }
    }
}

impl Callback {
    async fn run(
        &self,
        client: &Client,
        tokens: &TaskTokens,
        execution: &str,
        input: &str,
    ) -> Result<(), String> {
        let input: Value = serde_json::from_str(input).unwrap_or_default();
        let token = select(&self.token_at, &input)?;
        let token =
            token.as_str().ok_or_else(|| format!("expected a token at {}, found {token}", self.token_at))?;
        let output = match &self.answer {
            Answer::Success { output_from: Some(path) } => Some(select(path, &input)?.to_string()),
            Answer::Success { output_from: None } => Some("{}".to_owned()),
            Answer::Failure { .. } => None,
        };
        if let Ok(token) = token.parse() {
            accepted(client, execution, token).await.map_err(|error| error.to_string())?;
        }
        for _ in 0..self.heartbeats {
            tokio::time::sleep(self.heartbeat_every).await;
            until_reached(|| tokens.heartbeat(token)).await?;
        }
        tokio::time::sleep(self.after).await;
        match (&self.answer, output) {
            (Answer::Failure { error, cause }, _) => {
                until_reached(|| tokens.fail(token, failure(error, cause))).await
            }
            (Answer::Success { .. }, output) => {
                let output = output.unwrap_or_default();
                until_reached(|| tokens.complete_raw(token, output.as_str())).await
            }
        }
    }
}

fn failure(error: &Option<String>, cause: &Option<String>) -> TaskError {
    let failure = error.as_ref().map_or_else(TaskError::anonymous, TaskError::failed);
    cause.iter().fold(failure, |failure, cause| failure.cause(cause))
}

/// What stands at a path of the input.
fn select(path: &Path, input: &Value) -> Result<Value, String> {
    let (variables, entropy) = (Variables::new(), RefCell::new(clock::entropy()));
    let env = Env { input, context: &|_| &Value::Null, variables: &variables, entropy: &entropy };
    path.select(&env).map(std::borrow::Cow::into_owned).map_err(|error| format!("nothing at {path}: {error}"))
}

/// Waits until the history shows that the message was accepted: an answer that overtook the acceptance would
/// be taken in its stead.
async fn accepted(
    client: &Client,
    execution: &str,
    token: TaskToken,
) -> Result<(), crate::cli::error::Error> {
    let mut latest = token.attempt;
    let mut follower = Follower::events(client, execution, latest.0);
    loop {
        let Followed::Events(events) = follower.next().await? else { return Ok(()) };
        for event in events.iter().filter(|event| event.id > token.attempt) {
            if event.previous == latest {
                if event.event_type != "TaskStarted" {
                    return Ok(());
                }
                latest = event.id;
            }
        }
    }
}

/// Asks until the engine answers.
async fn until_reached<F: Future<Output = Result<(), TokenError>>>(
    ask: impl Fn() -> F,
) -> Result<(), String> {
    loop {
        match ask().await {
            Err(TokenError::Unavailable(_)) => tokio::time::sleep(RETRY_EVERY).await,
            answered => return answered.map_err(|error| error.to_string()),
        }
    }
}
