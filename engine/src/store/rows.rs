//! The stored form of history: the events of one transition, as one blob.
//!
//! ```text
//! format version (1 byte) · protobuf message StoredRow · CRC-32 of all before (4 bytes, big endian)
//! ```
//!
//! Invariant: what was written once can be read for ever. A field's number and a kind's number are never used
//! for anything else; a change that old code could misread raises [`FORMAT`]. Domain types know nothing of
//! this. Payloads, names and texts stand once per row, however many events share them.

use std::sync::Arc;

use prost::Message;
use rustc_hash::FxHashMap;
use stepwell_asl::definition::{Next, StateType};
use stepwell_asl::failure::Failure;
use stepwell_asl::ids::{EventId, ScopeId};
use stepwell_asl::machine::{Event, Fact, ScheduledTask};
use stepwell_asl::payload::Payload;
use stepwell_asl::time::Timestamp;

use super::Error;

/// The version this code writes, and the only one it reads.
const FORMAT: u8 = 1;

/// All events of one transition.
#[derive(Clone, PartialEq, Message)]
struct StoredRow {
    /// When, in microseconds since the epoch: one transition happens at one time.
    #[prost(int64, tag = "1")]
    at: i64,
    /// The number of the newest event before this row.
    #[prost(uint64, tag = "2")]
    last_event: u64,
    #[prost(string, repeated, tag = "3")]
    payloads: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    texts: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    events: Vec<StoredEvent>,
}

/// One event. Which fields mean something, and what, depends on the kind. References into the row's lists
/// count from 1, so that 0 means "none".
#[derive(Clone, PartialEq, Message)]
struct StoredEvent {
    #[prost(uint32, tag = "1")]
    kind: u32,
    /// How far before the event the one lies that caused it, less one: 0 for the event just before.
    #[prost(uint64, tag = "2")]
    back: u64,
    #[prost(uint64, tag = "3")]
    scope: u64,
    #[prost(uint32, tag = "4")]
    name: u32,
    #[prost(uint32, tag = "5")]
    payload: u32,
    #[prost(uint32, tag = "6")]
    error: u32,
    #[prost(uint32, tag = "7")]
    cause: u32,
    #[prost(uint32, tag = "8")]
    state_type: u32,
    /// The next state; none at the end.
    #[prost(uint32, tag = "9")]
    next: u32,
    #[prost(uint64, tag = "10")]
    number: u64,
    #[prost(uint64, optional, tag = "11")]
    timeout_seconds: Option<u64>,
    #[prost(uint64, optional, tag = "12")]
    heartbeat_seconds: Option<u64>,
    #[prost(fixed64, tag = "13")]
    nonce: u64,
    #[prost(int64, tag = "14")]
    time: i64,
    #[prost(uint32, tag = "15")]
    queue: u32,
}

/// The kinds of facts by their numbers.
mod kind {
    pub(super) const EXECUTION_STARTED: u32 = 1;
    pub(super) const EXECUTION_SUCCEEDED: u32 = 2;
    pub(super) const EXECUTION_FAILED: u32 = 3;
    pub(super) const EXECUTION_TIMED_OUT: u32 = 4;
    pub(super) const EXECUTION_ABORTED: u32 = 5;
    pub(super) const STATE_ENTERED: u32 = 6;
    pub(super) const STATE_EXITED: u32 = 7;
    pub(super) const STATE_ABORTED: u32 = 8;
    pub(super) const TASK_SCHEDULED: u32 = 9;
    pub(super) const TASK_STARTED: u32 = 10;
    pub(super) const TASK_SUBMITTED: u32 = 11;
    pub(super) const TASK_SUCCEEDED: u32 = 12;
    pub(super) const TASK_FAILED: u32 = 13;
    pub(super) const TASK_TIMED_OUT: u32 = 14;
    pub(super) const RETRY_SCHEDULED: u32 = 15;
    pub(super) const WAIT_SCHEDULED: u32 = 16;
    pub(super) const PARALLEL_STARTED: u32 = 17;
    pub(super) const PARALLEL_SUCCEEDED: u32 = 18;
    pub(super) const PARALLEL_FAILED: u32 = 19;
    pub(super) const BRANCH_SUCCEEDED: u32 = 20;
    pub(super) const BRANCH_FAILED: u32 = 21;
    pub(super) const MAP_STARTED: u32 = 22;
    pub(super) const MAP_SUCCEEDED: u32 = 23;
    pub(super) const MAP_FAILED: u32 = 24;
    pub(super) const ITERATION_STARTED: u32 = 25;
    pub(super) const ITERATION_SUCCEEDED: u32 = 26;
    pub(super) const ITERATION_FAILED: u32 = 27;
    pub(super) const ITERATION_ABORTED: u32 = 28;
}

