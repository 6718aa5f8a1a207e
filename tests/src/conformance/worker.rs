//! Scripted workers: what a worker does with a task, and when, decided as soon as it gets it.
//! The behaviours are those of the recordings and of `stepwell worker --script`.

use std::time::Duration;

use serde_json::{Map, Value, json};
use stepwell_asl::entropy::Entropy;
use stepwell_asl::failure::Failure;
use stepwell_asl::ids::TaskToken;
use stepwell_asl::machine::{AnsweredBy, Attempt, Command, TaskOrder};
use stepwell_asl::payload::Payload;

/// Something a worker does, that long after it got the task.
#[derive(Debug)]
pub struct Act {
    /// How long after.
    pub after: Duration,
    /// What.
    pub command: Command,
}

/// The task queue of a resource.
#[must_use]
pub fn queue_of(resource: &str) -> &str {
    match resource.strip_prefix("arn:aws:states:::") {
        Some(call) => call.split('.').next().unwrap_or(call),
        None => resource.rsplit(':').next().unwrap_or(resource),
    }
}

/// What the worker of a queue does with a task. `None` when nobody serves the queue.
#[must_use]
pub fn play(workers: &Map<String, Value>, order: &TaskOrder, entropy: &mut Entropy) -> Option<Vec<Act>> {
    let scripted = workers.iter().find(|(resource, _)| queue_of(resource) == &*order.queue);
    let behaviour = match scripted {
        Some((_, behaviour)) => behaviour.clone(),
        // A queue takes every message.
        None if &*order.queue == "sqs:sendMessage" => json!({ "callback": null }),
        None => return None,
    };
    let attempt = Attempt { event: order.token.attempt, nonce: order.token.nonce };
    let player = Player { behaviour, order, attempt };
    Some(player.acts(entropy))
}

struct Player<'a> {
    behaviour: Value,
    order: &'a TaskOrder,
    attempt: Attempt,
}

impl Player<'_> {
    fn acts(&self, entropy: &mut Entropy) -> Vec<Act> {
        let worker = self.behaviour.get("worker_name").and_then(Value::as_str).map(Into::into);
        let attempt = self.attempt;
        let mut acts = Vec::new();
        if self.order.wants_start() {
            acts.push(Act { after: Duration::ZERO, command: Command::StartTask { attempt, worker } });
        }
        if let Some(callback) = self.behaviour.get("callback") {
            acts.push(self.answer(Duration::ZERO, Ok(accepted(entropy))));
            acts.extend(callback.as_object().map(|callback| self.call_back(callback)).unwrap_or_default());
            return acts;
        }
        let mut at = self.seconds("sleep_s");
        if self.behaviour.get("heartbeats").is_some() {
            let every = self.order.heartbeat.unwrap_or(Duration::from_secs(1)) / 2;
            for _ in 0..3 {
                at += every;
                acts.push(Act { after: at, command: Command::RecordHeartbeat { attempt } });
            }
            at += every;
        }
        if self.behaviour.get("no_answer").is_none() {
            acts.push(self.answer(at, self.result(entropy)));
        }
        acts
    }

    fn result(&self, entropy: &mut Entropy) -> Result<Payload, Failure> {
        if let Some(raised) = self.behaviour.get("raise") {
            return Err(self.raised(raised, entropy));
        }
        if let Some(format) = self.behaviour.get("return_format").and_then(Value::as_str) {
            return Ok(Value::from(format.replace("{input}", self.order.input.text())).into());
        }
        if let Some(repeat) = self.behaviour.get("return_repeat") {
            let text = repeat.get("text").and_then(Value::as_str).unwrap_or_default();
            let count = repeat.get("count").and_then(Value::as_u64).unwrap_or_default();
            return Ok(Value::from(text.repeat(usize::try_from(count).unwrap_or_default())).into());
        }
        Ok(match self.behaviour.get("return") {
            Some(value) => value.clone().into(),
            None => self.order.input.clone(),
        })
    }

    /// A failure as a function's runtime reports it, or one with the given names.
    fn raised(&self, raised: &Value, entropy: &mut Entropy) -> Failure {
        let text = |member: &str| raised.get(member).and_then(Value::as_str).map(Into::into);
        if raised.get("errorType").is_none() {
            let from_input = raised.get("cause_from_input").is_some().then(|| self.order.input.text().into());
            return Failure { error: text("error"), cause: from_input.or_else(|| text("cause")) };
        }
        let cause = spaced(raised).replace("<uuid>", &entropy.next_uuid());
        Failure { error: text("errorType"), cause: Some(cause.into()) }
    }

    /// Whoever was sent the token answers it; without a token nobody can.
    fn call_back(&self, callback: &Map<String, Value>) -> Vec<Act> {
        let at =
            |member: &str| callback.get(member).and_then(Value::as_str).and_then(|path| self.parameter(path));
        let Some(token) = at("token_at").and_then(Value::as_str) else { return Vec::new() };
        let Ok(TaskToken { attempt: event, nonce, .. }) = token.parse() else { return Vec::new() };
        let attempt = Attempt { event, nonce };
        let number = |member: &str| callback.get(member).and_then(Value::as_f64);
        let beats = callback.get("heartbeats").and_then(Value::as_u64).unwrap_or_default();
        let every = Duration::from_secs_f64(number("heartbeat_every_s").unwrap_or(1.0));
        let mut acts = Vec::new();
        let mut time = Duration::ZERO;
        for _ in 0..beats {
            time += every;
            acts.push(Act { after: time, command: Command::RecordHeartbeat { attempt } });
        }
        time += Duration::from_secs_f64(number("after_s").unwrap_or_default());
        let text = |member: &str| callback.get(member).and_then(Value::as_str).map(Into::into);
        let answer = match text("then").as_deref() {
            Some("failure") => Err(Failure { error: text("error"), cause: text("cause") }),
            Some(_) | None => Ok(at("output_from").cloned().unwrap_or_default().into()),
        };
        acts.push(Act {
            after: time,
            command: Command::AnswerTask { attempt, by: AnsweredBy::Token, answer },
        });
        acts
    }

    /// The value at a plain path into the task's parameters.
    fn parameter(&self, path: &str) -> Option<&Value> {
        let names = path.split('.').skip(1);
        names.into_iter().try_fold(self.order.input.value(), |value, name| value.get(name))
    }

    fn seconds(&self, member: &str) -> Duration {
        Duration::from_secs_f64(self.behaviour.get(member).and_then(Value::as_f64).unwrap_or_default())
    }

    fn answer(&self, after: Duration, answer: Result<Payload, Failure>) -> Act {
        let by = AnsweredBy::Worker;
        Act { after, command: Command::AnswerTask { attempt: self.attempt, by, answer } }
    }
}

/// What a queue says to a message.
fn accepted(entropy: &mut Entropy) -> Payload {
    let digest = format!("{:016x}{:016x}", entropy.next_u64(), entropy.next_u64());
    json!({ "MD5OfMessageBody": digest, "MessageId": entropy.next_uuid() }).into()
}

/// JSON text with a blank after each comma and colon, as function runtimes write it.
fn spaced(value: &Value) -> String {
    if let Some(members) = value.as_object() {
        let members =
            members.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), spaced(value)));
        return format!("{{{}}}", members.collect::<Vec<_>>().join(", "));
    }
    if let Some(elements) = value.as_array() {
        return format!("[{}]", elements.iter().map(spaced).collect::<Vec<_>>().join(", "));
    }
    value.to_string()
}
