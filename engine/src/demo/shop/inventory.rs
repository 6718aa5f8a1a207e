//! The stock: units are available, then reserved for an order, then sold or available again.
//!
//! Invariant: every change of a product's counts has its row among the movements.

use sqlx::SqliteConnection;

use super::Error;
use super::orders::Units;

/// What can happen to units.
#[derive(Clone, Copy)]
enum Movement {
    Reserve,
    Sell,
    Release,
}

/// Says which product there are too few of, if any.
pub(super) async fn shortage(
    connection: &mut SqliteConnection,
    wanted: &Units,
) -> Result<Option<String>, Error> {
    for (product, wanted) in wanted {
        let found: Option<i64> = sqlx::query_scalar("SELECT available FROM product WHERE id = ?1")
            .bind(product)
            .fetch_optional(&mut *connection)
            .await?;
        let found = found.unwrap_or(0);
        if found < *wanted {
            return Ok(Some(format!("expected {wanted} of {product} in stock, found {found}")));
        }
    }
    Ok(None)
}

/// Reserves units, of which there are enough, and answers the number of the reservation.
pub(super) async fn reserve(
    connection: &mut SqliteConnection,
    execution: &str,
    units: &Units,
) -> Result<i64, Error> {
    let mut first = None;
    for (product, quantity) in units {
        let no = shift(connection, Movement::Reserve, execution, product, *quantity).await?;
        first.get_or_insert(no);
    }
    Ok(first.unwrap_or_default())
}

/// Sells what is held for an order.
pub(super) async fn sell(connection: &mut SqliteConnection, execution: &str) -> Result<(), Error> {
    for (product, quantity) in held(connection, execution).await? {
        shift(connection, Movement::Sell, execution, &product, quantity).await?;
    }
    Ok(())
}

/// Puts back what is held for an order, and answers what that was.
pub(super) async fn release(connection: &mut SqliteConnection, execution: &str) -> Result<Units, Error> {
    let units = held(connection, execution).await?;
    for (product, quantity) in &units {
        shift(connection, Movement::Release, execution, product, *quantity).await?;
    }
    Ok(units)
}

/// What is reserved for an order and neither sold nor released.
pub(super) async fn held(connection: &mut SqliteConnection, execution: &str) -> Result<Units, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT product, sum(CASE kind WHEN 'RESERVE' THEN quantity ELSE -quantity END) AS held \
         FROM movement WHERE execution = ?1 GROUP BY product HAVING held > 0",
    )
    .bind(execution)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

async fn shift(
    connection: &mut SqliteConnection,
    movement: Movement,
    execution: &str,
    product: &str,
    quantity: i64,
) -> Result<i64, Error> {
    let (kind, update) = match movement {
        Movement::Reserve => (
            "RESERVE",
            "UPDATE product SET available = available - ?2, reserved = reserved + ?2 WHERE id = ?1",
        ),
        Movement::Sell => {
            ("SELL", "UPDATE product SET reserved = reserved - ?2, sold = sold + ?2 WHERE id = ?1")
        }
        Movement::Release => (
            "RELEASE",
            "UPDATE product SET reserved = reserved - ?2, available = available + ?2 WHERE id = ?1",
        ),
    };
    sqlx::query(update).bind(product).bind(quantity).execute(&mut *connection).await?;
    let inserted =
        sqlx::query("INSERT INTO movement (execution, product, kind, quantity) VALUES (?1, ?2, ?3, ?4)")
            .bind(execution)
            .bind(product)
            .bind(kind)
            .bind(quantity)
            .execute(connection)
            .await?;
    Ok(inserted.last_insert_rowid())
}