/// State types by their numbers, from 1.
const STATE_TYPES: [StateType; 8] = [
    StateType::Task,
    StateType::Pass,
    StateType::Choice,
    StateType::Wait,
    StateType::Succeed,
    StateType::Fail,
    StateType::Parallel,
    StateType::Map,
];

/// Writes the events of one transition, which share a time. `None` when there are none.
#[must_use]
pub fn encode(events: &[Event]) -> Option<Vec<u8>> {
    let first = events.first()?;
    let last_event = events.iter().find(|event| event.id != EventId::NONE).map_or(0, |event| event.id.0 - 1);
    let mut writer = Writer {
        row: StoredRow { at: first.at.as_micros(), last_event, ..StoredRow::default() },
        ..Writer::default()
    };
    let mut newest = last_event;
    for event in events {
        newest = newest.max(event.id.0);
        let mut stored = writer.fact(&event.fact);
        stored.back = reference(event.id, newest).saturating_sub(event.previous.0);
        stored.scope = event.scope.0;
        writer.row.events.push(stored);
    }
    let mut bytes = Vec::with_capacity(1 + writer.row.encoded_len() + 4);
    bytes.push(FORMAT);
    // Encoding into a growing vector can't run out of room.
    let _ = writer.row.encode(&mut bytes);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    Some(bytes)
}

/// Reads a row back.
///
/// # Errors
/// [`Error::Corrupt`] when the row is damaged, or was written by a version this code does not know.
pub fn decode(bytes: &[u8]) -> Result<Vec<Event>, Error> {
    let corrupt = |what: &str| Error::Corrupt(format!("expected a history row, found {what}"));
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or_else(|| corrupt("fewer than 4 bytes"))?;
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
        return Err(corrupt("one whose checksum does not fit"));
    }
    let (format, message) = body.split_first().ok_or_else(|| corrupt("an empty one"))?;
    if *format != FORMAT {
        return Err(corrupt(&format!("one of format {format}; this version reads format {FORMAT}")));
    }
    let row = StoredRow::decode(message).map_err(|error| corrupt(&error.to_string()))?;
    let reader = Reader::new(&row);
    let mut newest = row.last_event;
    row.events
        .iter()
        .map(|stored| {
            let fact =
                reader.fact(stored).ok_or_else(|| corrupt(&format!("an event of kind {}", stored.kind)))?;
            let id = if fact.is_shown() {
                newest += 1;
                EventId(newest)
            } else {
                EventId::NONE
            };
            let previous = EventId(reference(id, newest).saturating_sub(stored.back));
            Ok(Event { id, previous, at: Timestamp::from_micros(row.at), scope: ScopeId(stored.scope), fact })
        })
        .collect()
}

/// What `back` counts from: the event before this one, or for an event without a number, the newest.
fn reference(id: EventId, newest: u64) -> u64 {
    if id == EventId::NONE { newest } else { id.0 - 1 }
}

#[derive(Default)]
struct Writer {
    row: StoredRow,
    payloads: Vec<Payload>,
    texts: FxHashMap<Arc<str>, u32>,
}

impl Writer {
    fn payload(&mut self, payload: &Payload) -> u32 {
        if let Some(known) = self.payloads.iter().rposition(|known| known.same(payload)) {
            return number(known);
        }
        self.payloads.push(payload.clone());
        self.row.payloads.push(payload.text().to_owned());
        number(self.payloads.len() - 1)
    }

