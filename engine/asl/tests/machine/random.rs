//! Random definitions and a random world: workers that answer, fail, repeat themselves, come too late, make up
//! tokens or fall silent, restarts, and time that passes in between. After every step the stage checks what must
//! always hold; at the end the history is read once more as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use stepwell_asl::entropy::Entropy;
use stepwell_asl::failure::Failure;
use stepwell_asl::ids::ScopeId;
use stepwell_asl::machine::{AnsweredBy, Attempt, Command, Event, Fact, Limits, Status, TaskOrder};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;

use crate::stage::{Stage, parse};

const SEEDS: u64 = 3_000;

/// `SEED=7 cargo test random` plays one seed.
#[test]
fn random_executions_keep_the_invariants() {
    let chosen = std::env::var("SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds = chosen.map_or(0..SEEDS, |seed| seed..seed + 1);
    let mut endings: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds {
        let status =
            std::panic::catch_unwind(|| play(seed)).unwrap_or_else(|_| panic!("failed with SEED={seed}"));
        *endings.entry(status.to_string()).or_default() += 1;
    }
    if chosen.is_none() {
        for status in [Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted] {
            assert!(
                endings.contains_key(&status.to_string()),
                "expected some to end as {status}, found {endings:?}"
            );
        }
    }
}

/// Plays one seed to the end of its execution.
fn play(seed: u64) -> Status {
    let mut dice = Dice(Entropy::from_seed([seed, 0x9E37_79B9]));
    for _ in 0..8 {
        dice.0.next_u64();
    }
    let definition = Author { dice: &mut dice, states: 0 }.machine();
    let items: Vec<u64> = (0..dice.below(4)).collect();
    let limits = Limits {
        history_events_max: 400,
        steps_per_transition: 1 + u32::try_from(dice.below(20)).unwrap(),
        ..Limits::default()
    };
    let (mut stage, _) =
        Stage::start(parse(&definition), &json!({ "items": items }).to_string(), limits, seed);
    stage.settle(|_, _| {});
    for _ in 0..60 {
        disturb(&mut stage, &mut dice);
    }
    // Then all goes well, and so every execution ends: its history is bounded.
    for _ in 0..400 {
        if stage.execution.outcome().status() != Status::Running {
            break;
        }
        match stage.held.values().next().cloned() {
            Some(order) => {
                drop(stage.handle(answer(&order, AnsweredBy::Worker, Ok(json!({}).into()))).unwrap())
            }
            None => stage.pass_time(Duration::from_secs(20), |stage, _| stage.settle(|_, _| {})),
        }
        stage.settle(|_, _| {});
    }
    stage.verify_replay();
    read_history(&stage.events);
    let status = stage.execution.outcome().status();
    assert_ne!(status, Status::Running, "expected an end, found {:?} of {definition}", stage.execution);
    status
}

/// One random thing the world does.
fn disturb(stage: &mut Stage, dice: &mut Dice) {
    let held: Vec<TaskOrder> = stage.held.values().cloned().collect();
    let known = (!stage.orders.is_empty()).then(|| dice.pick(&stage.orders).clone());
    let mine = (!held.is_empty()).then(|| dice.pick(&held).clone());
    let errors = ["Down", "Broken", "States.Timeout", "States.Runtime"];
    match (dice.below(16), mine, known) {
        (0..=4, Some(order), _) => {
            let output = dice.pick(&[json!({}), json!([1]), json!(null), json!({"x": {"y": 2}})]).clone();
            stage.handle(answer(&order, AnsweredBy::Worker, Ok(output.into()))).unwrap();
        }
        (5..=6, Some(order), _) => {
            let error: &&str = dice.pick(&errors);
            let failure = Failure::new(error, "why");
            stage.handle(answer(&order, AnsweredBy::Worker, Err(failure))).unwrap();
        }
        (7, Some(order), _) => {
            stage.handle(Command::LoseTask { attempt: attempt(&order), deliveries: 3 }).unwrap();
        }
        (8, Some(order), _) => {
            stage.handle(Command::RecordHeartbeat { attempt: attempt(&order) }).unwrap();
            stage.handle(Command::StartTask { attempt: attempt(&order), worker: None }).unwrap();
        }
        (9, _, Some(order)) => {
            // Late, repeated, or of a worker that only makes the call.
            let refused = !stage.held.contains_key(&order.token.attempt);
            let answered = stage.handle(answer(&order, AnsweredBy::Worker, Ok(json!(9).into())));
            assert_eq!(answered.is_err(), refused, "an answer counts when the task is held");
        }
        (10, _, Some(order)) => {
            let mut forged = attempt(&order);
            forged.nonce ^= 1 << dice.below(64);
            let command =
                Command::AnswerTask { attempt: forged, by: AnsweredBy::Token, answer: Ok(json!(0).into()) };
            assert!(stage.handle(command).is_err(), "a made-up token is refused");
        }
        (11, _, Some(order)) => drop(stage.handle(answer(&order, AnsweredBy::Token, Ok(json!({}).into())))),
        (12, _, _) => drop(stage.restart()),
        (13, _, _) if dice.below(20) == 0 => {
            drop(stage.handle(Command::Stop { failure: Failure::default() }))
        }
        (13, _, _) => drop(stage.handle(Command::Wake)),
        _ => {
            let by = Duration::from_millis(dice.below(3_000));
            stage.pass_time(by, |stage, _| stage.settle(|_, _| {}));
        }
    }
    stage.settle(|_, _| {});
}

fn attempt(order: &TaskOrder) -> Attempt {
    Attempt { event: order.token.attempt, nonce: order.token.nonce }
}

fn answer(order: &TaskOrder, by: AnsweredBy, answer: Result<Payload, Failure>) -> Command {
    Command::AnswerTask { attempt: attempt(order), by, answer }
}

/// What holds of a whole history: an attempt has one end, and nothing happens before its time.
fn read_history(events: &[Event]) {
    let mut open: BTreeMap<ScopeId, bool> = BTreeMap::new();
    let mut not_before: BTreeMap<ScopeId, Timestamp> = BTreeMap::new();
    for event in events {
        let scope = event.scope;
        let is_end = matches!(
            event.fact,
            Fact::TaskSucceeded { .. } | Fact::TaskFailed { .. } | Fact::TaskTimedOut { .. }
        );
        if let Fact::TaskScheduled(_) = event.fact {
            assert_ne!(open.insert(scope, true), Some(true), "one attempt at a time");
        } else if is_end {
            assert_eq!(open.insert(scope, false), Some(true), "an attempt has one end");
        }
        if let Fact::WaitScheduled { until: at } | Fact::RetryScheduled { resume_at: at, .. } = &event.fact {
            not_before.insert(scope, *at);
        } else if matches!(event.fact, Fact::StateExited { .. } | Fact::TaskScheduled(_))
            && let Some(until) = not_before.remove(&scope)
        {
            assert!(event.at >= until, "a timer is never early");
        }
    }
}

struct Dice(Entropy);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn chance(&mut self, in_ten: u64) -> bool {
        self.below(10) < in_ten
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len() as u64);
        &all[usize::try_from(at).unwrap()]
    }
}

