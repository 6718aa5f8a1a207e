//! Outcomes on their way: all that handlers have answered and the engine has no receipt for.
//!
//! Invariant: an outcome leaves only by a receipt that settles it. So while the process lives, no result is
//! lost: not to a broken stream (a new one begins with all of them), not to an engine that could not write.
//! It does no sending: frames are taken out, time is an argument.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use stepwell_proto::v1::{self, outcome};
use tokio::time::Instant;

use crate::alarms::Alarms;
use crate::backoff::Backoff;
use crate::{TaskContext, TaskError};

/// The most outcomes in one frame.
const FRAME_OUTCOMES_MAX: usize = 1_000;

/// A frame is closed once its payloads have this many bytes, so that with the largest outcome on top it
/// stays below the 4 MiB that gRPC servers take.
const FRAME_BYTES: usize = 512 * 1024;

/// The largest output that is sent at all; a larger one would end the stream, again and again.
const OUTPUT_BYTES_MAX: usize = 3 * 1024 * 1024;

struct Unsettled {
    outcome: v1::Outcome,
    context: TaskContext,
    /// How often the engine said to try again.
    tries: u32,
    repeat_at: Option<Instant>,
    /// Whether its token stands in `ready`.
    ready: bool,
}

pub(crate) struct Outbox {
    unsettled: BTreeMap<Bytes, Unsettled>,
    /// What is to go out on the stream at hand. A token in here may have been settled meanwhile.
    ready: VecDeque<Bytes>,
    /// Tasks to hand back on the stream at hand. They need no receipt: when the stream breaks first, the
    /// engine gives them to others anyway.
    returned: Vec<Bytes>,
    repeats: Alarms<Bytes>,
    repeat_backoff: Backoff,
    cause_bytes_max: usize,
}

