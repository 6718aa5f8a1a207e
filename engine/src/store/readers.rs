//! The connections that read: a few, lent to one query at a time.
//!
//! Invariant: a connection on which anything failed, or whose query was cut off halfway, is never used again;
//! it goes out of scope where it was lent to. Unlike a general pool this one asks a connection nothing before
//! and after its query: each question is a turn to the database and back, and so costs what a read costs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Database, Executor};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::Error;

/// Connections at most. Lists and histories are read by people, a few at a time; and in SQLite, more readers
/// than there are cores would only wait for each other.
const READERS_MAX: u32 = 4;

/// How long a query may wait for a connection.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// How a database is connected to.
type Options<DB> = <<DB as Database>::Connection as Connection>::Options;

/// Connections to one database.
pub(super) struct Readers<DB: Database> {
    options: Options<DB>,
    /// What a new connection is told first.
    settings: &'static str,
    permits: Semaphore,
    idle: Mutex<Vec<DB::Connection>>,
}

impl<DB: Database> Readers<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    /// Connects when there is something to read.
    pub(super) fn new(options: Options<DB>, settings: &'static str) -> Self {
        let permits = Semaphore::new(READERS_MAX as usize);
        Self { options, settings, permits, idle: Mutex::default() }
    }

    /// A connection, with the right to use it. Unless it comes back to [`Self::settle`], it is closed.
    pub(super) async fn lend(&self) -> Result<(SemaphorePermit<'_>, DB::Connection), Error> {
        timeout(WAIT_MAX, async {
            let closed = |_| Error::Unavailable("this engine has closed the database".to_owned());
            let permit = self.permits.acquire().await.map_err(closed)?;
            // Bound to a name, so that the lock is not held while connecting.
            let idle = self.idle().pop();
            let connection = match idle {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            Ok((permit, connection))
        })
        .await
        .map_err(|_| {
            Error::Unavailable(format!("expected a connection to read from within {WAIT_MAX:?}, found none"))
        })?
    }

    /// Ends the use of a connection with what came of it. After a failure, it and those that wait are closed:
    /// what has cut off one has cut off all.
    pub(super) fn settle<T, E>(&self, connection: DB::Connection, outcome: Result<T, E>) -> Result<T, Error>
    where
        Error: From<E>,
    {
        match outcome {
            Ok(_) => self.idle().push(connection),
            Err(_) => self.idle().clear(),
        }
        outcome.map_err(Error::from)
    }

    /// Closes all connections, those under way at the end of their queries.
    pub(super) async fn close(&self) {
        let all_idle = self.permits.acquire_many(READERS_MAX).await;
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = connection.close().await {
                tracing::debug!(%error, "a connection that read was not closed in order");
            }
        }
        drop(all_idle);
    }

    async fn connect(&self) -> Result<DB::Connection, Error> {
        let mut connection = self.options.connect().await?;
        connection.execute(self.settings).await?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<DB::Connection>> {
        // A list of connections is whole whatever happened to its last user.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
