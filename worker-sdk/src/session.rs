//! The session of a worker: everything that outlives a stream.
//!
//! Frames of the engine go in, frames for the engine come out; handlers are started and collected. It does
//! no network and never waits, so every rule of the wire can be read here from top to bottom.
//!
//! Invariants: handlers that run plus credits that the engine holds never exceed the concurrency. A token is
//! never worked on twice at the same time. Credits are not counted up and down but worked out from what there
//! is, so a lost stream needs no bookkeeping.

use std::time::Duration;

use bytes::Bytes;
use stepwell_proto::v1::work_request::Frame as Request;
use stepwell_proto::v1::work_response::Frame as Response;
use stepwell_proto::v1::{self, WorkRequest, WorkResponse};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::handler::Handlers;
use crate::outbox::Outbox;
use crate::running::{Finished, Running};

/// How soon an outcome is repeated that the engine could not write.
const REPEAT: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(2) };

/// The worker takes no new tasks while this many times its concurrency wait for receipts: an engine that
/// hands out tasks but can't write their outcomes must not fill the worker's memory.
const UNSETTLED_PER_CONCURRENCY: usize = 16;

/// What the builder settled.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) concurrency: u32,
    pub(crate) drain_timeout: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) manual_heartbeats: bool,
    pub(crate) reconnect: Backoff,
}

/// The worker takes no more tasks, and ends when it has finished those it has.
struct Drain {
    deadline: Instant,
    /// Whether the engine of the stream at hand has been told.
    said: bool,
}

pub(crate) struct Session {
    settings: Settings,
    handlers: Handlers,
    pub(crate) running: Running,
    outbox: Outbox,
    /// Credits that the engine holds on the stream at hand.
    granted: u32,
    drain: Option<Drain>,
}

impl Session {
    pub(crate) fn new(settings: Settings, handlers: Handlers, beats: mpsc::Sender<Bytes>) -> Self {
        let running = Running::new(beats, settings.manual_heartbeats, settings.cancel_grace);
        Self { settings, handlers, running, outbox: Outbox::new(REPEAT), granted: 0, drain: None }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The first frame of a new stream. From here on everything is said to the engine at its other end.
    pub(crate) fn hello(&mut self) -> WorkRequest {
        self.granted = 0;
        self.outbox.repeat_all();
        if let Some(drain) = &mut self.drain {
            drain.said = false;
        }
        let hello = v1::Hello {
            worker_name: self.settings.name.clone(),
            queues: self.handlers.keys().cloned().collect(),
        };
        WorkRequest { credits: self.take_credits(), frame: Some(Request::Hello(hello)) }
    }

    /// Takes in one frame of the engine.
    pub(crate) fn receive(&mut self, response: WorkResponse, now: Instant) {
        match response.frame {
            Some(Response::Welcome(welcome)) => self.outbox.set_payload_bytes_max(welcome.payload_bytes_max),
            Some(Response::Tasks(v1::Tasks { tasks })) => {
                for task in tasks {
                    self.take(task, now);
                }
            }
            Some(Response::Receipts(v1::Receipts { receipts })) => {
                for receipt in &receipts {
                    self.outbox.settle(receipt, now);
                }
            }
            Some(Response::Cancellations(v1::Cancellations { tokens })) => {
                for token in &tokens {
                    self.running.cancel(token, now);
                }
            }
            Some(Response::Drain(v1::Drain {})) => {
                tracing::info!("the engine is shutting down; going on until it ends the stream");
            }
            // From an engine that is newer than we are.
            None => tracing::debug!("ignored a frame of an unknown kind"),
        }
    }

    fn take(&mut self, task: v1::Task, now: Instant) {
        let had_credit = self.granted > 0;
        self.granted = self.granted.saturating_sub(1);
        if self.running.contains(&task.token) {
            tracing::debug!(queue = task.queue, "a task came again while it runs here; it goes on");
            return;
        }
        if self.outbox.repeat(&task.token) {
            tracing::debug!(
                queue = task.queue,
                "a task came again after it was answered here; answering again"
            );
            return;
        }
        match self.handlers.get(&task.queue) {
            Some(handler) if had_credit && self.drain.is_none() => {
                self.running.start(task, handler.clone(), now);
            }
            Some(_) | None => self.give_back(task),
        }
    }

    fn give_back(&mut self, task: v1::Task) {
        // No more than this can be on their way to a worker that gave so many credits; beyond that the
        // engine is at fault, and finds the tasks unanswered when the stream ends.
        if self.outbox.returned() < usize::try_from(self.settings.concurrency).unwrap_or(usize::MAX) {
            tracing::debug!(queue = task.queue, "handed back a task");
            self.outbox.give_back(task.token);
        } else {
            tracing::warn!(
                queue = task.queue,
                "left a task unanswered: the engine sent many without a credit"
            );
        }
    }

    /// Takes in a handler's answer.
    pub(crate) fn finish(&mut self, finished: Finished) {
        if let Some(answer) = finished.answer {
            self.outbox.answer(finished.context, answer);
        }
    }

    /// Takes in all answers that are there already.
    pub(crate) fn finish_all(&mut self) {
        while let Some(finished) = self.running.try_next() {
            self.finish(finished);
        }
    }

    /// Whether [`Session::next_frame`] is worth a call.
    pub(crate) fn has_frame(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| !drain.said)
            || self.outbox.has_ready()
            || self.running.has_heartbeats()
            || self.room() > 0
    }

