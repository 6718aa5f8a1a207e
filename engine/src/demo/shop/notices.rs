//! Notices to customers: the shop's outgoing mail.

use sqlx::SqliteConnection;

use super::Error;
use super::orders::Entry;

/// What a notice is about.
#[derive(Clone, Copy)]
pub(super) enum Notice {
    Confirmation,
    PaymentFailed,
    OutOfStock,
}

impl Notice {
    fn kind(self) -> &'static str {
        match self {
            Self::Confirmation => "CONFIRMATION",
            Self::PaymentFailed => "PAYMENT_FAILED",
            Self::OutOfStock => "OUT_OF_STOCK",
        }
    }

    fn text(self, entry: &Entry) -> String {
        let order = entry.order_id.as_deref().unwrap_or_default();
        let total = entry.total;
        match self {
            Self::Confirmation => format!("Thank you: order {order} over {total} is confirmed."),
            Self::PaymentFailed => {
                format!(
                    "Order {order} over {total} could not be paid and is cancelled. You were charged nothing."
                )
            }
            Self::OutOfStock => format!("We are sorry: what order {order} wants is out of stock."),
        }
    }
}

/// Sends a notice to an order's customer, if there is one, and answers its text.
pub(super) async fn send(
    connection: &mut SqliteConnection,
    execution: &str,
    entry: &Entry,
    notice: Notice,
) -> Result<Option<String>, Error> {
    let Some(customer) = &entry.customer else { return Ok(None) };
    let text = notice.text(entry);
    sqlx::query("INSERT INTO notice (execution, customer, kind, text) VALUES (?1, ?2, ?3, ?4)")
        .bind(execution)
        .bind(customer)
        .bind(notice.kind())
        .bind(&text)
        .execute(connection)
        .await?;
    Ok(Some(text))
}
