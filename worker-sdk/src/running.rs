//! The tasks whose handlers run now.
//!
//! Invariant: a task is in here from [`Running::start`] until its handler is gone for good, whichever way it
//! goes (answer, panic, abort), and then comes out of [`Running::next`] exactly once. So the length of this
//! is the number of handlers that exist, and dropping it ends them all.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stepwell_proto::v1;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use crate::alarms::Alarms;
use crate::handler::{Answer, Registered};
use crate::heartbeat::Pulse;
use crate::{TaskContext, TaskError};

/// A task whose handler is gone.
pub(crate) struct Finished {
    pub(crate) context: TaskContext,
    /// `None` when nobody wants it any more.
    pub(crate) answer: Option<Answer>,
}

struct Entry {
    context: TaskContext,
    handler: AbortHandle,
    pulse: Option<Pulse>,
    abort_at: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    Heartbeat(Bytes),
    Abort(Bytes),
}

pub(crate) struct Running {
    entries: BTreeMap<Bytes, Entry>,
    handlers: JoinSet<(Bytes, Answer)>,
    alarms: Alarms<Alarm>,
    /// Tasks whose heartbeat is due and not yet sent; a set, because a stream that is stuck must not pile
    /// them up.
    due: BTreeSet<Bytes>,
    beats: mpsc::Sender<Bytes>,
    manual_heartbeats: bool,
    cancel_grace: Duration,
}

impl Running {
    /// `beats` is for the contexts: it carries the tokens of tasks whose handlers ask for a heartbeat.
    pub(crate) fn new(beats: mpsc::Sender<Bytes>, manual_heartbeats: bool, cancel_grace: Duration) -> Self {
        Self {
            entries: BTreeMap::new(),
            handlers: JoinSet::new(),
            alarms: Alarms::new(),
            due: BTreeSet::new(),
            beats,
            manual_heartbeats,
            cancel_grace,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn contains(&self, token: &[u8]) -> bool {
        self.entries.contains_key(token)
    }

    /// Starts the handler of a task that is not running yet.
    pub(crate) fn start(&mut self, task: v1::Task, registered: Arc<Registered>, now: Instant) {
        let (context, input) = TaskContext::new(task, self.beats.clone());
        let token = context.token().clone();
        let automatic = !(self.manual_heartbeats || registered.options.manual_heartbeats);
        let pulse = context.heartbeat_timeout().map(|timeout| Pulse::new(timeout, automatic, now));
        if let Some(at) = pulse.as_ref().and_then(Pulse::next) {
            self.alarms.set(at, Alarm::Heartbeat(token.clone()));
        }
        let span = tracing::info_span!(
            "task",
            queue = context.queue(),
            execution = context.execution_name(),
            state = context.state(),
            attempt = context.attempt(),
        );
        let handler = {
            let (token, context) = (token.clone(), context.clone());
            let answer = async move { (token, registered.handler.start(context, input).await) };
            self.handlers.spawn(answer.instrument(span))
        };
        self.entries.insert(token, Entry { context, handler, pulse, abort_at: None });
    }

    /// Tells a handler that its answer is no longer wanted, and gives it the grace period to return.
    pub(crate) fn cancel(&mut self, token: &Bytes, now: Instant) {
        let Some(entry) = self.entries.get_mut(token) else { return };
        if entry.abort_at.is_none() {
            let at = now + self.cancel_grace;
            entry.abort_at = Some(at);
            self.alarms.set(at, Alarm::Abort(token.clone()));
            entry.context.cancel();
        }
    }

    /// Notes that a handler asked for a heartbeat.
    pub(crate) fn ask_heartbeat(&mut self, token: &Bytes, now: Instant) {
        let Some(entry) = self.entries.get_mut(token) else { return };
        entry.context.heartbeat_taken();
        let Some(pulse) = &mut entry.pulse else { return };
        if let Some(at) = pulse.next() {
            self.alarms.clear(at, Alarm::Heartbeat(token.clone()));
        }
        pulse.asked(now);
        if let Some(at) = pulse.next() {
            self.alarms.set(at, Alarm::Heartbeat(token.clone()));
        }
    }

    /// When [`Running::wake`] is to be called next.
    pub(crate) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// Does what is due by now: notes heartbeats, aborts handlers whose grace is over.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some(alarm) = self.alarms.pop(now) {
            match alarm {
                Alarm::Heartbeat(token) => self.beat(token, now),
                Alarm::Abort(token) => {
                    if let Some(entry) = self.entries.get_mut(&token) {
                        entry.handler.abort();
                        tracing::warn!(task = ?entry.context, "aborted the handler of a cancelled task: it did not return");
                    }
                }
            }
        }
    }

    fn beat(&mut self, token: Bytes, now: Instant) {
        let Some(pulse) = self.entries.get_mut(&token).and_then(|entry| entry.pulse.as_mut()) else { return };
        pulse.beaten(now);
        if let Some(at) = pulse.next() {
            self.alarms.set(at, Alarm::Heartbeat(token.clone()));
        }
        self.due.insert(token);
    }

    pub(crate) fn has_heartbeats(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes out the tokens of the tasks whose heartbeats are due.
    pub(crate) fn take_heartbeats(&mut self) -> v1::Heartbeats {
        v1::Heartbeats { tokens: std::mem::take(&mut self.due).into_iter().collect() }
    }

    /// Waits for the next handler to finish; `None` when none is running. Loses nothing when it is dropped.
    pub(crate) async fn next(&mut self) -> Option<Finished> {
        loop {
            let joined = self.handlers.join_next().await?;
            if let Some(finished) = self.finish(joined) {
                return Some(finished);
            }
        }
    }

    /// The next handler that has finished already.
    pub(crate) fn try_next(&mut self) -> Option<Finished> {
        loop {
            let joined = self.handlers.try_join_next()?;
            if let Some(finished) = self.finish(joined) {
                return Some(finished);
            }
        }
    }

    fn finish(&mut self, joined: Result<(Bytes, Answer), JoinError>) -> Option<Finished> {
        let (token, answer) = match joined {
            Ok((token, answer)) => (token, Some(answer)),
            Err(error) => (self.token_of(error.id())?, panicked(error)),
        };
        let entry = self.entries.remove(&token)?;
        if let Some(at) = entry.pulse.as_ref().and_then(Pulse::next) {
            self.alarms.clear(at, Alarm::Heartbeat(token.clone()));
        }
        self.due.remove(&token);
        let answer = match entry.abort_at {
            Some(at) => {
                self.alarms.clear(at, Alarm::Abort(token));
                None
            }
            None => answer,
        };
        Some(Finished { context: entry.context, answer })
    }

    /// The task that a handler worked on. Looked for one by one: only panics and aborts need it.
    fn token_of(&self, id: Id) -> Option<Bytes> {
        self.entries.iter().find(|(_, entry)| entry.handler.id() == id).map(|(token, _)| token.clone())
    }
}

/// The failure that a panic stands for; `None` when the handler was aborted.
fn panicked(error: JoinError) -> Option<Answer> {
    let panic = error.try_into_panic().ok()?;
    Some(Err(TaskError::new(TaskError::HANDLER_PANICKED, panic_message(panic.as_ref()))))
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("the handler panicked with something that is not text")
}
