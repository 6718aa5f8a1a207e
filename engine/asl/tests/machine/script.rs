//! Scripts: what the world does to an execution, one line each, and the transcript of what comes of it.
//!
//! ```text
//! start {"id":1}             starts it, after an optional `limits steps=2 history=100 payload=50`
//! complete Charge {"ok":1}   the worker that holds the oldest open task of the state answers
//! complete Charge#2 {}       the second task ever dispatched for the state, open or not
//! fail Charge Declined why   it fails, with an error and, if any words follow, a cause
//! token Charge {}            whoever has the token answers; `token-fail` likewise
//! heartbeat Charge           a sign of life
//! take Charge worker-1       a worker takes an activity's task
//! lose Charge 3              the third worker was lost with it
//! forge Charge               an answer with a made-up nonce
//! +1.5s                      time passes
//! stop Error why             somebody stops it
//! wake                       a wake-up out of turn
//! restart                    the engine restarts
//! ```
//!
//! The transcript has one event per line: time, number, type, details. `←` names the cause where it is not the
//! event before; a dot stands for the number of an event that histories do not show. Orders to the world follow
//! after `>`.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;
use serde_json::Value;
use stepwell_asl::failure::Failure;
use stepwell_asl::history;
use stepwell_asl::ids::EventId;
use stepwell_asl::machine::{
    AnsweredBy, Attempt, Command, Effect, Event, Fact, Header, Limits, Outcome, TaskOrder, Transition,
};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;

use crate::stage::{START, Stage, parse};

/// Plays a script on a definition and compares the transcript.
///
/// The definition is a document, the `States` of one (the first state is where it starts), or the name of a file
/// in `definitions/`.
pub(crate) fn check(definition: &str, script: &str, expected: Expect) {
    expected.assert_eq(&transcript(definition, script));
}

/// The last line of a transcript: how it ended.
pub(crate) fn outcome(definition: &str, script: &str) -> String {
    transcript(definition, script).lines().last().unwrap_or_default().to_owned()
}

/// What comes of a script.
pub(crate) fn transcript(definition: &str, script: &str) -> String {
    let mut limits = Limits::default();
    let mut player: Option<Player> = None;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (&mut player, word) {
            (None, "limits") => limits = limits_of(rest),
            (None, "start") => player = Some(Player::start(&document(definition), rest, limits)),
            (None, _) => panic!("expected a script to begin with start, found {line}"),
            (Some(player), _) => player.play(line, word, rest),
        }
    }
    player.map(Player::finish).unwrap_or_default()
}

fn limits_of(settings: &str) -> Limits {
    let mut limits = Limits::default();
    for (name, number) in settings.split_whitespace().filter_map(|setting| setting.split_once('=')) {
        let number: u32 = number.parse().unwrap();
        match name {
            "steps" => limits.steps_per_transition = number,
            "history" => limits.history_events_max = number.into(),
            "payload" => limits.payload_bytes_max = number as usize,
            _ => panic!("expected steps, history or payload, found {name}"),
        }
    }
    limits
}

