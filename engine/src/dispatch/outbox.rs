//! What waits to go to one worker: tasks, receipts, cancellations. Everything that is ready goes out
//! together, with one wake-up.
//!
//! Bounded without a bound of its own: tasks by the worker's credits, cancellations by its tasks, receipts by
//! the outcomes it may have under way (see the Work stream).

use std::sync::{Mutex, PoisonError};

use stepwell_asl::ids::TaskToken;
use tokio::sync::Notify;

use super::Delivery;

/// What became of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable.
    Accepted,
    /// The attempt was over already.
    AlreadyOver,
    /// It can't be taken as it is.
    Refused,
    /// It could not be written just now.
    TryAgain,
}

/// The engine's answer to one outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The outcome's token, as the worker wrote it: it may be none of ours.
    pub token: Vec<u8>,
    /// What became of it.
    pub verdict: Verdict,
    /// More, for people; empty when there is no more to say.
    pub message: String,
}

/// Everything that is ready to go.
#[derive(Debug, Default)]
pub struct Mail {
    /// Tasks to work on.
    pub tasks: Vec<Delivery>,
    /// Answers to outcomes.
    pub receipts: Vec<Receipt>,
    /// Attempts to stop working on.
    pub cancellations: Vec<TaskToken>,
    /// The engine is shutting down.
    pub shut_down: bool,
    /// Nothing will follow.
    closed: bool,
}

impl Mail {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.receipts.is_empty() && self.cancellations.is_empty() && !self.shut_down
    }
}

/// One worker's outgoing mail.
#[derive(Default)]
pub struct Outbox {
    mail: Mutex<Mail>,
    ready: Notify,
}

impl Outbox {
    pub(super) fn send(&self, delivery: Delivery) {
        self.put(|mail| mail.tasks.push(delivery));
    }

    pub(super) fn cancel(&self, token: TaskToken) {
        // A task that has not left yet goes out all the same, before its cancellation: the worker answers both,
        // and so the credit comes back the usual way.
        self.put(|mail| mail.cancellations.push(token));
    }

    pub(super) fn shut_down(&self) {
        self.put(|mail| mail.shut_down = true);
    }

    /// Answers an outcome.
    pub fn receipt(&self, receipt: Receipt) {
        self.put(|mail| mail.receipts.push(receipt));
    }

    /// The worker is gone, or is sent away: what is in goes out, and nothing more.
    pub fn close(&self) {
        self.put(|mail| mail.closed = true);
    }

    /// Waits until there is mail, and takes all of it. `None` when the outbox is closed and empty.
    pub async fn take(&self) -> Option<Mail> {
        loop {
            {
                let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
                if !mail.is_empty() {
                    let closed = mail.closed;
                    return Some(std::mem::replace(&mut *mail, Mail { closed, ..Mail::default() }));
                }
                if mail.closed {
                    return None;
                }
            }
            self.ready.notified().await;
        }
    }

    fn put(&self, put: impl FnOnce(&mut Mail)) {
        put(&mut self.mail.lock().unwrap_or_else(PoisonError::into_inner));
        self.ready.notify_one();
    }
}
