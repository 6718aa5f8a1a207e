//! Who may write: one row with an owner, an epoch and a time at which the ownership ends. It ends at once when
//! the session in which the owner writes is gone, as after a crash of its process.
//!
//! Invariant: an epoch is held by one node only, and only while it is the highest; and under an epoch, one
//! session writes at a time. Every transaction that writes holds the row shared, at its epoch and its session.
//! Taking over, by another node or by another session of the same one, changes the row. That waits for the
//! transactions that hold it, and fences every later one: also a statement that a session had been sent when
//! it was given up, and which its server reads only now. So what a session sees when it has the row is final,
//! but for its own writes.
//!
//! Times are the database's own, so nodes need not agree on theirs; and a lease that has ended while nobody
//! took over still lets its owner write, because the epoch is what counts.

use std::time::Duration;

use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Connection, Transaction};

use super::super::Error;

/// How long the ownership lasts without being renewed.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// How often a node that stands by asks whether it may take over: a graceful change takes less than a second.
const POLL: Duration = Duration::from_millis(500);

/// Makes the row name this session.
const THIS_SESSION: &str = "session_pid = pg_backend_pid(), \
    session_started_at = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())";

/// Holds while the session that the row names is there. One whose start may not be seen counts as there.
const SESSION_LIVES: &str = "EXISTS (SELECT FROM pg_stat_activity AS session \
    WHERE session.pid = session_pid AND coalesce(session.backend_start = session_started_at, true))";

/// Takes the ownership, as soon as nobody has it. The new epoch.
pub(super) async fn take(connection: &mut PgConnection) -> Result<i64, Error> {
    let mut told = false;
    // The clock is read anew when the statement had to wait for the row; now() would be older than that.
    let take = format!(
        "UPDATE ownership SET epoch = epoch + 1, \
         owner = 'process ' || $1 || ' at ' || coalesce(host(inet_client_addr()), 'localhost'), \
         expires_at = clock_timestamp() + $2 * interval '1 millisecond', {THIS_SESSION} \
         WHERE expires_at <= clock_timestamp() OR NOT {SESSION_LIVES} RETURNING epoch"
    );
    loop {
        let taken: Option<(i64,)> = sqlx::query_as(AssertSqlSafe(take.as_str()))
            .bind(std::process::id().to_string())
            .bind(lease_millis())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some((epoch,)) = taken {
            tracing::info!(epoch, "took the ownership of the database");
            return Ok(epoch);
        }
        if !told {
            let (owner, epoch) = holder(connection).await?;
            tracing::info!(owner, epoch, "standing by while another node owns the database");
            told = true;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Begins a transaction that writes, under an epoch: holds the ownership to the transaction's end.
pub(super) async fn begin(
    connection: &mut PgConnection,
    epoch: i64,
) -> Result<Transaction<'_, Postgres>, Error> {
    let mut transaction = connection.begin().await?;
    let held: Option<(i64,)> = sqlx::query_as(
        "SELECT epoch FROM ownership WHERE epoch = $1 AND session_pid = pg_backend_pid() FOR SHARE",
    )
    .bind(epoch)
    .fetch_optional(&mut *transaction)
    .await?;
    if held.is_some() {
        return Ok(transaction);
    }
    let lost = lost(&mut transaction, epoch).await;
    transaction.rollback().await?;
    Err(lost)
}

/// Makes this connection's session the one that writes under an epoch: waits for every transaction of sessions
/// before it that holds the ownership, and fences those that don't hold it yet.
pub(super) async fn settle(connection: &mut PgConnection, epoch: i64) -> Result<(), Error> {
    let settle = format!("UPDATE ownership SET {THIS_SESSION} WHERE epoch = $1 RETURNING epoch");
    let held: Option<(i64,)> =
        sqlx::query_as(AssertSqlSafe(settle)).bind(epoch).fetch_optional(&mut *connection).await?;
    match held {
        Some(_) => Ok(()),
        None => Err(lost(connection, epoch).await),
    }
}

/// Prolongs the ownership to a full lease from now.
pub(super) async fn renew(connection: &mut PgConnection, epoch: i64) -> Result<(), Error> {
    let renewed = sqlx::query(
        "UPDATE ownership SET expires_at = clock_timestamp() + $2 * interval '1 millisecond' WHERE epoch = $1",
    )
    .bind(epoch)
    .bind(lease_millis())
    .execute(&mut *connection)
    .await?;
    match renewed.rows_affected() {
        0 => Err(lost(connection, epoch).await),
        _ => Ok(()),
    }
}

/// Ends the ownership, for this node too: its epoch is over.
pub(super) async fn release(connection: &mut PgConnection, epoch: i64) -> Result<(), Error> {
    sqlx::query(
        "UPDATE ownership SET epoch = epoch + 1, owner = 'nobody', expires_at = '-infinity' WHERE epoch = $1",
    )
    .bind(epoch)
    .execute(connection)
    .await?;
    Ok(())
}

/// What it means that the ownership was not found under an epoch and this session.
pub(super) async fn lost(connection: &mut PgConnection, epoch: i64) -> Error {
    match holder(connection).await {
        // Settled from a session that was given up, late. The next one settles again.
        Ok((_, now)) if now == epoch => {
            Error::Unavailable(format!("expected to write under epoch {epoch}, found another session to"))
        }
        Ok((owner, now)) => Error::Fenced(format!(
            "expected to own it in epoch {epoch}, found {owner} (epoch {now}) to own it"
        )),
        Err(error) => error,
    }
}

/// Who owns the database now, and the epoch.
async fn holder(connection: &mut PgConnection) -> Result<(String, i64), Error> {
    Ok(sqlx::query_as("SELECT owner, epoch FROM ownership").fetch_one(connection).await?)
}

fn lease_millis() -> i64 {
    i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)
}
