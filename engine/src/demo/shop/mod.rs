//! A small shop: stock, orders, payments and notices in one SQLite file.
//!
//! Invariant: what a step does and the memory that it was done are one transaction, so a task that is delivered
//! twice has its effect once. Several processes may have the shop open at the same time.
//!
//! Deliberately absent: anything of the engine. The shop sees what any service behind a worker sees: the
//! execution's name, the task's idempotency key, its attempt and its input.

mod books;
mod inventory;
mod money;
mod notices;
mod operation;
mod orders;
mod payments;
mod step;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub use books::{Books, OrderAccount, ProductAccount};
pub use money::Cents;
pub use operation::{Call, Outcome, Refusal};
pub use orders::{Item, Order, OrderStatus};
pub use payments::Charge;
pub use step::Step;

/// How long to wait for the other processes that write to the shop's file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Trouble with the shop's file; what the shop refuses is a [`Refusal`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the shop's database: {0}")]
    Database(#[from] sqlx::Error),
    /// What is stored can't be read.
    #[error("the shop's database: expected {expected}, found {found:?}")]
    Corrupt {
        /// What should stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
}

/// An open shop. Clones share its file.
#[derive(Debug, Clone)]
pub struct Shop {
    pool: SqlitePool,
    pub(super) latency: Duration,
}

impl Shop {
    /// Opens the shop in this file; an empty one is made when there is none.
    ///
    /// # Errors
    /// When the file can't be opened, or is not a shop's.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // What a worker told the engine to be done must not be forgotten, whatever happens to the machine.
            .synchronous(SqliteSynchronous::Full);
        // One connection per process: tasks queue for it in order, instead of polling for SQLite's one lock.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Self { pool, latency: Duration::ZERO })
    }

    /// The same shop with workers that take this long over a step, as services do that are further away.
    #[must_use]
    pub fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Adds a product with this many units; one that is there stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_product(&self, id: &str, name: &str, units: u32) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO product (id, name, initial, available, reserved, sold) VALUES (?1, ?2, ?3, ?3, 0, 0) \
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(name)
        .bind(units)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds a customer, with what may be charged to the card altogether; one that is there stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_customer(&self, id: &str, card_limit: Cents) -> Result<(), Error> {
        sqlx::query("INSERT INTO customer (id, card_limit) VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(id)
            .bind(card_limit.0)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Does a step, or answers what it came to when the same call was made before.
    ///
    /// # Errors
    /// When the database fails; then nothing was done.
    pub async fn perform(&self, call: &Call<'_>, step: &Step) -> Result<Outcome, Error> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let outcome = match operation::recall(&mut transaction, call).await? {
            Some(outcome) => outcome,
            None => {
                let outcome = step.perform(&mut transaction, call.execution).await?;
                operation::record(&mut transaction, call, &outcome).await?;
                outcome
            }
        };
        transaction.commit().await?;
        Ok(outcome)
    }

    /// The books as they stand at one moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn books(&self) -> Result<Books, Error> {
        let mut transaction = self.pool.begin().await?;
        Books::read(&mut transaction).await
    }

    /// Closes the file; what is in work is finished first.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
