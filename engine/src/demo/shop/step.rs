//! The eight steps of the order saga, as the shop does them.
//!
//! Forward steps answer what the next one needs, as each state's result is the next one's input. Undoing steps
//! need no input: a caught error has replaced it, so they go by the name of the execution. One that finds
//! nothing to undo has done its work, and leaves word for the step it undoes, should that come late.

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use super::notices::{self, Notice};
use super::operation::{Outcome, Stop};
use super::{Cents, Charge, Error, Order, OrderStatus, inventory, orders, payments};

/// One step, with what it needs to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Takes the order and reserves its goods; or `InsufficientInventory`.
    ReserveInventory(Order),
    /// Charges the customer's card; or `PaymentFailed`.
    ProcessPayment(Charge),
    /// Sells the goods of an order that is paid.
    ConfirmOrder,
    /// Writes to the customer that the order is confirmed.
    SendConfirmation,
    /// Puts back what was reserved.
    ReleaseInventory,
    /// Cancels the order and gives back what was charged.
    CancelOrder,
    /// Writes to the customer that the payment failed.
    NotifyFailure,
    /// Writes to the customer that the goods are out of stock.
    NotifyOutOfStock,
}

impl Step {
    /// Does it. A refusal keeps what was written with it.
    pub(super) async fn perform(
        &self,
        connection: &mut SqliteConnection,
        execution: &str,
    ) -> Result<Outcome, Error> {
        let answer = match self {
            Self::ReserveInventory(order) => reserve_inventory(connection, execution, order).await,
            Self::ProcessPayment(charge) => process_payment(connection, execution, charge).await,
            Self::ConfirmOrder => confirm_order(connection, execution).await,
            Self::SendConfirmation => send_confirmation(connection, execution).await,
            Self::ReleaseInventory => release_inventory(connection, execution).await,
            Self::CancelOrder => cancel_order(connection, execution).await,
            Self::NotifyFailure => notify(connection, execution, Notice::PaymentFailed).await,
            Self::NotifyOutOfStock => notify(connection, execution, Notice::OutOfStock).await,
        };
        match answer {
            Ok(answer) => Ok(Outcome::Done(answer)),
            Err(Stop::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }
}

async fn reserve_inventory(
    connection: &mut SqliteConnection,
    execution: &str,
    order: &Order,
) -> Result<Value, Stop> {
    let (total, units) = order.read()?;
    match orders::find(connection, execution).await?.map(|entry| entry.status) {
        // Out of stock the last time: a new attempt may find more.
        None | Some(OrderStatus::OutOfStock) => {}
        Some(status @ (OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Cancelled)) => {
            let cause = format!("expected no order of '{execution}' yet, found it {}", status.as_str());
            return Err(Stop::refused("OrderClosed", cause));
        }
    }
    if let Some(shortage) = inventory::shortage(connection, &units).await? {
        orders::put(connection, execution, order, total, (OrderStatus::OutOfStock, Some(&shortage))).await?;
        return Err(Stop::refused("InsufficientInventory", shortage));
    }
    orders::put(connection, execution, order, total, (OrderStatus::Placed, None)).await?;
    let no = inventory::reserve(connection, execution, &units).await?;
    Ok(json!({
        "orderId": order.order_id,
        "customerId": order.customer_id,
        "items": order.items,
        "total": order.total,
        "reservationId": format!("res_{no}"),
    }))
}

async fn process_payment(
    connection: &mut SqliteConnection,
    execution: &str,
    charge: &Charge,
) -> Result<Value, Stop> {
    let entry = orders::expect(connection, execution, OrderStatus::Placed).await?;
    let amount = Cents::from_decimal(charge.total).ok_or_else(|| {
        Stop::refused("InvalidOrder", format!("expected a total of 0 or more, found {}", charge.total))
    })?;
    if inventory::held(connection, execution).await?.is_empty() {
        let cause = format!("expected goods reserved for '{execution}', found none: they were released");
        return Err(Stop::refused("OrderClosed", cause));
    }
    if let Some(obstacle) = payments::obstacle(connection, &charge.customer_id, amount).await? {
        orders::set_reason(connection, execution, &obstacle).await?;
        return Err(Stop::refused("PaymentFailed", obstacle));
    }
    let no = payments::book(connection, execution, &charge.customer_id, amount).await?;
    Ok(json!({
        "orderId": entry.order_id,
        "customerId": charge.customer_id,
        "total": charge.total,
        "paymentId": format!("pay_{no}"),
    }))
}

async fn confirm_order(connection: &mut SqliteConnection, execution: &str) -> Result<Value, Stop> {
    let entry = orders::expect(connection, execution, OrderStatus::Placed).await?;
    let paid = payments::paid(connection, execution).await?.unwrap_or_default();
    if paid < entry.total {
        let cause = format!("expected {} to be paid for '{execution}', found {paid}", entry.total);
        return Err(Stop::refused("OrderNotPaid", cause));
    }
    inventory::sell(connection, execution).await?;
    orders::set_status(connection, execution, OrderStatus::Confirmed).await?;
    Ok(json!({ "orderId": entry.order_id, "status": OrderStatus::Confirmed, "paid": paid.to_decimal() }))
}

async fn send_confirmation(connection: &mut SqliteConnection, execution: &str) -> Result<Value, Stop> {
    orders::expect(connection, execution, OrderStatus::Confirmed).await?;
    notify(connection, execution, Notice::Confirmation).await
}

async fn release_inventory(connection: &mut SqliteConnection, execution: &str) -> Result<Value, Stop> {
    let Some(entry) = orders::find(connection, execution).await? else {
        orders::cancel_beforehand(connection, execution).await?;
        return Ok(json!({ "orderId": null, "released": [] }));
    };
    let released = inventory::release(connection, execution).await?;
    let released: Vec<Value> = released
        .iter()
        .map(|(product, quantity)| json!({ "productId": product, "quantity": quantity }))
        .collect();
    Ok(json!({ "orderId": entry.order_id, "released": released }))
}

async fn cancel_order(connection: &mut SqliteConnection, execution: &str) -> Result<Value, Stop> {
    let Some(entry) = orders::find(connection, execution).await? else {
        orders::cancel_beforehand(connection, execution).await?;
        return Ok(json!({ "orderId": null, "status": OrderStatus::Cancelled, "refunded": 0.0 }));
    };
    let mut refunded = Cents::default();
    match entry.status {
        OrderStatus::Placed => {
            // A payment that was thought lost may have been taken all the same.
            let paid = payments::paid(connection, execution).await?.unwrap_or_default();
            if let Some(customer) = entry.customer.as_deref().filter(|_| paid > Cents(0)) {
                payments::book(connection, execution, customer, Cents(-paid.0)).await?;
                refunded = paid;
            }
            orders::set_status(connection, execution, OrderStatus::Cancelled).await?;
        }
        OrderStatus::Cancelled | OrderStatus::OutOfStock => {}
        OrderStatus::Confirmed => {
            let cause = format!("expected the order of '{execution}' to be open, found it confirmed");
            return Err(Stop::refused("OrderClosed", cause));
        }
    }
    let status = orders::find(connection, execution).await?.map(|entry| entry.status);
    Ok(json!({ "orderId": entry.order_id, "status": status, "refunded": refunded.to_decimal() }))
}

/// Writes to the customer of an order; of an order that never came there is none.
async fn notify(connection: &mut SqliteConnection, execution: &str, notice: Notice) -> Result<Value, Stop> {
    let Some(entry) = orders::find(connection, execution).await? else {
        return Ok(json!({ "orderId": null, "notice": null }));
    };
    let text = notices::send(connection, execution, &entry, notice).await?;
    Ok(json!({
        "orderId": entry.order_id,
        "status": entry.status,
        "reason": entry.reason,
        "notice": text,
    }))
}