/// Writes random definitions, valid ones only.
struct Author<'a> {
    dice: &'a mut Dice,
    states: usize,
}

impl Author<'_> {
    fn machine(&mut self) -> String {
        let mut machine = self.states(0);
        if self.dice.chance(1) {
            machine.insert("TimeoutSeconds".to_owned(), json!(5 + self.dice.below(40)));
        }
        Value::Object(machine).to_string()
    }

    /// A `States` map: one state after the other, with jumps ahead, and now and then back.
    fn states(&mut self, depth: u64) -> Map<String, Value> {
        let count = 1 + self.dice.below(4 - depth.min(2));
        let names: Vec<String> = (0..count).map(|_| self.name()).collect();
        let mut states = Map::new();
        for (at, name) in names.iter().enumerate() {
            let next = names.get(at + 1);
            states.insert(name.clone(), self.state(depth, next, names.get(at..).unwrap_or_default(), &names));
        }
        Map::from_iter([
            ("StartAt".to_owned(), json!(names[0])),
            ("States".to_owned(), Value::Object(states)),
        ])
    }

    fn name(&mut self) -> String {
        self.states += 1;
        format!("S{}", self.states)
    }

    fn state(&mut self, depth: u64, next: Option<&String>, ahead: &[String], all: &[String]) -> Value {
        let kind = self.dice.below(if depth < 2 { 12 } else { 9 });
        let mut state = match (kind, next) {
            (0, None) => return json!({ "Type": "Succeed" }),
            (1, None) if self.dice.chance(5) => return json!({ "Type": "Fail", "Error": "Broken" }),
            (2, Some(next)) => {
                let back = self.dice.chance(1);
                let other =
                    self.dice.pick(if back { all } else { ahead.get(1..).unwrap_or_default() }).clone();
                let rule = json!({ "Variable": "$.x", "IsPresent": self.dice.chance(5), "Next": other });
                return json!({ "Type": "Choice", "Choices": [rule], "Default": next });
            }
            (3, _) => json!({ "Type": "Wait", "Seconds": self.dice.below(4) }),
            (4, _) => json!({ "Type": "Pass", "Result": { "x": 1 } }),
            (9, _) | (10, _) => {
                let branches: Vec<Value> =
                    (0..1 + self.dice.below(3)).map(|_| Value::Object(self.states(depth + 1))).collect();
                json!({ "Type": "Parallel", "Branches": branches })
            }
            (11, _) => json!({
                "Type": "Map",
                "ItemsPath": "$$.Execution.Input.items",
                "MaxConcurrency": self.dice.below(3),
                "ItemProcessor": self.states(depth + 1),
            }),
            _ => self.task(),
        };
        let kind = state["Type"].as_str().unwrap().to_owned();
        let members = state.as_object_mut().unwrap();
        if let "Task" | "Parallel" | "Map" = kind.as_str() {
            self.clauses(members, ahead.get(1..).unwrap_or_default());
        }
        match next {
            Some(next) => members.insert("Next".to_owned(), json!(next)),
            None => members.insert("End".to_owned(), json!(true)),
        };
        state
    }

    fn task(&mut self) -> Value {
        let resources = [
            "worker:work",
            "arn:aws:lambda:region:account:function:work",
            "arn:aws:states:local:0:activity:work",
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        ];
        let mut task = json!({ "Type": "Task", "Resource": self.dice.pick(&resources) });
        if self.dice.chance(5) || task["Resource"].as_str().unwrap().ends_with("Token") {
            task["TimeoutSeconds"] = json!(3 + self.dice.below(4));
        }
        if self.dice.chance(3) {
            task["HeartbeatSeconds"] = json!(1 + self.dice.below(2));
        }
        if self.dice.chance(2) {
            task["OutputPath"] = json!("$.x");
        }
        task
    }

    fn clauses(&mut self, state: &mut Map<String, Value>, ahead: &[String]) {
        let errors = ["Down", "States.TaskFailed", "States.Timeout", "States.HeartbeatTimeout"];
        if self.dice.chance(4) {
            let (first, jitter) = (*self.dice.pick(&errors), *self.dice.pick(&["FULL", "NONE"]));
            let first = json!({ "ErrorEquals": [first], "MaxAttempts": self.dice.below(3), "JitterStrategy": jitter });
            let last = json!({ "ErrorEquals": ["States.ALL"], "MaxAttempts": self.dice.below(2), "BackoffRate": 1.5 });
            state.insert("Retry".to_owned(), json!([first, last]));
        }
        if !ahead.is_empty() && self.dice.chance(5) {
            let (error, next) = (*self.dice.pick(&["Broken", "States.ALL"]), self.dice.pick(ahead).clone());
            let catcher = json!({ "ErrorEquals": [error], "Next": next, "ResultPath": null });
            state.insert("Catch".to_owned(), json!([catcher]));
        }
    }
}
