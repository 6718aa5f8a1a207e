//! The workers of the order saga: its eight tasks, against a small shop in memory.
//!
//! With a server running and an order saga deployed (see `definitions/`), start the workers:
//!
//! ```sh
//! cargo run -p stepwell-worker --example order_workers
//! ```
//!
//! and start the saga with an order such as
//!
//! ```json
//! {"orderId": "o-1", "customerId": "cust_111", "items": [{"productId": "prod_222", "quantity": 2, "price": 29.99}], "total": 59.98}
//! ```
//!
//! The payment of the customer `cust_fail` is declined (`PaymentFailed`), and of the product `prod_none` there
//! is nothing in stock (`OutOfStock`). `STEPWELL_SERVER` names another server than `http://127.0.0.1:7410`.
//!
//! Three things to look at, because every saga needs them:
//! - What a step does is found again by the *execution's name*, so an undo needs nothing from its input.
//! - A step that comes twice (tasks are delivered at least once) does its work once: new ids are made from
//!   the *idempotency key*, and what was done already is answered again.
//! - An undo of something that never happened is a success: there is nothing to undo.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use stepwell_worker::{TaskContext, TaskError, Worker, shutdown_signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let server = std::env::var("STEPWELL_SERVER").unwrap_or_else(|_| "http://127.0.0.1:7410".to_owned());
    let shop = Arc::new(Shop::default());
    let worker = Worker::builder(server)
        .name("order-workers")
        .task("reserve-inventory", on(&shop, Shop::reserve_inventory))
        .task("process-payment", on(&shop, Shop::process_payment))
        .task("confirm-order", on(&shop, Shop::confirm_order))
        .task("send-confirmation", on(&shop, Shop::send_confirmation))
        .task("release-inventory", on(&shop, Shop::release_inventory))
        .task("cancel-order", on(&shop, Shop::cancel_order))
        .task("notify-failure", on(&shop, Shop::notify_failure))
        .task("notify-out-of-stock", on(&shop, Shop::notify_out_of_stock))
        .build()?;
    worker.run_until(shutdown_signal()).await?;
    Ok(())
}

/// A handler that does one step of the shop. Nothing in the shop waits, so the future is ready at once.
fn on<I, O: 'static>(
    shop: &Arc<Shop>,
    step: fn(&Shop, &TaskContext, I) -> Result<O, TaskError>,
) -> impl Fn(TaskContext, I) -> Ready<Result<O, TaskError>> + use<I, O> {
    let shop = shop.clone();
    move |task, input| {
        tracing::info!(attempt = task.attempt(), delivery = task.delivery(), "doing");
        ready(step(&shop, &task, input))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    customer_id: String,
    items: Vec<Item>,
    total: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    product_id: String,
    quantity: u32,
}

/// What every step answers: where the order stands now.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    order_id: String,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Status {
    Reserved,
    Paid,
    Confirmed,
    Released,
    Cancelled,
}

/// One order on its way through the shop.
struct Purchase {
    order: Order,
    status: Status,
    reservation_id: Option<String>,
    payment_id: Option<String>,
    /// The notices that were sent, so that none is sent twice.
    notices: Vec<&'static str>,
}

impl Purchase {
    fn answer(&self) -> Answer {
        Answer {
            order_id: self.order.order_id.clone(),
            status: self.status,
            reservation_id: self.reservation_id.clone(),
            payment_id: self.payment_id.clone(),
        }
    }
}

#[derive(Default)]
struct Shop {
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// By the name of the execution that handles the purchase.
    purchases: BTreeMap<String, Purchase>,
    /// Units taken, by product.
    taken: BTreeMap<String, u32>,
}

/// Units that the shop has of a product.
fn stock(product_id: &str) -> u32 {
    if product_id == "prod_none" { 0 } else { 1_000_000 }
}