impl Outbox {
    pub(crate) fn new(repeat_backoff: Backoff) -> Self {
        Self {
            unsettled: BTreeMap::new(),
            ready: VecDeque::new(),
            returned: Vec::new(),
            repeats: Alarms::new(),
            repeat_backoff,
            cause_bytes_max: 256 * 1024,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.unsettled.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// What the engine says about the largest payload it takes; 0 when it says nothing.
    pub(crate) fn set_payload_bytes_max(&mut self, bytes: u32) {
        if bytes > 0 {
            self.cause_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX).min(OUTPUT_BYTES_MAX);
        }
    }

    /// Puts in the answer of a handler.
    pub(crate) fn answer(&mut self, context: TaskContext, answer: Result<Bytes, TaskError>) {
        let result = match answer {
            Ok(output) if output.len() <= OUTPUT_BYTES_MAX => outcome::Result::Output(output),
            Ok(output) => {
                let cause = format!(
                    "expected an output of at most {OUTPUT_BYTES_MAX} bytes, found {} bytes",
                    output.len()
                );
                self.failure(TaskError::new(TaskError::DATA_LIMIT_EXCEEDED, cause))
            }
            Err(error) => self.failure(error),
        };
        let token = context.token().clone();
        let outcome = v1::Outcome { token: token.clone(), result: Some(result) };
        self.forget(&token);
        let unsettled = Unsettled { outcome, context, tries: 0, repeat_at: None, ready: true };
        self.unsettled.insert(token.clone(), unsettled);
        self.ready.push_back(token);
    }

    /// Puts in a task that was not done and is to go to another worker.
    pub(crate) fn give_back(&mut self, token: Bytes) {
        self.returned.push(token);
    }

    /// How many tasks wait to be handed back.
    pub(crate) fn returned(&self) -> usize {
        self.returned.len()
    }

    fn failure(&self, error: TaskError) -> outcome::Result {
        outcome::Result::Failure(error.into_wire(self.cause_bytes_max))
    }

    /// Readies the outcome of this task once more; `false` when there is none.
    pub(crate) fn repeat(&mut self, token: &[u8]) -> bool {
        let Some(unsettled) = self.unsettled.get_mut(token) else { return false };
        let token = unsettled.outcome.token.clone();
        if let Some(at) = unsettled.repeat_at.take() {
            self.repeats.clear(at, token.clone());
        }
        if !std::mem::replace(&mut unsettled.ready, true) {
            self.ready.push_back(token);
        }
        true
    }

    /// A new stream has begun: everything is to be sent on it.
    pub(crate) fn repeat_all(&mut self) {
        self.repeats = Alarms::new();
        self.ready.clear();
        self.returned.clear();
        for (token, unsettled) in &mut self.unsettled {
            unsettled.repeat_at = None;
            unsettled.ready = true;
            self.ready.push_back(token.clone());
        }
    }

    /// Takes in what the engine says about an outcome.
    pub(crate) fn settle(&mut self, receipt: &v1::Receipt, now: Instant) {
        match receipt.verdict() {
            v1::Verdict::Accepted => self.forget(&receipt.token),
            v1::Verdict::AlreadyOver => {
                if let Some(Unsettled { context, .. }) = self.unsettled.get(&receipt.token) {
                    tracing::debug!(task = ?context, "the engine had no use for an answer: the attempt was over");
                }
                self.forget(&receipt.token);
            }
            v1::Verdict::Refused => self.refused(receipt),
            // An engine that knows more verdicts than we do has not said that the outcome is durable.
            v1::Verdict::TryAgain | v1::Verdict::Unspecified => self.put_off(&receipt.token, now),
        }
    }

    fn put_off(&mut self, token: &Bytes, now: Instant) {
        let Some(unsettled) = self.unsettled.get_mut(token) else { return };
        if unsettled.ready || unsettled.repeat_at.is_some() {
            return;
        }
        unsettled.tries = unsettled.tries.saturating_add(1);
        let at = now + self.repeat_backoff.delay(unsettled.tries);
        unsettled.repeat_at = Some(at);
        self.repeats.set(at, token.clone());
    }

    /// An output that can't be taken as it is becomes a failure, for otherwise its task would hang until it
    /// times out. A failure that is refused is beyond mending.
    fn refused(&mut self, receipt: &v1::Receipt) {
        let Some(unsettled) = self.unsettled.get(&receipt.token) else { return };
        if unsettled.ready {
            // About to be sent (again): that will have a receipt of its own.
            return;
        }
        let (context, message) = (unsettled.context.clone(), receipt.message.as_str());
        tracing::error!(task = ?context, message, "the engine refused an answer");
        if matches!(unsettled.outcome.result, Some(outcome::Result::Output(_))) {
            self.answer(context, Err(TaskError::new(TaskError::OUTPUT_REFUSED, message)));
        } else {
            self.forget(&receipt.token);
        }
    }

    fn forget(&mut self, token: &Bytes) {
        if let Some(unsettled) = self.unsettled.remove(token)
            && let Some(at) = unsettled.repeat_at
        {
            self.repeats.clear(at, token.clone());
        }
    }

    /// When [`Outbox::wake`] is to be called next.
    pub(crate) fn next_alarm(&self) -> Option<Instant> {
        self.repeats.next()
    }

    /// Readies the outcomes whose time to be repeated has come.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some(token) = self.repeats.pop(now) {
            if let Some(unsettled) = self.unsettled.get_mut(&token) {
                unsettled.repeat_at = None;
            }
            self.repeat(&token);
        }
    }

    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || !self.returned.is_empty()
    }

    /// Takes everything that is ready and fits into one frame. May be empty.
    pub(crate) fn take_ready(&mut self) -> v1::Outcomes {
        let result = Some(outcome::Result::Returned(v1::Returned {}));
        let mut outcomes: Vec<_> =
            self.returned.drain(..).map(|token| v1::Outcome { token, result: result.clone() }).collect();
        let mut bytes = 0;
        while outcomes.len() < FRAME_OUTCOMES_MAX && bytes < FRAME_BYTES {
            let Some(token) = self.ready.pop_front() else { break };
            if let Some(unsettled) = self.unsettled.get_mut(&token).filter(|unsettled| unsettled.ready) {
                unsettled.ready = false;
                bytes += payload_bytes(&unsettled.outcome);
                outcomes.push(unsettled.outcome.clone());
            }
        }
        v1::Outcomes { outcomes }
    }
}

