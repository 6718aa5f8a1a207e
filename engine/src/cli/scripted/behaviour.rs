//! What is done with one task.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::ser::Formatter;
use serde_json::{Map, Value, json};
use stepwell_worker::{TaskContext, TaskError};
use uuid::Uuid;

use super::callback::{Callback, Callbacks};
use super::invocation::{Invocation, Outcome};
use super::script::{ScriptedTask, Then};
use crate::cli::output::Output;

/// Longest time that can be asked for, in seconds: a year.
const SECONDS_MAX: f64 = 31_536_000.0;
/// Largest text that `return_repeat` makes, in bytes; far more than an engine takes.
const REPEATED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Between heartbeats where the engine asks for none and they only pass the time.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// A behaviour as it stands in the file; what it may not be is found when it is made one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default, deserialize_with = "present")]
    r#return: Option<Value>,
    echo: Option<bool>,
    return_format: Option<String>,
    return_repeat: Option<Repeat>,
    raise: Option<Map<String, Value>>,
    no_answer: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    callback: Option<Option<Callback>>,
    sleep_s: Option<f64>,
    heartbeats: Option<bool>,
    pub(super) worker_name: Option<String>,
    pub(super) sequence: Option<Vec<Behaviour>>,
    pub(super) then: Option<Then>,
}

/// Tells a member that is null from one that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repeat {
    text: String,
    count: usize,
}

impl Written {
    /// Whether it says what to do, apart from a sequence.
    pub(super) fn has_behaviour(&self) -> bool {
        !self.answers().is_empty() || self.sleep_s.is_some() || self.heartbeats.is_some()
    }

    /// The names of the answers that are there.
    fn answers(&self) -> Vec<&'static str> {
        let answers = [
            ("return", self.r#return.is_some()),
            ("echo", self.echo.is_some()),
            ("return_format", self.return_format.is_some()),
            ("return_repeat", self.return_repeat.is_some()),
            ("raise", self.raise.is_some()),
            ("no_answer", self.no_answer.is_some()),
            ("callback", self.callback.is_some()),
        ];
        answers.into_iter().filter_map(|(name, there)| there.then_some(name)).collect()
    }
}

/// What is done with a task.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Behaviour {
    sleep: Duration,
    heartbeats: bool,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// JSON text.
    Return(String),
    Echo,
    /// A text with `{input}` in it.
    Format(String),
    Raise(Raise),
    Nothing,
    /// Accepts the message; what comes afterwards.
    Callback(Option<Arc<Callback>>),
}

#[derive(Debug)]
enum Raise {
    /// As a function's runtime reports it: `errorType`, and the whole object as it was written.
    Runtime {
        error: String,
        object: Map<String, Value>,
    },
    Exactly {
        error: Option<String>,
        cause: Option<String>,
        cause_from_input: bool,
    },
}

impl TryFrom<Written> for Behaviour {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let at_the_top = [
            ("sequence", written.sequence.is_some()),
            ("then", written.then.is_some()),
            ("worker_name", written.worker_name.is_some()),
        ];
        if let Some((name, _)) = at_the_top.iter().find(|(_, there)| *there) {
            return Err(format!("expected `{name}` at the top of a task only, found it inside a sequence"));
        }
        let sleep = seconds("sleep_s", written.sleep_s)?;
        let heartbeats = written.heartbeats.unwrap_or_default();
        Ok(Self { sleep, heartbeats, answer: Answer::try_from(written)? })
    }
}

impl TryFrom<Written> for Answer {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        const ONE_OF: &str = "expected one of `return`, `echo`, `return_format`, `return_repeat`, `raise`, \
                              `no_answer` and `callback`";
        match written.answers().as_slice() {
            [_] => {}
            [] => return Err(format!("{ONE_OF}, found none")),
            names => {
                let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                return Err(format!("{ONE_OF}, found {}", names.join(" and ")));
            }
        }
        if let Some(value) = written.r#return {
            Ok(Self::Return(value.to_string()))
        } else if let Some(format) = written.return_format {
            Ok(Self::Format(format))
        } else if let Some(repeat) = written.return_repeat {
            repeat.answer()
        } else if let Some(raise) = written.raise {
            Ok(Self::Raise(Raise::try_from(raise)?))
        } else if let Some(callback) = written.callback {
            Ok(Self::Callback(callback.map(Arc::new)))
        } else if let Some(no_answer) = written.no_answer {
            if no_answer { Ok(Self::Nothing) } else { Err(must_be_true("no_answer")) }
        } else if written.echo.unwrap_or_default() {
            Ok(Self::Echo)
        } else {
            Err(must_be_true("echo"))
        }
    }
}