    fn text(&mut self, text: &Arc<str>) -> u32 {
        if let Some(known) = self.texts.get(text) {
            return *known;
        }
        self.row.texts.push(text.to_string());
        let reference = number(self.row.texts.len() - 1);
        self.texts.insert(text.clone(), reference);
        reference
    }

    fn optional(&mut self, text: Option<&Arc<str>>) -> u32 {
        text.map_or(0, |text| self.text(text))
    }

    fn with_payload(&mut self, kind: u32, payload: &Payload) -> StoredEvent {
        StoredEvent { kind, payload: self.payload(payload), ..StoredEvent::default() }
    }

    fn with_failure(&mut self, kind: u32, failure: &Failure) -> StoredEvent {
        let (error, cause) = (self.optional(failure.error.as_ref()), self.optional(failure.cause.as_ref()));
        StoredEvent { kind, error, cause, ..StoredEvent::default() }
    }

    fn with_name(&mut self, kind: u32, name: &Arc<str>, number: u64) -> StoredEvent {
        StoredEvent { kind, name: self.text(name), number, ..StoredEvent::default() }
    }

    fn fact(&mut self, fact: &Fact) -> StoredEvent {
        let bare = |kind| StoredEvent { kind, ..StoredEvent::default() };
        match fact {
            Fact::ExecutionStarted { input } => self.with_payload(kind::EXECUTION_STARTED, input),
            Fact::ExecutionSucceeded { output } => self.with_payload(kind::EXECUTION_SUCCEEDED, output),
            Fact::ExecutionFailed { failure } => self.with_failure(kind::EXECUTION_FAILED, failure),
            Fact::ExecutionTimedOut { failure } => self.with_failure(kind::EXECUTION_TIMED_OUT, failure),
            Fact::ExecutionAborted { failure } => self.with_failure(kind::EXECUTION_ABORTED, failure),
            Fact::StateEntered { state, kind: state_type, input } => StoredEvent {
                name: self.text(state),
                state_type: number_of(*state_type),
                ..self.with_payload(kind::STATE_ENTERED, input)
            },
            Fact::StateExited { state, kind: state_type, output, next } => StoredEvent {
                name: self.text(state),
                state_type: number_of(*state_type),
                next: match next {
                    Next::State(next) => self.text(next),
                    Next::End => 0,
                },
                ..self.with_payload(kind::STATE_EXITED, output)
            },
            Fact::StateAborted { kind: state_type } => {
                StoredEvent { state_type: number_of(*state_type), ..bare(kind::STATE_ABORTED) }
            }
            Fact::TaskScheduled(task) => StoredEvent {
                name: self.text(&task.resource),
                queue: self.text(&task.queue),
                timeout_seconds: task.timeout_seconds,
                heartbeat_seconds: task.heartbeat_seconds,
                nonce: task.nonce,
                ..self.with_payload(kind::TASK_SCHEDULED, &task.parameters)
            },
            Fact::TaskStarted { resource, worker } => StoredEvent {
                cause: self.optional(worker.as_ref()),
                ..self.with_name(kind::TASK_STARTED, resource, 0)
            },
            Fact::TaskSubmitted { resource, output } => {
                StoredEvent { name: self.text(resource), ..self.with_payload(kind::TASK_SUBMITTED, output) }
            }
            Fact::TaskSucceeded { resource, output } => {
                StoredEvent { name: self.text(resource), ..self.with_payload(kind::TASK_SUCCEEDED, output) }
            }
            Fact::TaskFailed { resource, failure } => {
                StoredEvent { name: self.text(resource), ..self.with_failure(kind::TASK_FAILED, failure) }
            }
            Fact::TaskTimedOut { resource, failure } => {
                StoredEvent { name: self.text(resource), ..self.with_failure(kind::TASK_TIMED_OUT, failure) }
            }
            Fact::RetryScheduled { retrier, resume_at } => StoredEvent {
                number: u64::from(*retrier),
                time: resume_at.as_micros(),
                ..bare(kind::RETRY_SCHEDULED)
            },
            Fact::WaitScheduled { until } => {
                StoredEvent { time: until.as_micros(), ..bare(kind::WAIT_SCHEDULED) }
            }
            Fact::ParallelStateStarted { branches, input } => StoredEvent {
                number: u64::from(*branches),
                ..self.with_payload(kind::PARALLEL_STARTED, input)
            },
            Fact::ParallelStateSucceeded => bare(kind::PARALLEL_SUCCEEDED),
            Fact::ParallelStateFailed => bare(kind::PARALLEL_FAILED),
            Fact::BranchSucceeded { output } => self.with_payload(kind::BRANCH_SUCCEEDED, output),
            Fact::BranchFailed => bare(kind::BRANCH_FAILED),
            // The length is that of the items.
            Fact::MapStateStarted { items, length: _, max_concurrency } => {
                StoredEvent { number: *max_concurrency, ..self.with_payload(kind::MAP_STARTED, items) }
            }
            Fact::MapStateSucceeded => bare(kind::MAP_SUCCEEDED),
            Fact::MapStateFailed => bare(kind::MAP_FAILED),
            Fact::MapIterationStarted { name, index, input } => StoredEvent {
                payload: self.payload(input),
                ..self.with_name(kind::ITERATION_STARTED, name, *index)
            },
            Fact::MapIterationSucceeded { name, index, output } => StoredEvent {
                payload: self.payload(output),
                ..self.with_name(kind::ITERATION_SUCCEEDED, name, *index)
            },
            Fact::MapIterationFailed { name, index } => self.with_name(kind::ITERATION_FAILED, name, *index),
            Fact::MapIterationAborted { name, index } => {
                self.with_name(kind::ITERATION_ABORTED, name, *index)
            }
        }
    }
}

