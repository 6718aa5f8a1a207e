//! What waits to leave on one stream; all of it goes in as few frames as there are kinds, as in the engine.

use std::sync::{Mutex, MutexGuard, PoisonError};

use prost::bytes::Bytes;
use tokio::sync::Notify;

/// Everything that is ready to go. Messages are made from it at the stream, not in the loop of the owner.
#[derive(Default)]
pub(super) struct Mail {
    /// Sagas, and the number of the task.
    pub(super) tasks: Vec<(u64, u8)>,
    /// The same of tasks whose outcome is durable.
    pub(super) receipts: Vec<(u64, u8)>,
    /// Requests of a client that are answered.
    pub(super) replies: Vec<Bytes>,
}

/// One stream's outgoing mail.
#[derive(Default)]
pub(super) struct Outbox {
    mail: Mutex<Mail>,
    ready: Notify,
}

impl Outbox {
    /// Puts something in and lets it go.
    pub(super) fn put(&self, put: impl FnOnce(&mut Mail)) {
        self.hold(put);
        self.ready.notify_one();
    }

    /// Puts something in that leaves with the next [`Outbox::flush`], or before.
    pub(super) fn hold(&self, put: impl FnOnce(&mut Mail)) {
        put(&mut self.mail());
    }

    /// Lets go what is held.
    pub(super) fn flush(&self) {
        self.ready.notify_one();
    }

    /// Waits until there is mail, and takes all of it.
    pub(super) async fn take(&self) -> Mail {
        loop {
            {
                let mut mail = self.mail();
                if !(mail.tasks.is_empty() && mail.receipts.is_empty() && mail.replies.is_empty()) {
                    return std::mem::take(&mut *mail);
                }
            }
            self.ready.notified().await;
        }
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
