//! One execution on a stage: virtual time, seeded entropy, and the invariants of the interpreter checked
//! after every command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stepwell_asl::definition::{Definition, Severity};
use stepwell_asl::entropy::Entropy;
use stepwell_asl::history;
use stepwell_asl::ids::{EventId, ExecutionId};
use stepwell_asl::machine::{
    self, AnsweredBy, Attempt, Command, Effect, Event, Execution, Fact, Header, Limits, Rejection, Status,
    TaskOrder, Transition,
};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;

/// When every execution starts: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// An execution, everything it said, and what the world owes it.
pub(crate) struct Stage {
    pub(crate) execution: Execution,
    /// The same execution, made by its events alone.
    replayed: Execution,
    pub(crate) now: Timestamp,
    entropy: Entropy,
    pub(crate) events: Vec<Event>,
    /// Every order ever dispatched, in order.
    pub(crate) orders: Vec<TaskOrder>,
    /// Orders that workers hold: dispatched, and neither answered nor cancelled.
    pub(crate) held: BTreeMap<EventId, TaskOrder>,
    /// Whether heartbeats were heard, which replay knows nothing of.
    heard: bool,
}

/// A valid definition, or a panic that shows what is wrong with it.
pub(crate) fn parse(text: &str) -> Definition {
    let (definition, diagnostics) = Definition::parse(text);
    let errors: Vec<String> =
        diagnostics.iter().filter(|one| one.severity == Severity::Error).map(ToString::to_string).collect();
    definition.unwrap_or_else(|| panic!("{text}\n{}", errors.join("\n")))
}

impl Stage {
    /// Starts an execution. Gives what its start decided, too.
    pub(crate) fn start(
        definition: Definition,
        input: &str,
        limits: Limits,
        seed: u64,
    ) -> (Self, Transition) {
        let header = Arc::new(Header {
            id: ExecutionId(0xE),
            arn: "arn:aws:states:local:000000000000:execution:Machine:run-1".into(),
            name: "run-1".into(),
            machine_arn: "arn:aws:states:local:000000000000:stateMachine:Machine".into(),
            machine_name: "Machine".into(),
            role_arn: "arn:aws:iam::000000000000:role/none".into(),
            region: "local".into(),
            definition: Arc::new(definition),
            limits,
        });
        let mut entropy = Entropy::from_seed([seed, 1]);
        let input = Payload::from_text(input).unwrap();
        let (execution, transition) = machine::start(header.clone(), input, START, &mut entropy);
        let replayed = Execution::replay(header, transition.events.iter().take(1).cloned()).unwrap();
        let mut stage = Self {
            execution,
            replayed,
            now: START,
            entropy,
            events: Vec::new(),
            orders: Vec::new(),
            held: BTreeMap::new(),
            heard: false,
        };
        stage.take(&transition);
        stage.verify(&transition);
        (stage, transition)
    }

    /// Sends a command. What must hold after it is checked.
    pub(crate) fn handle(&mut self, command: Command) -> Result<Transition, Rejection> {
        let before = self.execution.clone();
        let handled = machine::handle(&mut self.execution, command.clone(), self.now, &mut self.entropy);
        let transition = match handled {
            Ok(transition) => transition,
            Err(rejection) => {
                assert_eq!(self.execution, before, "a refused command changes nothing");
                return Err(rejection);
            }
        };
        match command {
            Command::AnswerTask { attempt, by: AnsweredBy::Worker, .. }
            | Command::LoseTask { attempt, .. } => {
                assert!(
                    self.held.remove(&attempt.event).is_some(),
                    "an attempt is answered once, by who holds it"
                );
            }
            Command::RecordHeartbeat { .. } | Command::StartTask { .. } => self.heard = true,
            Command::AnswerTask { by: AnsweredBy::Token, .. } | Command::Wake | Command::Stop { .. } => {}
        }
        self.take(&transition);
        self.verify(&transition);
        Ok(transition)
    }