/// The reference to an element of one of the row's lists.
fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

fn number_of(state_type: StateType) -> u32 {
    STATE_TYPES.iter().position(|known| *known == state_type).map_or(0, number)
}

struct Reader {
    payloads: Vec<Payload>,
    texts: Vec<Arc<str>>,
}

impl Reader {
    fn new(row: &StoredRow) -> Self {
        Self {
            payloads: row.payloads.iter().map(|text| Payload::stored(text.as_str())).collect(),
            texts: row.texts.iter().map(|text| Arc::from(text.as_str())).collect(),
        }
    }

    fn payload(&self, stored: &StoredEvent) -> Option<Payload> {
        self.payloads.get(index(stored.payload)?).cloned()
    }

    fn text(&self, reference: u32) -> Option<Arc<str>> {
        self.texts.get(index(reference)?).cloned()
    }

    fn failure(&self, stored: &StoredEvent) -> Failure {
        Failure { error: self.text(stored.error), cause: self.text(stored.cause) }
    }

    /// `None` for a kind or a reference that does not exist.
    fn fact(&self, stored: &StoredEvent) -> Option<Fact> {
        let state_type = || STATE_TYPES.get(index(stored.state_type)?).copied();
        Some(match stored.kind {
            kind::EXECUTION_STARTED => Fact::ExecutionStarted { input: self.payload(stored)? },
            kind::EXECUTION_SUCCEEDED => Fact::ExecutionSucceeded { output: self.payload(stored)? },
            kind::EXECUTION_FAILED => Fact::ExecutionFailed { failure: self.failure(stored) },
            kind::EXECUTION_TIMED_OUT => Fact::ExecutionTimedOut { failure: self.failure(stored) },
            kind::EXECUTION_ABORTED => Fact::ExecutionAborted { failure: self.failure(stored) },
            kind::STATE_ENTERED => Fact::StateEntered {
                state: self.text(stored.name)?,
                kind: state_type()?,
                input: self.payload(stored)?,
            },
            kind::STATE_EXITED => Fact::StateExited {
                state: self.text(stored.name)?,
                kind: state_type()?,
                output: self.payload(stored)?,
                next: self.text(stored.next).map_or(Next::End, Next::State),
            },
            kind::STATE_ABORTED => Fact::StateAborted { kind: state_type()? },
            kind::TASK_SCHEDULED => Fact::TaskScheduled(ScheduledTask {
                resource: self.text(stored.name)?,
                queue: self.text(stored.queue)?,
                parameters: self.payload(stored)?,
                timeout_seconds: stored.timeout_seconds,
                heartbeat_seconds: stored.heartbeat_seconds,
                nonce: stored.nonce,
            }),
            kind::TASK_STARTED => {
                Fact::TaskStarted { resource: self.text(stored.name)?, worker: self.text(stored.cause) }
            }
            kind::TASK_SUBMITTED => {
                Fact::TaskSubmitted { resource: self.text(stored.name)?, output: self.payload(stored)? }
            }
            kind::TASK_SUCCEEDED => {
                Fact::TaskSucceeded { resource: self.text(stored.name)?, output: self.payload(stored)? }
            }
            kind::TASK_FAILED => {
                Fact::TaskFailed { resource: self.text(stored.name)?, failure: self.failure(stored) }
            }
            kind::TASK_TIMED_OUT => {
                Fact::TaskTimedOut { resource: self.text(stored.name)?, failure: self.failure(stored) }
            }
            kind::RETRY_SCHEDULED => Fact::RetryScheduled {
                retrier: u32::try_from(stored.number).ok()?,
                resume_at: Timestamp::from_micros(stored.time),
            },
            kind::WAIT_SCHEDULED => Fact::WaitScheduled { until: Timestamp::from_micros(stored.time) },
            kind::PARALLEL_STARTED => Fact::ParallelStateStarted {
                branches: u32::try_from(stored.number).ok()?,
                input: self.payload(stored)?,
            },
            kind::PARALLEL_SUCCEEDED => Fact::ParallelStateSucceeded,
            kind::PARALLEL_FAILED => Fact::ParallelStateFailed,
            kind::BRANCH_SUCCEEDED => Fact::BranchSucceeded { output: self.payload(stored)? },
            kind::BRANCH_FAILED => Fact::BranchFailed,
            kind::MAP_STARTED => {
                let items = self.payload(stored)?;
                let length = items.value().as_array()?.len() as u64;
                Fact::MapStateStarted { items, length, max_concurrency: stored.number }
            }
            kind::MAP_SUCCEEDED => Fact::MapStateSucceeded,
            kind::MAP_FAILED => Fact::MapStateFailed,
            kind::ITERATION_STARTED => Fact::MapIterationStarted {
                name: self.text(stored.name)?,
                index: stored.number,
                input: self.payload(stored)?,
            },
            kind::ITERATION_SUCCEEDED => Fact::MapIterationSucceeded {
                name: self.text(stored.name)?,
                index: stored.number,
                output: self.payload(stored)?,
            },
            kind::ITERATION_FAILED => {
                Fact::MapIterationFailed { name: self.text(stored.name)?, index: stored.number }
            }
            kind::ITERATION_ABORTED => {
                Fact::MapIterationAborted { name: self.text(stored.name)?, index: stored.number }
            }
            _ => return None,
        })
    }
}

