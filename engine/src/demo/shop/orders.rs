//! The order book: one entry per execution.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::SqliteConnection;

use super::operation::Stop;
use super::{Cents, Error};

/// An order as a customer sends it: the input of the saga.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The customer's number for it.
    pub order_id: String,
    /// Who pays.
    pub customer_id: String,
    /// What is wanted.
    pub items: Vec<Item>,
    /// What it costs.
    pub total: f64,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Which product.
    pub product_id: String,
    /// How many units, at least one.
    pub quantity: u32,
    /// What one unit costs.
    pub price: f64,
}

/// Units by product.
pub(super) type Units = BTreeMap<String, i64>;

impl Order {
    /// What it costs and how much of each product it wants, if it is an order that can be filled.
    pub(super) fn read(&self) -> Result<(Cents, Units), Stop> {
        let total =
            Cents::from_decimal(self.total).ok_or_else(|| invalid("a total of 0 or more", self.total))?;
        let mut units = Units::new();
        for item in &self.items {
            if item.quantity == 0 {
                return Err(invalid("a quantity of at least 1", item.quantity));
            }
            *units.entry(item.product_id.clone()).or_default() += i64::from(item.quantity);
        }
        if units.is_empty() {
            return Err(invalid("at least one item", "none"));
        }
        Ok((total, units))
    }
}

fn invalid(expected: &str, found: impl fmt::Display) -> Stop {
    Stop::refused("InvalidOrder", format!("expected {expected}, found {found}"))
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Goods were reserved for it, and it is not decided yet.
    Placed,
    /// It was paid, and its goods are sold.
    Confirmed,
    /// It was given up, and everything that was done for it undone.
    Cancelled,
    /// There were too few goods for it.
    OutOfStock,
}

impl OrderStatus {
    /// As it is stored and shown in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "PLACED",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::OutOfStock => "OUT_OF_STOCK",
        }
    }

    pub(super) fn read(text: &str) -> Result<Self, Error> {
        [Self::Placed, Self::Confirmed, Self::Cancelled, Self::OutOfStock]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Error::Corrupt { expected: "the status of an order", found: text.to_owned() })
    }
}

/// What the book says about an order.
pub(super) struct Entry {
    pub(super) order_id: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) total: Cents,
    pub(super) status: OrderStatus,
    pub(super) reason: Option<String>,
}

/// Finds the order that an execution handles.
pub(super) async fn find(connection: &mut SqliteConnection, execution: &str) -> Result<Option<Entry>, Error> {
    type Row = (Option<String>, Option<String>, Option<i64>, String, Option<String>);
    let row: Option<Row> =
        sqlx::query_as("SELECT order_id, customer, total, status, reason FROM orders WHERE execution = ?1")
            .bind(execution)
            .fetch_optional(connection)
            .await?;
    row.map(|(order_id, customer, total, status, reason)| {
        let total = Cents(total.unwrap_or_default());
        Ok(Entry { order_id, customer, total, status: OrderStatus::read(&status)?, reason })
    })
    .transpose()
}

/// The order that an execution handles, if it has come as far as this and no further.
pub(super) async fn expect(
    connection: &mut SqliteConnection,
    execution: &str,
    status: OrderStatus,
) -> Result<Entry, Stop> {
    let wanted = status.as_str();
    match find(connection, execution).await? {
        Some(entry) if entry.status == status => Ok(entry),
        Some(entry) => {
            let found = entry.status.as_str();
            let cause = format!("expected the order of '{execution}' to be {wanted}, found it {found}");
            Err(Stop::refused("OrderClosed", cause))
        }
        None => Err(Stop::refused("UnknownOrder", format!("expected an order of '{execution}', found none"))),
    }
}

/// Puts an order into the book.
pub(super) async fn put(
    connection: &mut SqliteConnection,
    execution: &str,
    order: &Order,
    total: Cents,
    (status, reason): (OrderStatus, Option<&str>),
) -> Result<(), Error> {
    sqlx::query(
        "INSERT OR REPLACE INTO orders (execution, order_id, customer, total, status, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(execution)
    .bind(&order.order_id)
    .bind(&order.customer_id)
    .bind(total.0)
    .bind(status.as_str())
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that an order was undone before it came. Should it still come, it is found cancelled.
pub(super) async fn cancel_beforehand(
    connection: &mut SqliteConnection,
    execution: &str,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO orders (execution, status, reason) VALUES (?1, 'CANCELLED', 'it never came')")
        .bind(execution)
        .execute(connection)
        .await?;
    Ok(())
}

/// Moves an order on.
pub(super) async fn set_status(
    connection: &mut SqliteConnection,
    execution: &str,
    status: OrderStatus,
) -> Result<(), Error> {
    sqlx::query("UPDATE orders SET status = ?2 WHERE execution = ?1")
        .bind(execution)
        .bind(status.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes why nothing will come of an order.
pub(super) async fn set_reason(
    connection: &mut SqliteConnection,
    execution: &str,
    reason: &str,
) -> Result<(), Error> {
    sqlx::query("UPDATE orders SET reason = ?2 WHERE execution = ?1")
        .bind(execution)
        .bind(reason)
        .execute(connection)
        .await?;
    Ok(())
}
