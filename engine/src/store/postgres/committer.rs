//! The one connection that writes, and the doubt a lost answer leaves behind.
//!
//! Invariant: a connection on which anything failed, or whose work was cut off halfway, is never used again.
//! Its last transaction may still be on its way to being committed; until that has ended one way or the other,
//! nothing is read or written. Whoever comes next waits for it: it holds the row of the ownership shared, and
//! [`ownership::settle`] asks for the row alone. (A plain read there gave the wrong answer.)

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::sync::{Mutex, MutexGuard};

use super::super::{Error, migrate};
use super::ownership;

/// A node that stalls inside a transaction must not hold the ownership for ever, and nobody waits for ever.
/// The committer looks rows up by their keys and does nothing else, so its statements are planned once and
/// always use the indexes, whatever the statistics of tables that are empty now and huge tomorrow say.
const COMMITTER_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '2s'; SET statement_timeout = '30s'; \
     SET lock_timeout = '10s'; SET synchronous_commit = on; SET jit = off; \
     SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off";

/// Readers can't write, and don't keep old rows from being cleared away.
pub(super) const READER_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '2s'; SET statement_timeout = '30s'; \
     SET lock_timeout = '10s'; SET default_transaction_read_only = on; SET jit = off";

/// Settles a new connection.
pub(super) async fn set(connection: &mut PgConnection, settings: &'static str) -> Result<(), sqlx::Error> {
    connection.execute(settings).await?;
    Ok(())
}

/// The writing side of an owned database.
pub(super) struct Committer {
    options: PgConnectOptions,
    epoch: i64,
    /// `None` after a transaction that did not end well.
    connection: Mutex<Option<PgConnection>>,
    /// Whether there was such a transaction; what [`Self::settle`] looks at without waiting for its turn.
    in_doubt: AtomicBool,
}

impl Committer {
    /// Connects, brings the tables up to date and waits for the ownership. A node that stands by may do so
    /// with newer tables than the owner's; so migrations only ever add.
    pub(super) async fn open(options: PgConnectOptions) -> Result<Self, Error> {
        let mut connection = connect(&options).await?;
        migrate::run(&migrate::POSTGRES, &mut connection).await?;
        let epoch = ownership::take(&mut connection).await?;
        Ok(Self {
            options,
            epoch,
            connection: Mutex::new(Some(connection)),
            in_doubt: AtomicBool::new(false),
        })
    }

    /// The next turn to write, in the order of asking.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, Error> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => {
                let mut connection = connect(&self.options).await?;
                ownership::settle(&mut connection, self.epoch).await?;
                connection
            }
        };
        // From here on it is in doubt when the turn is dropped.
        Ok(Turn { committer: self, slot, connection: Some(connection) })
    }

    /// Returns when no transaction is in doubt.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if self.in_doubt.load(Ordering::Acquire) {
            self.turn().await?.end(Ok(()))?;
        }
        Ok(())
    }

    /// Ends the ownership, if the database can be reached, and the connection. Without that it ends by itself.
    pub(super) async fn close(&self) {
        let Some(mut connection) = self.connection.lock().await.take() else { return };
        let released = ownership::release(&mut connection, self.epoch).await;
        if let Err(error) = released.and(connection.close().await.map_err(Error::from)) {
            tracing::warn!(%error, "the ownership was not released: it ends with its lease");
        }
    }
}

/// The right to write, for one transaction.
pub(super) struct Turn<'a> {
    committer: &'a Committer,
    slot: MutexGuard<'a, Option<PgConnection>>,
    connection: Option<PgConnection>,
}

impl Turn<'_> {
    /// The connection, and the epoch to write under.
    pub(super) fn connection(&mut self) -> Result<(&mut PgConnection, i64), Error> {
        let connection =
            self.connection.as_mut().ok_or_else(|| Error::Unavailable("the turn is over".to_owned()))?;
        Ok((connection, self.committer.epoch))
    }

    /// Ends the turn with what came of it: after a failure the connection is not used again.
    pub(super) fn end<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        // Fenced is an answer like others: the database gave it, and nothing is under way.
        if matches!(outcome, Ok(_) | Err(Error::Fenced(_))) {
            *self.slot = self.connection.take();
        }
        outcome
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.committer.in_doubt.store(self.slot.is_none(), Ordering::Release);
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = options.connect().await?;
    set(&mut connection, COMMITTER_SETTINGS).await?;
    Ok(connection)
}
