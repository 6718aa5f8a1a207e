//! Turns at the one connection that writes, and the doubt that a lost answer leaves behind.
//!
//! Invariant: a connection on which anything failed, or whose work was cut off halfway, is never used again:
//! it is taken out for each turn and put back only when that ended well. Else its last transaction may still
//! be on its way to being committed. Until it has ended one way or the other, nothing is read or written: a
//! read before that has given wrong answers. How to see to it, the backends know.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use super::Error;

/// A connection that is lent to one at a time.
pub(super) struct Turns<C> {
    /// `None` after a turn that did not end well, and at the end.
    slot: Mutex<Option<C>>,
    in_doubt: AtomicBool,
}

impl<C> Turns<C> {
    /// Lends a connection on which nothing is under way.
    pub(super) fn at(connection: C) -> Self {
        Self { slot: Mutex::new(Some(connection)), in_doubt: AtomicBool::new(false) }
    }

    /// Whether what came of the last turn is not known; without waiting for one that is not over.
    pub(super) fn in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Acquire)
    }

    /// The next turn, in the order of asking.
    pub(super) async fn next(&self) -> Turn<'_, C> {
        let mut slot = self.slot.lock().await;
        let connection = slot.take();
        Turn { slot, connection, in_doubt: &self.in_doubt }
    }

    /// Takes the connection away, to close it.
    pub(super) async fn finish(&self) -> Option<C> {
        self.slot.lock().await.take()
    }
}

/// The right to write. Dropped before its end, it leaves what it did in doubt.
pub(super) struct Turn<'a, C> {
    slot: MutexGuard<'a, Option<C>>,
    connection: Option<C>,
    in_doubt: &'a AtomicBool,
}

impl<C> Turn<'_, C> {
    /// Whether a connection is wanted: one on which nothing is in doubt any more.
    pub(super) fn is_vacant(&self) -> bool {
        self.connection.is_none()
    }

    /// Goes on with another connection.
    pub(super) fn fill(&mut self, connection: C) {
        self.connection = Some(connection);
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut C, Error> {
        self.connection.as_mut().ok_or_else(|| Error::Unavailable("there is no connection".to_owned()))
    }

    /// Ends the turn with what came of it.
    pub(super) fn end<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        // Fenced is an answer like others: the database gave it, and nothing is under way.
        if matches!(outcome, Ok(_) | Err(Error::Fenced(_))) {
            *self.slot = self.connection.take();
        }
        outcome
    }
}

impl<C> Drop for Turn<'_, C> {
    fn drop(&mut self) {
        self.in_doubt.store(self.slot.is_none(), Ordering::Release);
    }
}