/// Where in a list a reference points; `None` for no reference.
fn index(reference: u32) -> Option<usize> {
    usize::try_from(reference).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64, previous: u64, scope: u64, fact: Fact) -> Event {
        Event {
            id: EventId(id),
            previous: EventId(previous),
            at: Timestamp::from_micros(1_700_000_000_123_456),
            scope: ScopeId(scope),
            fact,
        }
    }

    fn failure(error: Option<&str>, cause: Option<&str>) -> Failure {
        Failure { error: error.map(Arc::from), cause: cause.map(Arc::from) }
    }

    /// One of every kind, with every optional part present and absent.
    fn every_fact() -> Vec<Fact> {
        let payload = || Payload::from_text(r#"{"a": [1, 2.0]}"#).unwrap();
        let text = |text: &str| Arc::<str>::from(text);
        let scheduled = |timeout, heartbeat| {
            Fact::TaskScheduled(ScheduledTask {
                resource: text("worker:a"),
                queue: text("a"),
                parameters: payload(),
                timeout_seconds: timeout,
                heartbeat_seconds: heartbeat,
                nonce: u64::MAX,
            })
        };
        let exited =
            |next| Fact::StateExited { state: text("S"), kind: StateType::Task, output: payload(), next };
        let mut facts = vec![
            Fact::ExecutionStarted { input: payload() },
            Fact::ExecutionSucceeded { output: payload() },
            Fact::ExecutionFailed { failure: failure(None, None) },
            Fact::ExecutionTimedOut { failure: failure(Some("E"), None) },
            Fact::ExecutionAborted { failure: failure(None, Some("")) },
            exited(Next::End),
            exited(Next::State(text("T"))),
            scheduled(None, Some(0)),
            scheduled(Some(7), None),
            Fact::TaskStarted { resource: text("worker:a"), worker: None },
            Fact::TaskStarted { resource: text("worker:a"), worker: Some(text("w")) },
            Fact::TaskSubmitted { resource: text("worker:a"), output: payload() },
            Fact::TaskSucceeded { resource: text("worker:a"), output: payload() },
            Fact::TaskFailed { resource: text("worker:a"), failure: failure(Some("E"), Some("why")) },
            Fact::TaskTimedOut { resource: text("worker:a"), failure: failure(Some("E"), None) },
            Fact::RetryScheduled { retrier: 3, resume_at: Timestamp::from_micros(-5) },
            Fact::WaitScheduled { until: Timestamp::from_micros(i64::MAX) },
            Fact::ParallelStateStarted { branches: 2, input: payload() },
            Fact::ParallelStateSucceeded,
            Fact::ParallelStateFailed,
            Fact::BranchSucceeded { output: payload() },
            Fact::BranchFailed,
            Fact::MapStateStarted {
                items: Payload::from_text("[1,2]").unwrap(),
                length: 2,
                max_concurrency: 1,
            },
            Fact::MapStateSucceeded,
            Fact::MapStateFailed,
            Fact::MapIterationStarted { name: text("M"), index: 0, input: payload() },
            Fact::MapIterationSucceeded { name: text("M"), index: 1, output: payload() },
            Fact::MapIterationFailed { name: text("M"), index: 2 },
            Fact::MapIterationAborted { name: text("M"), index: 3 },
        ];
        for kind in STATE_TYPES {
            facts.push(Fact::StateEntered { state: text("S"), kind, input: payload() });
            facts.push(Fact::StateAborted { kind });
        }
        facts
    }

    #[test]
    fn every_fact_reads_back_as_it_was_written() {
        let mut newest = 41;
        let events: Vec<_> = every_fact()
            .into_iter()
            .enumerate()
            .map(|(index, fact)| {
                let shown = fact.is_shown();
                newest += u64::from(shown);
                // Causes lie just before, far before, or nowhere.
                let previous = [newest - 1, 3, 0][index % 3].min(if shown { newest - 1 } else { newest });
                event(if shown { newest } else { 0 }, previous, index as u64, fact)
            })
            .collect();
        assert_eq!(decode(&encode(&events).unwrap()).unwrap(), events);
    }

    #[test]
    fn no_events_make_no_row() {
        assert_eq!(encode(&[]), None);
    }

    #[test]
    fn a_shared_payload_stands_once() {
        let payload = Payload::from_text(format!("\"{}\"", "x".repeat(1_000))).unwrap();
        let exited = Fact::StateExited {
            state: "S".into(),
            kind: StateType::Pass,
            output: payload.clone(),
            next: Next::State("T".into()),
        };
        let entered = Fact::StateEntered { state: "T".into(), kind: StateType::Pass, input: payload };
        let row = encode(&[event(4, 3, 0, exited), event(5, 4, 0, entered)]).unwrap();
        assert!(row.len() < 1_100, "{} bytes", row.len());
    }

    #[test]
    fn damage_is_noticed() {
        let row = encode(&[event(2, 0, 0, Fact::ParallelStateSucceeded)]).unwrap();
        for byte in 0..row.len() {
            let mut damaged = row.clone();
            damaged[byte] ^= 0x10;
            assert!(decode(&damaged).is_err(), "byte {byte}");
        }
        assert!(decode(&row[..row.len() - 1]).is_err());
        assert!(decode(&[]).is_err());
    }
}
