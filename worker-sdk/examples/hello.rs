//! The smallest worker: one task, `hello`.
//!
//! With a server running (`stepwell server`), start the worker:
//!
//! ```sh
//! cargo run -p stepwell-worker --example hello
//! ```
//!
//! and give it something to do, from another terminal:
//!
//! ```sh
//! echo '{"StartAt": "Hello", "States": {"Hello": {"Type": "Task", "Resource": "worker:hello", "End": true}}}' > hello.asl.json
//! stepwell deploy hello.asl.json
//! stepwell start hello --input '{"name": "Ada"}' --wait
//! ```
//!
//! `STEPWELL_SERVER` names another server than `http://127.0.0.1:7410`. Ctrl-C drains and ends the worker.

use serde::{Deserialize, Serialize};
use stepwell_worker::{TaskContext, TaskError, Worker, shutdown_signal};

#[derive(Deserialize)]
struct Visitor {
    name: String,
}

#[derive(Serialize)]
struct Greeting {
    greeting: String,
}

async fn hello(task: TaskContext, visitor: Visitor) -> Result<Greeting, TaskError> {
    if visitor.name.is_empty() {
        // A `Retry` or `Catch` of the state matches the name.
        return Err(TaskError::new("NobodyThere", "expected the name of a visitor, found an empty one"));
    }
    tracing::info!(attempt = task.attempt(), "greeting");
    Ok(Greeting { greeting: format!("Hello, {}!", visitor.name) })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter("info").init();
    let server = std::env::var("STEPWELL_SERVER").unwrap_or_else(|_| "http://127.0.0.1:7410".to_owned());
    let worker = Worker::builder(server).name("hello").task("hello", hello).build()?;
    worker.run_until(shutdown_signal()).await?;
    Ok(())
}
