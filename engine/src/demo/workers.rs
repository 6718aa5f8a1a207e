//! The shop behind a worker: the eight tasks of the order saga.

use std::pin::Pin;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use stepwell_worker::{TaskContext, TaskError, WorkerBuilder};

use super::shop::{Call, Outcome, Shop, Step};

impl Shop {
    /// Adds the eight tasks to a worker.
    pub fn workers(&self, builder: WorkerBuilder) -> WorkerBuilder {
        builder
            .task("reserve-inventory", self.handler(Step::ReserveInventory))
            .task("process-payment", self.handler(Step::ProcessPayment))
            .task("confirm-order", self.handler(|IgnoredAny| Step::ConfirmOrder))
            .task("send-confirmation", self.handler(|IgnoredAny| Step::SendConfirmation))
            .task("release-inventory", self.handler(|IgnoredAny| Step::ReleaseInventory))
            .task("cancel-order", self.handler(|IgnoredAny| Step::CancelOrder))
            .task("notify-failure", self.handler(|IgnoredAny| Step::NotifyFailure))
            .task("notify-out-of-stock", self.handler(|IgnoredAny| Step::NotifyOutOfStock))
    }

    /// A task's handler: the step that its input makes.
    fn handler<I: DeserializeOwned + 'static>(
        &self,
        step: fn(I) -> Step,
    ) -> impl Fn(TaskContext, I) -> Answer + use<I> {
        let shop = self.clone();
        move |task, input| Box::pin(handle(shop.clone(), task, step(input)))
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, TaskError>> + Send>>;

async fn handle(shop: Shop, task: TaskContext, step: Step) -> Result<Value, TaskError> {
    if !shop.latency.is_zero() {
        tokio::time::sleep(shop.latency).await;
    }
    let call = Call {
        execution: task.execution_name(),
        task: task.queue(),
        key: task.idempotency_key(),
        attempt: task.attempt(),
    };
    match shop.perform(&call, &step).await? {
        Outcome::Done(answer) => Ok(answer),
        Outcome::Refused(refusal) => Err(TaskError::new(refusal.error, refusal.cause)),
    }
}
