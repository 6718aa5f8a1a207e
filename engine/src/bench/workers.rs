//! Workers with nothing to do but answer: what is measured is the engine.

use std::future::Future;

use serde_json::{Value, json};
use stepwell_worker::{TaskContext, TaskError, Worker, WorkerBuilder};

/// What an order that is to fail has for its customer.
pub(super) const FAILING_CUSTOMER: &str = "cust_fail";

/// Tasks at a time.
const CONCURRENCY: u32 = 1_024;

/// Serves the order saga's eight tasks until told to stop.
///
/// # Errors
/// When the server refuses the worker.
pub async fn serve(server: &str, shutdown: impl Future<Output = ()>) -> Result<(), stepwell_worker::Error> {
    let mut worker = Worker::builder(server).name("bench").concurrency(CONCURRENCY);
    for (queue, answer) in [
        ("reserve-inventory", None),
        ("confirm-order", Some(json!({ "status": "CONFIRMED" }))),
        ("send-confirmation", Some(json!({ "sent": true }))),
        ("release-inventory", Some(json!({ "released": true }))),
        ("cancel-order", Some(json!({ "status": "CANCELLED" }))),
        ("notify-failure", Some(json!({ "notified": true }))),
        ("notify-out-of-stock", Some(json!({ "notified": true }))),
    ] {
        worker = answering(worker, queue, answer);
    }
    worker
        .task("process-payment", |ctx: TaskContext, order: Value| async move {
            if order.get("customerId").and_then(Value::as_str) == Some(FAILING_CUSTOMER) {
                return Err(TaskError::new("PaymentFailed", "card declined"));
            }
            Ok(json!({ "paymentId": format!("pay_{}", ctx.execution_name()) }))
        })
        .build()?
        .run_until(shutdown)
        .await
}

/// A task that always answers the same, or its input.
fn answering(worker: WorkerBuilder, queue: &str, answer: Option<Value>) -> WorkerBuilder {
    worker.task(queue, move |_: TaskContext, input: Value| {
        let answer = answer.clone().unwrap_or(input);
        async move { Ok::<_, TaskError>(answer) }
    })
}
