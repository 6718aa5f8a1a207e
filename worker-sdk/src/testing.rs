//! Testing handlers without an engine.
//!
//! A handler is an async function, so its test calls it. What it needs for that is a [`TaskContext`], and
//! [`TaskContext::for_test`] makes one:
//!
//! ```
//! # use stepwell_worker::{TaskContext, TaskError};
//! async fn charge(task: TaskContext, cents: u64) -> Result<String, TaskError> {
//!     if cents > 10_000 {
//!         return Err(TaskError::new("PaymentFailed", "card declined"));
//!     }
//!     Ok(format!("charge-{}", task.idempotency_key()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let answer = charge(TaskContext::for_test("charge"), 500).await;
//! assert_eq!(answer.unwrap(), "charge-test-key");
//! # }
//! ```
//!
//! [`TestTask`] sets what the task is like and, through its [`TestProbe`], cancels it and sees its
//! heartbeats. [`Worker::call`] tests a worker as a whole, from JSON text to JSON text.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stepwell_proto::v1;
use tokio::sync::mpsc;

use crate::{TaskContext, TaskError, Worker};

impl TaskContext {
    /// The context of a task of this queue: first delivery of the first attempt, no time-outs, its other
    /// texts beginning with `test-`. [`TestTask`] makes one with other values.
    pub fn for_test(queue: impl Into<String>) -> Self {
        TestTask::new(queue).start().0
    }
}

/// A task for a test, before it is started.
///
/// ```
/// # use stepwell_worker::testing::TestTask;
/// let (task, probe) = TestTask::new("charge").execution_name("order-1").attempt(2).start();
/// assert_eq!((task.execution_name(), task.attempt()), ("order-1", 2));
/// probe.cancel();
/// assert!(task.is_cancelled());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TestTask {
    task: v1::Task,
}

impl TestTask {
    /// A task of this queue, like that of [`TaskContext::for_test`].
    pub fn new(queue: impl Into<String>) -> Self {
        let task = v1::Task {
            token: Bytes::from_static(b"test-token"),
            queue: queue.into(),
            input: Bytes::new(),
            idempotency_key: "test-key".to_owned(),
            attempt: 1,
            execution_name: "test-execution".to_owned(),
            execution_arn: "arn:aws:states:local:000000000000:execution:test-machine:test-execution"
                .to_owned(),
            state: "test-state".to_owned(),
            deadline_at: None,
            heartbeat_timeout: None,
            delivery: 1,
            traceparent: String::new(),
        };
        Self { task }
    }

    /// Sets [`TaskContext::idempotency_key`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.task.idempotency_key = key.into();
        self
    }

    /// Sets [`TaskContext::attempt`].
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.task.attempt = attempt;
        self
    }

    /// Sets [`TaskContext::delivery`].
    pub fn delivery(mut self, delivery: u32) -> Self {
        self.task.delivery = delivery;
        self
    }

    /// Sets [`TaskContext::execution_name`], and [`TaskContext::execution_arn`] to match it.
    pub fn execution_name(mut self, name: impl Into<String>) -> Self {
        self.task.execution_name = name.into();
        self.task.execution_arn =
            format!("arn:aws:states:local:000000000000:execution:test-machine:{}", self.task.execution_name);
        self
    }

    /// Sets [`TaskContext::state`].
    pub fn state(mut self, name: impl Into<String>) -> Self {
        self.task.state = name.into();
        self
    }

    /// Sets [`TaskContext::deadline`].
    pub fn deadline(mut self, at: SystemTime) -> Self {
        self.task.deadline_at = Some(at.into());
        self
    }

    /// Sets [`TaskContext::heartbeat_timeout`]; without one, heartbeats do nothing.
    pub fn heartbeat_timeout(mut self, timeout: Duration) -> Self {
        self.task.heartbeat_timeout = timeout.try_into().ok();
        self
    }

    /// Sets [`TaskContext::traceparent`].
    pub fn traceparent(mut self, traceparent: impl Into<String>) -> Self {
        self.task.traceparent = traceparent.into();
        self
    }

    /// The context for the handler, and a probe for the test.
    pub fn start(self) -> (TaskContext, TestProbe) {
        let (beats, asked) = mpsc::channel(1);
        let (context, _) = TaskContext::new(self.task, beats);
        (context.clone(), TestProbe { context, asked })
    }
}

/// The engine's side of a task in a test.
#[derive(Debug)]
pub struct TestProbe {
    context: TaskContext,
    asked: mpsc::Receiver<Bytes>,
}

impl TestProbe {
    /// Cancels the task, as when its execution is stopped.
    pub fn cancel(&self) {
        self.context.cancel();
    }

    /// Whether the handler called [`TaskContext::heartbeat`] since this was last asked.
    pub fn heartbeat(&mut self) -> bool {
        let asked = self.asked.try_recv().is_ok();
        self.context.heartbeat_taken();
        asked
    }
}

impl Worker {
    /// Runs the handler of the task's queue on JSON text, without an engine, and returns the JSON text or the
    /// failure that the engine would get. A handler's panic goes on to the caller.
    ///
    /// ```
    /// # use stepwell_worker::{TaskContext, TaskError, Worker};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), stepwell_worker::Error> {
    /// let worker = Worker::builder("http://127.0.0.1:7410")
    ///     .task("double", |_task: TaskContext, n: u64| async move { Ok::<_, TaskError>(2 * n) })
    ///     .build()?;
    /// assert_eq!(worker.call(TaskContext::for_test("double"), "21").await, Ok("42".to_owned()));
    ///
    /// let refused = worker.call(TaskContext::for_test("double"), "\"x\"").await.unwrap_err();
    /// assert_eq!(refused.name(), Some(TaskError::INVALID_INPUT));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The failure of the task. For a queue that the worker doesn't serve it is a
    /// [`TaskError::INVALID_INPUT`]; an engine would give such a task to another worker.
    pub async fn call(&self, task: TaskContext, input: &str) -> Result<String, TaskError> {
        let Some(registered) = self.handler(task.queue()) else {
            let cause = format!("expected a task that this worker serves, found `{}`", task.queue());
            return Err(TaskError::new(TaskError::INVALID_INPUT, cause));
        };
        let output = registered.handler.start(task, Bytes::copy_from_slice(input.as_bytes())).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }
}