fn document(definition: &str) -> String {
    if definition.ends_with(".asl.json") {
        let path = format!("{}/../../definitions/{definition}", env!("CARGO_MANIFEST_DIR"));
        return std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let value: Value =
        serde_json::from_str(definition).unwrap_or_else(|error| panic!("{error} in {definition}"));
    let first = value.as_object().and_then(|members| members.keys().next().cloned());
    match value.get("States") {
        Some(_) => definition.to_owned(),
        None => serde_json::json!({ "StartAt": first, "States": value }).to_string(),
    }
}

struct Player {
    stage: Stage,
    transcript: String,
}

impl Player {
    fn start(definition: &str, input: &str, limits: Limits) -> Self {
        let (stage, transition) = Stage::start(parse(definition), input, limits, 1);
        let mut player = Self { stage, transcript: String::new() };
        let now = player.stage.now;
        player.note(now, &transition);
        player.settle();
        player
    }

    fn play(&mut self, line: &str, word: &str, rest: &str) {
        if let Some(time) = word.strip_prefix('+') {
            let Self { stage, transcript } = self;
            stage.pass_time(duration(time), |stage, transition| {
                note(transcript, stage.execution.header(), stage.now, &transition);
                let now = stage.now;
                stage
                    .settle(|stage, transition| note(transcript, stage.execution.header(), now, &transition));
            });
            return;
        }
        if word == "restart" {
            let effects = self.stage.restart();
            let now = self.stage.now;
            self.transcript += "restart\n";
            self.note(now, &Transition { events: Vec::new(), effects });
            return;
        }
        match self.stage.handle(command(&self.stage, line, word, rest)) {
            Ok(transition) => {
                let now = self.stage.now;
                self.note(now, &transition);
                self.settle();
            }
            Err(rejection) => drop(writeln!(self.transcript, "refused: {line}: {rejection}")),
        }
    }

    fn settle(&mut self) {
        let Self { stage, transcript } = self;
        stage.settle(|stage, transition| note(transcript, stage.execution.header(), stage.now, &transition));
    }

    fn note(&mut self, now: Timestamp, transition: &Transition) {
        note(&mut self.transcript, self.stage.execution.header(), now, transition);
    }

    fn finish(mut self) -> String {
        self.stage.verify_replay();
        let ended = match self.stage.execution.outcome() {
            Outcome::Running => "RUNNING".to_owned(),
            Outcome::Succeeded(output) => format!("SUCCEEDED {}", output.text()),
            Outcome::Failed(failure) => format!("FAILED {}", words(failure)),
            Outcome::TimedOut(failure) => format!("TIMED_OUT {}", words(failure)),
            Outcome::Aborted(failure) => format!("ABORTED {}", words(failure)),
        };
        self.transcript += ended.trim_end();
        self.transcript.push('\n');
        self.transcript
    }
}

fn command(stage: &Stage, line: &str, word: &str, rest: &str) -> Command {
    let (task, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let payload = || Payload::from_text(if rest.is_empty() { "{}" } else { rest }).unwrap();
    let answer = |by, answer| Command::AnswerTask { attempt: attempt(stage, task), by, answer };
    match word {
        "complete" => answer(AnsweredBy::Worker, Ok(payload())),
        "fail" => answer(AnsweredBy::Worker, Err(failure(rest))),
        "token" => answer(AnsweredBy::Token, Ok(payload())),
        "token-fail" => answer(AnsweredBy::Token, Err(failure(rest))),
        "heartbeat" => Command::RecordHeartbeat { attempt: attempt(stage, task) },
        "take" => {
            let worker = (!rest.is_empty()).then(|| rest.into());
            Command::StartTask { attempt: attempt(stage, task), worker }
        }
        "lose" => Command::LoseTask { attempt: attempt(stage, task), deliveries: rest.parse().unwrap() },
        "forge" => {
            let Attempt { event, nonce } = attempt(stage, task);
            let attempt = Attempt { event, nonce: nonce ^ 1 };
            Command::AnswerTask { attempt, by: AnsweredBy::Worker, answer: Ok(payload()) }
        }
        "forge-event" => {
            let attempt = Attempt { event: EventId(task.parse().unwrap()), nonce: 0 };
            Command::AnswerTask { attempt, by: AnsweredBy::Worker, answer: Ok(payload()) }
        }
        "stop" => {
            let words = line.strip_prefix("stop").unwrap_or_default().trim();
            Command::Stop { failure: failure(words) }
        }
        "wake" => Command::Wake,
        _ => panic!("expected a line of a script, found {line}"),
    }
}

/// The oldest open task of a state, or the numbered one of all that were ever dispatched for it.
fn attempt(stage: &Stage, task: &str) -> Attempt {
    let (state, number) = task.split_once('#').map_or((task, None), |(state, number)| (state, Some(number)));
    let of_state: Vec<&TaskOrder> = stage.orders.iter().filter(|order| &*order.state == state).collect();
    let order = match number {
        Some(number) => of_state.get(number.parse::<usize>().unwrap() - 1).copied(),
        // A task that waits for its token is no longer held by its worker, and still the one that is meant.
        None => of_state
            .iter()
            .find(|order| stage.held.contains_key(&order.token.attempt))
            .or(of_state.last())
            .copied(),
    };
    let token = order.unwrap_or_else(|| panic!("expected a task of {task}, found {:?}", stage.orders)).token;
    Attempt { event: token.attempt, nonce: token.nonce }
}

fn failure(words: &str) -> Failure {
    let (error, cause) = words.split_once(' ').map_or((words, None), |(error, cause)| (error, Some(cause)));
    Failure { error: (!error.is_empty()).then(|| error.into()), cause: cause.map(Into::into) }
}

fn duration(text: &str) -> Duration {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number: f64 = text.trim_end_matches(unit).parse().unwrap();
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => panic!("expected ms, s, m, h or d, found {text}"),
    };
    Duration::from_secs_f64(number * seconds)
}

fn note(transcript: &mut String, header: &Header, now: Timestamp, transition: &Transition) {
    for event in &transition.events {
        assert_eq!(event.at, now);
        transcript.push_str(&shown(event, header));
        transcript.push('\n');
    }
    for effect in &transition.effects {
        let _ = match effect {
            Effect::DispatchTask(order) => writeln!(transcript, "  > {}", ordered(order)),
            Effect::CancelTask(attempt) => writeln!(transcript, "  > cancel {attempt}"),
            Effect::WakeNow => writeln!(transcript, "  > wake now"),
        };
    }
}

fn ordered(order: &TaskOrder) -> String {
    let mut text =
        format!("dispatch {} to {}, try {}", order.token.attempt, order.queue, order.attempt_number);
    if let Some(deadline) = order.deadline_at {
        let _ = write!(text, ", until {}", since_start(deadline));
    }
    if let Some(silence) = order.heartbeat {
        let _ = write!(text, ", silent for {silence:?} at most");
    }
    format!("{text}: {}", order.input.text())
}

/// One event on one line.
fn shown(event: &Event, header: &Header) -> String {
    let (number, kind, details) = match history::show(event, header) {
        Some(shown) => (event.id.to_string(), shown.event_type, shown.details.unwrap_or_default()),
        None => (".".to_owned(), unshown(&event.fact), serde_json::Map::new()),
    };
    let mut line = format!("{} {number} {kind}", since_start(event.at));
    if event.id != EventId::NONE && event.previous.0 + 1 != event.id.0 {
        let _ = write!(line, " ←{}", event.previous);
    }
    for (name, value) in &details {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = match name.as_str() {
            "inputDetails" | "outputDetails" | "roleArn" | "region" | "resourceType" => Ok(()),
            "name" | "error" | "cause" | "input" | "output" | "parameters" => write!(line, " {text}"),
            _ => write!(line, " {name}={text}"),
        };
    }
    line
}

fn unshown(fact: &Fact) -> String {
    if let Fact::RetryScheduled { retrier, resume_at } = fact {
        format!("RetryScheduled by retrier {retrier} at {}", since_start(*resume_at))
    } else if let Fact::WaitScheduled { until } = fact {
        format!("WaitScheduled until {}", since_start(*until))
    } else if let Fact::BranchSucceeded { output } = fact {
        format!("BranchSucceeded {}", output.text())
    } else {
        format!("{fact:?}")
    }
}

fn words(failure: &Failure) -> String {
    let parts = [&failure.error, &failure.cause].into_iter().flatten();
    parts.map(|part| part.to_string()).collect::<Vec<_>>().join(": ")
}

fn since_start(at: Timestamp) -> String {
    let passed = START.until(at);
    if passed.is_zero() { "0s".to_owned() } else { format!("{passed:?}") }
}
