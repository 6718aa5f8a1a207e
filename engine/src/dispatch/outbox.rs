//! What waits to go to one worker: tasks, receipts, cancellations. Everything that is ready goes out
//! together, with one wake-up.
//!
//! Bounded: tasks by the worker's credits, cancellations by its tasks, receipts by [`Outbox::room`], for which
//! whoever reads the worker's outcomes waits before it reads more of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use stepwell_asl::ids::TaskToken;
use tokio::sync::Notify;

use super::Delivery;

/// Bytes of receipts that may wait for a worker before no more outcomes are read from it.
const RECEIPT_BYTES_MAX: usize = 1024 * 1024;
/// What a receipt weighs beside its token and its message.
const RECEIPT_BYTES: usize = 64;

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

impl Receipt {
    /// The answer to an outcome whose token can't be one.
    #[must_use]
    pub fn no_token(token: Vec<u8>) -> Self {
        let message = "expected the token of a task that was handed out, found something else".to_owned();
        Self { token, verdict: Verdict::Refused, message }
    }
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
    /// The weight of the receipts.
    receipt_bytes: usize,
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
    /// Mail was taken, or will be no more.
    taken: Notify,
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
        self.put(|mail| {
            mail.receipt_bytes += RECEIPT_BYTES + receipt.token.len() + receipt.message.len();
            mail.receipts.push(receipt);
        });
    }

    /// The worker is gone, or is sent away: what is in goes out, and nothing more.
    pub fn close(&self) {
        self.put(|mail| mail.closed = true);
        self.taken.notify_one();
    }

    /// Waits until the worker has taken enough of its receipts for more, or will take none.
    pub async fn room(&self) {
        self.until(|mail| mail.closed || mail.receipt_bytes < RECEIPT_BYTES_MAX).await;
    }

    /// Waits until nothing more goes in.
    pub async fn closed(&self) {
        self.until(|mail| mail.closed).await;
    }

    /// For one waiter at a time: whoever reads what the worker says.
    async fn until(&self, reached: impl Fn(&Mail) -> bool) {
        while !reached(&self.mail()) {
            self.taken.notified().await;
        }
    }

    /// Waits until there is mail, and takes all of it. `None` when the outbox is closed and empty.
    pub async fn take(&self) -> Option<Mail> {
        loop {
            {
                let mut mail = self.mail();
                if !mail.is_empty() {
                    let closed = mail.closed;
                    self.taken.notify_one();
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
        let mut mail = self.mail();
        if !mail.closed {
            put(&mut mail);
        }
        drop(mail);
        self.ready.notify_one();
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        // Nothing here can be left half done by a panic that another holder could trip over.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