impl Shop {
    fn reserve_inventory(&self, task: &TaskContext, order: Order) -> Result<Answer, TaskError> {
        let mut shelves = self.lock();
        if let Some(purchase) = shelves.purchases.get(task.execution_name()) {
            return Ok(purchase.answer());
        }
        for Item { product_id, quantity } in &order.items {
            let taken = shelves.taken.get(product_id).copied().unwrap_or(0);
            let left = stock(product_id).saturating_sub(taken);
            if *quantity > left {
                let cause = format!("expected {quantity} of {product_id} in stock, found {left}");
                return Err(TaskError::new("OutOfStock", cause));
            }
        }
        for Item { product_id, quantity } in &order.items {
            *shelves.taken.entry(product_id.clone()).or_default() += quantity;
        }
        let purchase = Purchase {
            order,
            status: Status::Reserved,
            reservation_id: Some(format!("res_{}", task.idempotency_key())),
            payment_id: None,
            notices: Vec::new(),
        };
        let answer = purchase.answer();
        shelves.purchases.insert(task.execution_name().to_owned(), purchase);
        Ok(answer)
    }

    fn process_payment(&self, task: &TaskContext, _: IgnoredAny) -> Result<Answer, TaskError> {
        self.with_purchase(task, |purchase| {
            if purchase.order.customer_id == "cust_fail" {
                let cause = format!("the card for {:.2} was declined", purchase.order.total);
                return Err(TaskError::new("PaymentFailed", cause));
            }
            if purchase.payment_id.is_none() {
                purchase.payment_id = Some(format!("pay_{}", task.idempotency_key()));
                purchase.status = Status::Paid;
            }
            Ok(purchase.answer())
        })
    }

    fn confirm_order(&self, task: &TaskContext, _: IgnoredAny) -> Result<Answer, TaskError> {
        self.with_purchase(task, |purchase| {
            purchase.status = Status::Confirmed;
            Ok(purchase.answer())
        })
    }

    fn send_confirmation(&self, task: &TaskContext, _: IgnoredAny) -> Result<Answer, TaskError> {
        self.with_purchase(task, |purchase| {
            notify(purchase, "your order is confirmed");
            Ok(purchase.answer())
        })
    }

    fn release_inventory(&self, task: &TaskContext, _: IgnoredAny) -> Result<Option<Answer>, TaskError> {
        let mut shelves = self.lock();
        let Shelves { purchases, taken } = &mut *shelves;
        let Some(purchase) = purchases.get_mut(task.execution_name()) else { return Ok(None) };
        if purchase.reservation_id.take().is_some() {
            purchase.status = Status::Released;
            for Item { product_id, quantity } in &purchase.order.items {
                if let Some(taken) = taken.get_mut(product_id) {
                    *taken = taken.saturating_sub(*quantity);
                }
            }
        }
        Ok(Some(purchase.answer()))
    }

    fn cancel_order(&self, task: &TaskContext, _: IgnoredAny) -> Result<Option<Answer>, TaskError> {
        let mut shelves = self.lock();
        let Some(purchase) = shelves.purchases.get_mut(task.execution_name()) else { return Ok(None) };
        purchase.status = Status::Cancelled;
        Ok(Some(purchase.answer()))
    }

    fn notify_failure(&self, task: &TaskContext, _: IgnoredAny) -> Result<Option<Answer>, TaskError> {
        let mut shelves = self.lock();
        let Some(purchase) = shelves.purchases.get_mut(task.execution_name()) else { return Ok(None) };
        notify(purchase, "your order failed, and you were charged nothing");
        Ok(Some(purchase.answer()))
    }

    /// Nothing was reserved, so the shop knows no purchase: the notice goes out by the execution's name.
    fn notify_out_of_stock(&self, task: &TaskContext, _: IgnoredAny) -> Result<(), TaskError> {
        tracing::info!(order = task.execution_name(), "notice: what you ordered is out of stock");
        Ok(())
    }

    fn with_purchase(
        &self,
        task: &TaskContext,
        step: impl FnOnce(&mut Purchase) -> Result<Answer, TaskError>,
    ) -> Result<Answer, TaskError> {
        match self.lock().purchases.get_mut(task.execution_name()) {
            Some(purchase) => step(purchase),
            None => Err(TaskError::new(
                "UnknownOrder",
                format!("expected a reservation for `{}`, found none", task.execution_name()),
            )),
        }
    }

    /// The shelves are whole after every step, so a lock that a panic poisoned is as good as any.
    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn notify(purchase: &mut Purchase, notice: &'static str) {
    if !purchase.notices.contains(&notice) {
        purchase.notices.push(notice);
        tracing::info!(order = purchase.order.order_id, "notice: {notice}");
    }
}
