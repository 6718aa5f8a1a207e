//! The one connection that writes, under one epoch.
//!
//! Invariant: what became of a transaction whose answer was lost is known before anything is read or written:
//! [`ownership::settle`], from another connection, waits for it if it has begun, and else forbids it.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use super::super::turn::{Turn, Turns};
use super::super::{Error, migrate};
use super::{commit, ownership};

/// A node that stalls inside a transaction must not hold the ownership for ever, and nobody waits for ever.
/// The committer looks rows up by their keys and does nothing else, so its statements are planned once and
/// always use the indexes.
const COMMITTER_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '2s'; \
     SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET synchronous_commit = on; SET jit = off; \
     SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";

/// Readers can't write, and don't keep old rows from being cleared away. They too remember their plans, and so
/// use indexes even where a table is small enough to be read as a whole.
pub(super) const READER_SETTINGS: &str = "SET idle_in_transaction_session_timeout = '2s'; \
     SET statement_timeout = '30s'; SET lock_timeout = '10s'; SET default_transaction_read_only = on; \
     SET jit = off; SET enable_seqscan = off";

/// The writing side of an owned database.
pub(super) struct Committer {
    options: PgConnectOptions,
    epoch: i64,
    turns: Turns<PgConnection>,
}

impl Committer {
    /// Connects, brings the tables up to date and waits for the ownership. A node that stands by may do so
    /// with newer tables than the owner's; so migrations only ever add.
    pub(super) async fn open(options: PgConnectOptions) -> Result<Self, Error> {
        let mut connection = connect(&options).await?;
        migrate::run(&migrate::POSTGRES, &mut connection).await?;
        let epoch = ownership::take(&mut connection).await?;
        Ok(Self { options, epoch, turns: Turns::at(connection) })
    }

    /// The epoch to write under.
    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// The next turn to write.
    pub(super) async fn turn(&self) -> Result<Turn<'_, PgConnection>, Error> {
        let mut turn = self.turns.next().await;
        if turn.is_vacant() {
            let mut connection = connect(&self.options).await?;
            ownership::settle(&mut connection, self.epoch).await?;
            turn.fill(connection);
        }
        Ok(turn)
    }

    /// Returns when no transaction is in doubt.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if self.turns.in_doubt() {
            self.turn().await?.end(Ok(()))?;
        }
        Ok(())
    }

    /// Ends the ownership, if the database can be reached, and the connection. Without that it ends by itself.
    pub(super) async fn close(&self) {
        let Some(mut connection) = self.turns.finish().await else { return };
        let released = ownership::release(&mut connection, self.epoch).await;
        if let Err(error) = released.and(connection.close().await.map_err(Error::from)) {
            tracing::warn!(%error, "the ownership was not released: it ends with its lease");
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = options.connect().await?;
    connection.execute(COMMITTER_SETTINGS).await?;
    commit::prepare(&mut connection).await?;
    Ok(connection)
}
