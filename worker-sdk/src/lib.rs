//! The worker SDK of Stepwell: typed async handlers for the tasks of a saga.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//! use stepwell_worker::{TaskContext, TaskError, Worker, shutdown_signal};
//!
//! #[derive(Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Order {
//!     order_id: String,
//!     quantity: u32,
//! }
//!
//! #[derive(Serialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Reservation {
//!     reservation_id: String,
//! }
//!
//! async fn reserve_inventory(task: TaskContext, order: Order) -> Result<Reservation, TaskError> {
//!     if order.quantity > 10 {
//!         return Err(TaskError::new("OutOfStock", format!("too few left for {}", order.order_id)));
//!     }
//!     Ok(Reservation { reservation_id: format!("res-{}", task.idempotency_key()) })
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), stepwell_worker::Error> {
//!     let worker = Worker::builder("http://127.0.0.1:7410")
//!         .name("shop-1")
//!         .concurrency(64)
//!         .task("reserve-inventory", reserve_inventory)
//!         .build()?;
//!     worker.run_until(shutdown_signal()).await
//! }
//! ```
//!
//! # What is what
//!
//! | for | see |
//! |---|---|
//! | building and running a worker | [`Worker`], [`WorkerBuilder`], [`TaskOptions`], [`shutdown_signal`] |
//! | what a handler is given | [`TaskContext`]: idempotency key, attempt, deadline, heartbeats, cancellation |
//! | how a handler fails its task | [`TaskError`] |
//! | how a worker fails altogether | [`enum@Error`] |
//! | reaching the engine over TLS, or with a token | [`Endpoint`], [`TlsOptions`] |
//! | answering a `$$.Task.Token` from elsewhere | [`TaskTokens`], [`TokenError`] |
//! | testing handlers without an engine | [`testing`] |
//!
//! # What holds
//!
//! - A task is delivered *at least* once. A handler with an effect passes on
//!   [`TaskContext::idempotency_key`], which is the same for every delivery and every attempt.
//! - No answer is lost while the process lives: it is kept, and repeated on every new connection, until the
//!   engine has confirmed that it is durable.
//! - No more handlers run than [`WorkerBuilder::concurrency`] allows, whatever the engine sends.
//! - A handler that panics, or whose input is not what it takes, fails its task and nothing else.
//! - Logs (through `tracing`) never contain inputs, outputs or causes. Handlers run in a span `task` with the
//!   queue, the execution, the state and the attempt.
//!
//! # How it works
//!
//! A worker is one gRPC stream, and the crate is laid out along it: `connection` opens stream after stream,
//! `stream` speaks on one of them, `session` has the rules and everything that outlives a stream: the
//! handlers that run (`running`) and the answers without a receipt (`outbox`). The frames are those of
//! `worker.proto`. It deliberately does not retry a failed task: that is the saga's business, by its `Retry`.

mod alarms;
mod backoff;
mod connection;
mod endpoint;
mod error;
mod handler;
mod heartbeat;
mod outbox;
mod running;
mod session;
mod signal;
mod stream;
mod task;
mod task_error;
pub mod testing;
mod tokens;
mod worker;

pub use endpoint::{Endpoint, TlsOptions};
pub use error::Error;
pub use handler::TaskOptions;
pub use signal::shutdown_signal;
pub use task::TaskContext;
pub use task_error::TaskError;
pub use tokens::{Error as TokenError, TaskTokens};
pub use worker::{Worker, WorkerBuilder};