    /// Moves the clock, and fires what falls due on the way, each at its time. `each` sees every transition.
    pub(crate) fn pass_time(&mut self, by: Duration, mut each: impl FnMut(&mut Self, Transition)) {
        let until = self.now.after(by);
        while let Some((at, _)) = self.execution.next_deadline().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            let transition = self.handle(Command::Wake).unwrap();
            each(self, transition);
        }
        self.now = until;
    }

    /// Follows up on `Effect::WakeNow` until the execution waits.
    pub(crate) fn settle(&mut self, mut each: impl FnMut(&mut Self, Transition)) {
        while self.execution.is_ready() {
            let transition = self.handle(Command::Wake).unwrap();
            assert!(!transition.events.is_empty(), "who is ready goes on");
            each(self, transition);
        }
    }

    /// Forgets the execution, and makes it again from its history, as a restart does.
    pub(crate) fn restart(&mut self) -> Vec<Effect> {
        let header = self.execution.header().clone();
        self.execution = Execution::replay(header, self.events.iter().cloned()).unwrap();
        assert_eq!(self.execution, self.replayed);
        self.heard = true;
        let effects = self.execution.owed(self.now);
        self.start_taken(&effects);
        effects
    }

    fn take(&mut self, transition: &Transition) {
        for event in &transition.events {
            self.replayed.apply(event);
        }
        self.events.extend(transition.events.iter().cloned());
        for effect in &transition.effects {
            match effect {
                Effect::DispatchTask(order) => {
                    let scheduled = self.events.iter().find(|event| event.id == order.token.attempt);
                    let nonce = scheduled.and_then(|event| {
                        let Fact::TaskScheduled(task) = &event.fact else { return None };
                        Some(task.nonce)
                    });
                    assert_eq!(nonce, Some(order.token.nonce), "what is dispatched was scheduled");
                    self.orders.push(order.clone());
                    assert!(
                        self.held.insert(order.token.attempt, order.clone()).is_none(),
                        "dispatched once"
                    );
                }
                Effect::CancelTask(attempt) => {
                    assert!(
                        self.orders.iter().any(|order| order.token.attempt == *attempt),
                        "cancelled unknown"
                    );
                    self.held.remove(attempt);
                }
                Effect::WakeNow => {}
            }
        }
        self.start_taken(&transition.effects);
    }

    /// Workers take tasks with heartbeats as soon as they are handed out; activities say when.
    fn start_taken(&mut self, effects: &[Effect]) {
        for effect in effects {
            let Effect::DispatchTask(order) = effect else { continue };
            if order.heartbeat.is_some()
                && !order.reports_start
                && self.held.contains_key(&order.token.attempt)
            {
                let attempt = Attempt { event: order.token.attempt, nonce: order.token.nonce };
                let start = Command::StartTask { attempt, worker: None };
                let started = machine::handle(&mut self.execution, start, self.now, &mut self.entropy);
                assert_eq!(started.unwrap().events, [], "only activities note their start");
                self.heard = true;
            }
        }
    }

    /// What holds after every command.
    fn verify(&self, transition: &Transition) {
        assert_eq!(self.execution, self.replayed, "replay makes the same execution");
        if !self.heard {
            assert_eq!(
                self.execution.next_deadline(),
                self.replayed.next_deadline(),
                "and the same deadlines"
            );
        }
        let effects = &transition.effects;
        assert_eq!(effects.contains(&Effect::WakeNow), self.execution.is_ready(), "who is ready is woken");
        let cancelled: Vec<_> =
            effects.iter().filter(|effect| matches!(effect, Effect::CancelTask(_))).collect();
        let once = cancelled
            .iter()
            .enumerate()
            .all(|(at, effect)| !cancelled.iter().skip(at + 1).any(|two| two == effect));
        assert!(once, "an attempt is cancelled once: {cancelled:?}");

        let owed: Vec<EventId> = self
            .replayed
            .clone()
            .owed(self.now)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::DispatchTask(order) => Some(order.token.attempt),
                Effect::CancelTask(_) | Effect::WakeNow => None,
            })
            .collect();
        assert_eq!(owed, self.held.keys().copied().collect::<Vec<_>>(), "a restart owes what workers hold");

        let running = self.execution.outcome().status() == Status::Running;
        let live = self.execution.is_ready()
            || self.execution.next_deadline().is_some()
            || self.execution.pending_tasks() > 0;
        assert_eq!(running, live, "a running execution waits for something, an ended one for nothing");
        self.verify_events();
    }

    fn verify_events(&self) {
        let mut last = EventId::NONE;
        for (at, event) in self.events.iter().enumerate() {
            assert_eq!(event.fact.is_shown(), history::show(event, self.execution.header()).is_some());
            if event.fact.is_shown() {
                assert_eq!(event.id, EventId(last.0 + 1), "numbered without gaps");
                assert!(event.previous < event.id, "caused by an earlier one");
                last = event.id;
            } else {
                assert_eq!(event.id, EventId::NONE);
            }
            let terminal = matches!(
                event.fact,
                Fact::ExecutionSucceeded { .. }
                    | Fact::ExecutionFailed { .. }
                    | Fact::ExecutionTimedOut { .. }
                    | Fact::ExecutionAborted { .. }
            );
            let is_last = at + 1 == self.events.len();
            let ended = is_last && self.execution.outcome().status() != Status::Running;
            assert_eq!(terminal, ended, "one terminal event, and nothing after it");
        }
    }

    /// Whether the whole history, applied at once, makes the same execution.
    pub(crate) fn verify_replay(&self) {
        let replayed =
            Execution::replay(self.execution.header().clone(), self.events.iter().cloned()).unwrap();
        assert_eq!(replayed, self.execution);
    }
}