    /// The next frame for the engine: everything that is ready of one kind, and the credits.
    pub(crate) fn next_frame(&mut self) -> Option<WorkRequest> {
        let frame = if let Some(drain) = self.drain.as_mut().filter(|drain| !drain.said) {
            drain.said = true;
            Some(Request::Drain(v1::Drain {}))
        } else if self.running.has_heartbeats() {
            Some(Request::Heartbeats(self.running.take_heartbeats()))
        } else {
            let outcomes = self.outbox.take_ready();
            (!outcomes.outcomes.is_empty()).then_some(Request::Outcomes(outcomes))
        };
        let credits = self.take_credits();
        (frame.is_some() || credits > 0).then_some(WorkRequest { credits, frame })
    }

    fn take_credits(&mut self) -> u32 {
        let room = self.room();
        self.granted += room;
        room
    }

    /// How many more tasks the worker can take, on top of the credits that the engine holds.
    fn room(&self) -> u32 {
        let concurrency = self.settings.concurrency;
        let unsettled_max =
            UNSETTLED_PER_CONCURRENCY.saturating_mul(usize::try_from(concurrency).unwrap_or(usize::MAX));
        if self.drain.is_some() || self.outbox.len() >= unsettled_max {
            return 0;
        }
        let running = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        concurrency.saturating_sub(running).saturating_sub(self.granted)
    }

    /// When [`Session::wake`] is to be called next.
    pub(crate) fn next_alarm(&self) -> Option<Instant> {
        let alarms = [self.running.next_alarm(), self.outbox.next_alarm(), self.drain_deadline()];
        alarms.into_iter().flatten().min()
    }

    /// Does what is due by now.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.running.wake(now);
        self.outbox.wake(now);
    }

    /// From now on the worker takes no more tasks.
    pub(crate) fn begin_drain(&mut self, now: Instant) {
        tracing::info!(running = self.running.len(), "draining: no more tasks, finishing those that run");
        self.drain = Some(Drain { deadline: now + self.settings.drain_timeout, said: false });
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// When the worker ends, whatever still runs.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        self.drain.as_ref().map(|drain| drain.deadline)
    }

    /// Whether the worker drains and owes the engine nothing more: no handler runs, every answer has its
    /// receipt.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain.is_some() && self.running.is_empty() && self.outbox.is_empty()
    }

    /// Says what is left behind when the time to drain is over.
    pub(crate) fn report_leftovers(&self) {
        if !(self.running.is_empty() && self.outbox.is_empty()) {
            tracing::warn!(
                running = self.running.len(),
                unsettled = self.outbox.len(),
                "the time to drain is over: dropping the handlers that still run; the engine gives their tasks \
                 to other workers"
            );
        }
    }
}