fn payload_bytes(outcome: &v1::Outcome) -> usize {
    match &outcome.result {
        Some(outcome::Result::Output(output)) => output.len(),
        Some(outcome::Result::Failure(failure)) => failure.cause.as_ref().map_or(0, String::len),
        Some(outcome::Result::Returned(_)) | None => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;

    fn outbox() -> Outbox {
        let second = Duration::from_secs(1);
        Outbox::new(Backoff { first: second, longest: second })
    }

    fn context(token: &'static str) -> TaskContext {
        let task = v1::Task { token: Bytes::from_static(token.as_bytes()), ..v1::Task::default() };
        TaskContext::new(task, mpsc::channel(1).0).0
    }

    fn receipt(token: &'static str, verdict: v1::Verdict) -> v1::Receipt {
        let token = Bytes::from_static(token.as_bytes());
        v1::Receipt { token, verdict: verdict.into(), message: "no good".to_owned() }
    }

    /// What goes into the next frame, one word per outcome.
    fn frame(outbox: &mut Outbox) -> String {
        let word = |outcome: v1::Outcome| {
            let token = String::from_utf8_lossy(&outcome.token).into_owned();
            match outcome.result {
                Some(outcome::Result::Output(_)) => token,
                Some(outcome::Result::Failure(failure)) => {
                    format!("{token}!{}", failure.error.unwrap_or_default())
                }
                Some(outcome::Result::Returned(_)) => format!("{token}<"),
                None => format!("{token}?"),
            }
        };
        outbox.take_ready().outcomes.into_iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_outcome_stays_until_a_receipt_settles_it() {
        let now = Instant::now();
        let table = [
            (v1::Verdict::Accepted, 0, ""),
            (v1::Verdict::AlreadyOver, 0, ""),
            (v1::Verdict::Refused, 1, "a!Stepwell.OutputRefused"),
            (v1::Verdict::TryAgain, 1, "a"),
            (v1::Verdict::Unspecified, 1, "a"),
        ];
        for (verdict, left, next) in table {
            let mut outbox = outbox();
            outbox.answer(context("a"), Ok(Bytes::from_static(b"1")));
            assert_eq!(frame(&mut outbox), "a");
            outbox.settle(&receipt("a", verdict), now);
            assert_eq!(outbox.len(), left, "{verdict:?}");
            outbox.wake(now + Duration::from_secs(1));
            assert_eq!(frame(&mut outbox), next, "{verdict:?}");
        }
    }

    #[test]
    fn a_refused_failure_is_forgotten() {
        let mut outbox = outbox();
        outbox.answer(context("a"), Err(TaskError::failed("E")));
        assert_eq!(frame(&mut outbox), "a!E");
        outbox.settle(&receipt("a", v1::Verdict::Refused), Instant::now());
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_new_stream_repeats_what_has_no_receipt_and_returns_nothing() {
        let mut outbox = outbox();
        outbox.answer(context("a"), Ok(Bytes::new()));
        outbox.answer(context("b"), Ok(Bytes::new()));
        assert_eq!(frame(&mut outbox), "a b");
        outbox.settle(&receipt("a", v1::Verdict::Accepted), Instant::now());
        outbox.settle(&receipt("b", v1::Verdict::TryAgain), Instant::now());
        outbox.answer(context("c"), Ok(Bytes::new()));
        outbox.give_back(Bytes::from_static(b"d"));
        outbox.repeat_all();
        assert_eq!(outbox.next_alarm(), None);
        assert_eq!(frame(&mut outbox), "b c");
        assert!(outbox.repeat(b"c") && outbox.repeat(b"c") && !outbox.repeat(b"a"));
        assert_eq!(frame(&mut outbox), "c", "once, however often it was asked for");
    }

    #[test]
    fn frames_stay_below_what_grpc_takes() {
        let mut outbox = outbox();
        for token in ["a", "b", "c"] {
            outbox.answer(context(token), Ok(Bytes::from(vec![b'1'; FRAME_BYTES - 1])));
        }
        assert_eq!(frame(&mut outbox), "a b");
        assert_eq!(frame(&mut outbox), "c");
        outbox.answer(context("d"), Ok(Bytes::from(vec![b'1'; OUTPUT_BYTES_MAX + 1])));
        assert_eq!(frame(&mut outbox), "d!States.DataLimitExceeded");
    }
}
