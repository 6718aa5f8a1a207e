//! The script of a worker: what it does with the tasks of each queue.
//!
//! Everything is checked while it is read, so that every complaint comes with its line and column.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use stepwell_asl::definition::Resource;

use super::behaviour::{Behaviour, Written};

/// Everything a worker does.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Script {
    tasks: Tasks,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(in crate::cli) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// What is done with the tasks of each queue.
    pub(in crate::cli) fn tasks(self) -> BTreeMap<String, ScriptedTask> {
        self.tasks.0
    }

    /// The longest time that a task that is answered takes.
    pub(in crate::cli) fn longest(&self) -> Duration {
        let behaviours = self.tasks.0.values().flat_map(|task| &task.behaviours);
        behaviours.map(Behaviour::duration).max().unwrap_or_default()
    }
}

/// By queue.
#[derive(Debug)]
struct Tasks(BTreeMap<String, ScriptedTask>);

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByQueue;
        impl<'de> Visitor<'de> for ByQueue {
            type Value = Tasks;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a behaviour for each task queue")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tasks, A::Error> {
                let mut tasks = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let queue = queue_of(&key).map_err(A::Error::custom)?;
                    if tasks.contains_key(&queue) {
                        let found = format!("expected one behaviour for the queue `{queue}`, found another");
                        return Err(A::Error::custom(found));
                    }
                    tasks.insert(queue, map.next_value()?);
                }
                if tasks.is_empty() {
                    return Err(A::Error::custom(
                        "expected a behaviour for at least one task queue, found none",
                    ));
                }
                Ok(Tasks(tasks))
            }
        }
        deserializer.deserialize_map(ByQueue)
    }
}

/// The queue that a key of the script means: the name of a queue, or any resource as a definition has it.
fn queue_of(key: &str) -> Result<String, String> {
    if key == "lambda:invoke" || key.starts_with("arn:aws:states:::lambda:invoke") {
        return Err("expected the name of the function that lambda:invoke calls, found lambda:invoke itself"
            .to_owned());
    }
    match Resource::parse(key) {
        Some(resource) => Ok(resource.queue().to_string()),
        None if key.starts_with("arn:") || key.is_empty() => {
            Err(format!("expected the name of a task queue or the ARN of a resource, found '{key}'"))
        }
        None => Ok(key.to_owned()),
    }
}

/// What is done with the tasks of one queue.
#[derive(Debug, serde::Deserialize)]
#[serde(try_from = "Written")]
pub(in crate::cli) struct ScriptedTask {
    /// The name of the worker that takes them, if not the common one.
    pub(in crate::cli) worker_name: Option<String>,
    /// One for each invocation; never empty.
    behaviours: Vec<Behaviour>,
    then: Then,
    invocations: AtomicUsize,
}

/// What comes after the last behaviour of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Then {
    #[default]
    RepeatLast,
    Cycle,
    Fail,
}

impl ScriptedTask {
    /// What to do with the next task; `None` when the script has come to its end.
    pub(super) fn next(&self) -> Option<&Behaviour> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let length = self.behaviours.len();
        match self.then {
            Then::RepeatLast => self.behaviours.get(number).or(self.behaviours.last()),
            Then::Cycle => self.behaviours.get(number.checked_rem(length)?),
            Then::Fail => self.behaviours.get(number),
        }
    }
}

impl TryFrom<Written> for ScriptedTask {
    type Error = String;