fn must_be_true(name: &str) -> String {
    format!("expected `{name}` to be true, found false; leave it out instead")
}

/// A time in seconds, checked; none is no time.
pub(super) fn seconds(name: &str, seconds: Option<f64>) -> Result<Duration, String> {
    let seconds = seconds.unwrap_or_default();
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(format!("expected `{name}` to be 0 to {SECONDS_MAX} seconds, found {seconds}"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

impl Repeat {
    fn answer(&self) -> Result<Answer, String> {
        if self.text.len().saturating_mul(self.count) > REPEATED_BYTES_MAX {
            return Err(format!(
                "expected `return_repeat` to make at most {REPEATED_BYTES_MAX} bytes, found more"
            ));
        }
        Ok(Answer::Return(Value::from(self.text.repeat(self.count)).to_string()))
    }
}

impl TryFrom<Map<String, Value>> for Raise {
    type Error = String;

    fn try_from(mut object: Map<String, Value>) -> Result<Self, String> {
        if let Some(error) = object.get("errorType") {
            let error = error
                .as_str()
                .ok_or_else(|| format!("expected `errorType` to be a string, found {error}"))?;
            return Ok(Self::Runtime { error: error.to_owned(), object });
        }
        let mut text = |name: &str| match object.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("expected `{name}` to be a string, found {other}")),
        };
        let (error, cause) = (text("error")?, text("cause")?);
        let cause_from_input = object.remove("cause_from_input").is_some_and(|value| value == true);
        if error.is_none() && cause.is_none() && !cause_from_input {
            return Err(
                "expected `raise` to have `errorType`, or `error` and `cause`, found neither".to_owned()
            );
        }
        match object.keys().next() {
            None => Ok(Self::Exactly { error, cause, cause_from_input }),
            Some(name) => {
                Err(format!("expected `error`, `cause` and `cause_from_input` in `raise`, found `{name}`"))
            }
        }
    }
}

impl Raise {
    fn failure(&self, input: &str) -> TaskError {
        match self {
            Self::Runtime { error, object } => {
                // One identifier for a call, however often it stands there.
                let cause = spaced(object).replace("<uuid>", &Uuid::new_v4().to_string());
                TaskError::new(error, cause)
            }
            Self::Exactly { error, cause, cause_from_input } => {
                let failure = error.as_ref().map_or_else(TaskError::anonymous, TaskError::failed);
                match cause {
                    _ if *cause_from_input => failure.cause(input),
                    Some(cause) => failure.cause(cause),
                    None => failure,
                }
            }
        }
    }
}

/// JSON text with a blank after each comma and colon, as function runtimes write it.
fn spaced(object: &Map<String, Value>) -> String {
    struct Spaced;
    impl Formatter for Spaced {
        fn begin_array_value<W: ?Sized + io::Write>(
            &mut self,
            writer: &mut W,
            first: bool,
        ) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
            writer.write_all(b": ")
        }
    }
    let mut text = Vec::new();
    // Writing a tree of JSON values into memory can't fail.
    let _ = object.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced));
    String::from_utf8_lossy(&text).into_owned()
}

impl Behaviour {
    /// How long it takes until everything is answered; nothing for what is never answered.
    pub(super) fn duration(&self) -> Duration {
        match &self.answer {
            Answer::Nothing => Duration::ZERO,
            Answer::Callback(Some(callback)) => self.sleep + callback.duration(),
            Answer::Return(_)
            | Answer::Echo
            | Answer::Format(_)
            | Answer::Raise(_)
            | Answer::Callback(None) => self.sleep,
        }
    }

