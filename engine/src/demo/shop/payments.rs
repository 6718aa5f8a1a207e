//! The ledger: what was charged to customers' cards, and given back.

use serde::Deserialize;
use sqlx::SqliteConnection;

use super::{Cents, Error};

/// What a payment needs to know: members of what `reserve-inventory` answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// Who pays.
    pub customer_id: String,
    /// How much.
    pub total: f64,
}

/// Says why a customer's card does not bear an amount, if it does not.
pub(super) async fn obstacle(
    connection: &mut SqliteConnection,
    customer: &str,
    amount: Cents,
) -> Result<Option<String>, Error> {
    let left: Option<i64> = sqlx::query_scalar(
        "SELECT card_limit - coalesce((SELECT sum(amount) FROM ledger WHERE customer = ?1), 0) \
         FROM customer WHERE id = ?1",
    )
    .bind(customer)
    .fetch_optional(connection)
    .await?;
    Ok(match left.map(Cents) {
        None => Some(format!("expected a card of {customer}, found none")),
        Some(left) if left < amount => {
            Some(format!("expected a card of {customer} good for {amount}, found {left} left on it"))
        }
        Some(_) => None,
    })
}

/// Books an amount, negative for a refund, and answers the number of the payment.
pub(super) async fn book(
    connection: &mut SqliteConnection,
    execution: &str,
    customer: &str,
    amount: Cents,
) -> Result<i64, Error> {
    let inserted = sqlx::query("INSERT INTO ledger (execution, customer, amount) VALUES (?1, ?2, ?3)")
        .bind(execution)
        .bind(customer)
        .bind(amount.0)
        .execute(connection)
        .await?;
    Ok(inserted.last_insert_rowid())
}

/// What is paid for an order: charges less refunds; `None` when there never was a charge.
pub(super) async fn paid(connection: &mut SqliteConnection, execution: &str) -> Result<Option<Cents>, Error> {
    let sum: Option<i64> = sqlx::query_scalar("SELECT sum(amount) FROM ledger WHERE execution = ?1")
        .bind(execution)
        .fetch_one(connection)
        .await?;
    Ok(sum.map(Cents))
}
