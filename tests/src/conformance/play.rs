//! Plays one case: starts the execution, plays the workers, and lets virtual time jump to whatever is next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use stepwell_asl::definition::Definition;
use stepwell_asl::entropy::Entropy;
use stepwell_asl::failure::Failure;
use stepwell_asl::history;
use stepwell_asl::ids::ExecutionId;
use stepwell_asl::machine::{self, Command, Effect, Execution, Header, Limits, Outcome, Status, Transition};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;

use super::case::{Case, START};
use super::worker;

/// The account and region the cases were recorded in.
const PREFIX: &str = "arn:aws:states:us-east-1:111111111111";
/// A case that is expected to be still running is looked at after so long.
const LOOKED_AT: Duration = Duration::from_secs(3_600);
/// No case takes more commands.
const COMMANDS_MAX: usize = 10_000;

/// What became of an execution, in the shapes of the service's answers.
#[derive(Debug)]
pub struct Played {
    /// `SUCCEEDED` …
    pub status: String,
    /// The output's text.
    pub output: Option<String>,
    /// The error's name.
    pub error: Option<String>,
    /// The cause.
    pub cause: Option<String>,
    /// The events.
    pub history: Vec<Value>,
    /// Queues whose tasks nobody took.
    pub unserved: Vec<String>,
}

/// Plays a case to its end, or to where nothing more would happen.
///
/// # Errors
/// When the input is no payload, or the execution does not come to rest.
pub fn play(case: &Case, definition: Definition) -> Result<Played, String> {
    let input = Payload::from_text(case.input.as_str()).map_err(|error| format!("input: {error}"))?;
    let mut entropy = Entropy::from_seed([0, 7]);
    let (execution, transition) = machine::start(header(case, definition), input, START, &mut entropy);
    let mut stage = Stage {
        case,
        execution,
        entropy,
        now: START,
        agenda: BTreeMap::new(),
        history: Vec::new(),
        unserved: Vec::new(),
    };
    stage.take(transition);
    for _ in 0..COMMANDS_MAX {
        if !stage.step() {
            return Ok(stage.played());
        }
    }
    Err(format!("expected the execution to come to rest within {COMMANDS_MAX} commands"))
}

fn header(case: &Case, definition: Definition) -> Arc<Header> {
    Arc::new(Header {
        id: ExecutionId(1),
        arn: format!("{PREFIX}:execution:{}:{}", case.machine, case.execution).into(),
        name: case.execution.as_str().into(),
        machine_arn: format!("{PREFIX}:stateMachine:{}", case.machine).into(),
        machine_name: case.machine.as_str().into(),
        role_arn: "arn:aws:iam::111111111111:role/sfn-role".into(),
        region: "us-east-1".into(),
        definition: Arc::new(definition),
        limits: Limits::default(),
    })
}

/// An execution and its world.
struct Stage<'a> {
    case: &'a Case,
    execution: Execution,
    entropy: Entropy,
    now: Timestamp,
    /// What workers are going to do, in order.
    agenda: BTreeMap<(Timestamp, usize), Command>,
    history: Vec<Value>,
    unserved: Vec<String>,
}

impl Stage<'_> {
    /// Lets the next thing happen; false when nothing will.
    fn step(&mut self) -> bool {
        if self.execution.outcome().status() != Status::Running {
            return false;
        }
        let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let due = self.execution.next_deadline().map(|(at, _)| at);
        let first = next.into_iter().chain(due).min();
        if self.case.expected.status == "RUNNING" && first.is_some_and(|first| first > START.after(LOOKED_AT))
        {
            return false;
        }
        let command = match (next, due) {
            (None, None) => return false,
            (Some(next), due) if due.is_none_or(|due| next <= due) => {
                self.now = self.now.max(next);
                self.agenda.pop_first().map_or(Command::Wake, |(_, command)| command)
            }
            (_, due) => {
                self.now = due.map_or(self.now, |due| self.now.max(due));
                Command::Wake
            }
        };
        // A late answer is refused, which is as it should be.
        if let Ok(transition) = machine::handle(&mut self.execution, command, self.now, &mut self.entropy) {
            self.take(transition);
        }
        true
    }

    fn take(&mut self, transition: Transition) {
        let header = self.execution.header().clone();
        let shown = transition.events.iter().filter_map(|event| history::show(event, &header));
        self.history.extend(shown.map(as_json));
        for effect in transition.effects {
            match effect {
                Effect::WakeNow => self.plan(Duration::ZERO, Command::Wake),
                // A worker that goes on nevertheless is refused.
                Effect::CancelTask(_) => {}
                Effect::DispatchTask(order) => {
                    match worker::play(&self.case.workers, &order, &mut self.entropy) {
                        Some(acts) => acts.into_iter().for_each(|act| self.plan(act.after, act.command)),
                        None => self.unserved.push(order.queue.to_string()),
                    }
                }
            }
        }
    }

    fn plan(&mut self, after: Duration, command: Command) {
        let at = self.now.after(after);
        let turn =
            self.agenda.range((at, 0)..=(at, usize::MAX)).next_back().map_or(0, |((_, turn), _)| turn + 1);
        self.agenda.insert((at, turn), command);
    }

    fn played(self) -> Played {
        let ended = |failure: &Failure| {
            let text = |part: &Option<Arc<str>>| part.as_deref().map(str::to_owned);
            (None, text(&failure.error), text(&failure.cause))
        };
        let (output, error, cause) = match self.execution.outcome() {
            Outcome::Running => (None, None, None),
            Outcome::Succeeded(output) => (Some(output.text().to_owned()), None, None),
            Outcome::Failed(failure) | Outcome::TimedOut(failure) | Outcome::Aborted(failure) => {
                ended(failure)
            }
        };
        let status = self.execution.outcome().status().to_string();
        Played { status, output, error, cause, history: self.history, unserved: self.unserved }
    }
}

/// An event as the service answers it, but for the time.
fn as_json(event: history::HistoryEvent) -> Value {
    let mut members = Map::from_iter([
        ("id".to_owned(), json!(event.id.0)),
        ("previousEventId".to_owned(), json!(event.previous.0)),
        ("type".to_owned(), json!(event.event_type)),
    ]);
    let member = event.details_member();
    members.extend(event.details.map(|details| (member, Value::Object(details))));
    Value::Object(members)
}