    /// Passes the time before the answer, with signs of life if it is to give any.
    async fn pause(&self, task: &TaskContext) {
        if !self.heartbeats {
            return tokio::time::sleep(self.sleep).await;
        }
        let every =
            task.heartbeat_timeout().map_or(BEAT_EVERY, |timeout| timeout / 3).max(Duration::from_millis(10));
        let mut left = self.sleep;
        loop {
            task.heartbeat();
            tokio::time::sleep(left.min(every)).await;
            left = left.saturating_sub(every);
            if left.is_zero() {
                return;
            }
        }
    }

    #[cfg(test)]
    pub(super) fn answer_for_test(&self) -> String {
        match &self.answer {
            Answer::Return(text) => text.clone(),
            Answer::Echo | Answer::Format(_) | Answer::Raise(_) | Answer::Nothing | Answer::Callback(_) => {
                panic!("expected a return, found {:?}", self.answer)
            }
        }
    }
}

/// Plays the tasks of one queue.
pub(in crate::cli) struct Player {
    pub(in crate::cli) task: ScriptedTask,
    pub(in crate::cli) callbacks: Callbacks,
    pub(in crate::cli) output: Output,
}

impl Player {
    /// Does with a task what the script says.
    pub(in crate::cli) async fn play(&self, task: TaskContext, input: String) -> Result<String, TaskError> {
        let invocation = Invocation::of(&task, &input, self.output);
        let Some(behaviour) = self.task.next() else {
            invocation.report(Outcome::Raised);
            return Err(TaskError::new(
                "ScriptEnded",
                "expected another behaviour in the script's sequence, found none",
            ));
        };
        if matches!(behaviour.answer, Answer::Nothing) {
            // Told at once: the task may be taken away at any time, and nobody would learn that it was here.
            invocation.report(Outcome::NoAnswer);
            task.cancelled().await;
            return Err(TaskError::anonymous());
        }
        tokio::select! {
            biased;
            () = task.cancelled() => {
                invocation.report(Outcome::Cancelled);
                return Err(TaskError::anonymous());
            }
            () = behaviour.pause(&task) => {}
        }
        let answer = match &behaviour.answer {
            Answer::Return(text) => Ok(text.clone()),
            Answer::Echo | Answer::Nothing => Ok(input),
            Answer::Format(format) => Ok(Value::from(format.replace("{input}", &input)).to_string()),
            Answer::Raise(raise) => Err(raise.failure(&input)),
            Answer::Callback(callback) => {
                let accepted = accepted(&input);
                if let Some(callback) = callback {
                    self.callbacks.call_back(callback.clone(), &task, input);
                }
                Ok(accepted)
            }
        };
        invocation.report(if answer.is_ok() { Outcome::Returned } else { Outcome::Raised });
        answer
    }
}

/// What a queue says to a message.
fn accepted(input: &str) -> String {
    let input: Value = serde_json::from_str(input).unwrap_or_default();
    let body = input.get("MessageBody").or(input.get("Message")).unwrap_or(&Value::Null);
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let digest: String = Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "MD5OfMessageBody": digest, "MessageId": Uuid::new_v4().to_string() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_written_as_function_runtimes_write_them() {
        let text = r#"{"errorType":"E","stackTrace":["a","b"],"errorMessage":"m: 1, 2","nested":{"z":null}}"#;
        let raise = Raise::try_from(serde_json::from_str::<Map<String, Value>>(text).unwrap()).unwrap();
        let failure = raise.failure("{}");
        assert_eq!(failure.name(), Some("E"));
        let expected = r#"{"errorType": "E", "stackTrace": ["a", "b"], "errorMessage": "m: 1, 2", "nested": {"z": null}}"#;
        assert_eq!(failure.cause_text(), Some(expected));
    }

    #[test]
    fn a_queue_tells_the_digest_of_the_message() {
        let answer: Value = serde_json::from_str(&accepted(r#"{"MessageBody":"hello"}"#)).unwrap();
        assert_eq!(answer["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    }
}