    fn try_from(mut written: Written) -> Result<Self, String> {
        let worker_name = written.worker_name.take();
        let then = written.then.take();
        let (behaviours, then) = match (written.sequence.take(), then) {
            (Some(sequence), _) if sequence.is_empty() => {
                return Err("expected at least one behaviour in `sequence`, found none".to_owned());
            }
            (Some(_), _) if written.has_behaviour() => {
                return Err("expected `sequence` alone, found another behaviour beside it".to_owned());
            }
            (Some(sequence), then) => (sequence, then.unwrap_or_default()),
            (None, Some(_)) => return Err("expected `then` beside a `sequence`, found it alone".to_owned()),
            (None, None) => (vec![Behaviour::try_from(written)?], Then::RepeatLast),
        };
        Ok(Self { worker_name, behaviours, then, invocations: AtomicUsize::new(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_of_the_format_is_read() {
        let script = Script::parse(
            r#"{ "tasks": {
                "a": { "return": null },
                "arn:aws:lambda:region:account:function:b:live": { "echo": true, "worker_name": "w" },
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken": { "callback": null },
                "sns:publish": { "callback": { "token_at": "$.Message.token", "after_s": 0.5, "then": "failure",
                                 "error": "E", "cause": "C", "heartbeats": 2, "heartbeat_every_s": 1 } },
                "worker:c": { "return_format": "<{input}>", "sleep_s": 2, "heartbeats": true },
                "d": { "return_repeat": { "text": "ab", "count": 3 } },
                "e": { "raise": { "errorType": "E", "errorMessage": "M", "requestId": "<uuid>" } },
                "f": { "raise": { "error": "E", "cause_from_input": true } },
                "g": { "no_answer": true },
                "h": { "sequence": [ { "return": 1 }, { "echo": true } ], "then": "cycle" }
            } }"#,
        )
        .unwrap();
        assert_eq!(script.longest(), Duration::from_millis(2_500));
        let tasks = script.tasks();
        let queues: Vec<&str> = tasks.keys().map(String::as_str).collect();
        assert_eq!(queues, ["a", "b", "c", "d", "e", "f", "g", "h", "sns:publish", "sqs:sendMessage"]);
        assert_eq!(tasks["b"].worker_name.as_deref(), Some("w"));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let table = [
            ("{}", "missing field `tasks` at line 1 column 2"),
            (
                r#"{"tasks":{}}"#,
                "expected a behaviour for at least one task queue, found none at line 1 column 11",
            ),
            ("{\"tasks\":{\n \"a\":{\"retrun\":1}}}", "unknown field `retrun`, expected one of"),
            ("{\"tasks\":{\n \"a\":{\"retrun\":1}}}", "at line 2 column 14"),
            (
                r#"{"tasks":{"a":{}}}"#,
                "expected one of `return`, `echo`, `return_format`, `return_repeat`, `raise`, `no_answer` and `callback`, found none",
            ),
            (r#"{"tasks":{"a":{"return":1,"echo":true}}}"#, "found `return` and `echo`"),
            (r#"{"tasks":{"a":{"echo":false}}}"#, "expected `echo` to be true"),
            (
                r#"{"tasks":{"a":{"echo":true,"sleep_s":-1}}}"#,
                "expected `sleep_s` to be 0 to 31536000 seconds, found -1",
            ),
            (
                r#"{"tasks":{"a":{"raise":{"errorMessage":"m"}}}}"#,
                "expected `raise` to have `errorType`, or `error` and `cause`",
            ),
            (r#"{"tasks":{"a":{"raise":{"error":"E","caus":"c"}}}}"#, "found `caus`"),
            (r#"{"tasks":{"a":{"sequence":[]}}}"#, "at least one behaviour"),
            (
                r#"{"tasks":{"a":{"sequence":[{"sequence":[{"echo":true}]}]}}}"#,
                "expected `sequence` at the top of a task only",
            ),
            (r#"{"tasks":{"a":{"sequence":[{"echo":true}],"then":"stop"}}}"#, "unknown variant `stop`"),
            (r#"{"tasks":{"a":{"echo":true,"then":"fail"}}}"#, "expected `then` beside a `sequence`"),
            (r#"{"tasks":{"a":{"callback":{"after_s":1}}}}"#, "missing field `token_at`"),
            (r#"{"tasks":{"a":{"callback":{"token_at":"x"}}}}"#, "`token_at`"),
            (
                r#"{"tasks":{"a":{"echo":true},"worker:a":{"echo":true}}}"#,
                "expected one behaviour for the queue `a`",
            ),
            (r#"{"tasks":{"arn:aws:s3:::b":{"echo":true}}}"#, "found 'arn:aws:s3:::b'"),
            (r#"{"tasks":{"lambda:invoke":{"echo":true}}}"#, "the name of the function"),
            (r#"{"tasks":{"a":{"return_repeat":{"text":"abc","count":100000000000}}}}"#, "at most"),
        ];
        for (text, problem) in table {
            let found = Script::parse(text).unwrap_err().to_string();
            assert!(found.contains(problem), "{text}: {found}");
        }
    }

    #[test]
    fn sequences_go_on_as_they_say() {
        let turns = |then: &str| {
            let text = format!(
                r#"{{"tasks":{{"a":{{"sequence":[{{"return":1}},{{"return":2}}],"then":"{then}"}}}}}}"#
            );
            let tasks = Script::parse(&text).unwrap().tasks();
            let task = &tasks["a"];
            (0..4).map(|_| task.next().map(|turn| turn.answer_for_test())).collect::<Vec<_>>()
        };
        let some = |texts: [&str; 4]| texts.map(|text| (!text.is_empty()).then(|| text.to_owned())).to_vec();
        assert_eq!(turns("repeat-last"), some(["1", "2", "2", "2"]));
        assert_eq!(turns("cycle"), some(["1", "2", "1", "2"]));
        assert_eq!(turns("fail"), some(["1", "2", "", ""]));
    }
}
