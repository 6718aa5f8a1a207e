//! Handlers: from the JSON text of a task to the JSON text of its answer.
//!
//! Reading the input and writing the output happen in the handler's own tokio task, so that a large payload
//! holds up nobody else.

use std::any::type_name;
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{TaskContext, TaskError};

/// What became of a task: the JSON text of its output, or its failure.
pub(crate) type Answer = Result<Bytes, TaskError>;

pub(crate) type AnswerFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// How one kind of task is handled, apart from its handler.
///
/// ```
/// # use stepwell_worker::TaskOptions;
/// let options = TaskOptions::new().manual_heartbeats();
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct TaskOptions {
    pub(crate) manual_heartbeats: bool,
}

impl TaskOptions {
    /// The worker's own settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends heartbeats only when the handler calls [`TaskContext::heartbeat`]. By default the worker sends
    /// them by itself for as long as the handler runs, which says that the *worker* is alive; a handler that
    /// hangs is then noticed by its time-out only. With manual heartbeats its silence is noticed too.
    #[must_use]
    pub fn manual_heartbeats(mut self) -> Self {
        self.manual_heartbeats = true;
        self
    }
}

/// One kind of task, with its handler.
pub(crate) struct Registered {
    pub(crate) options: TaskOptions,
    pub(crate) handler: Box<dyn Handler>,
}

/// The handlers of a worker by the queue they serve; the order is that of the queues in `Hello`.
pub(crate) type Handlers = BTreeMap<String, Arc<Registered>>;

/// A handler as the worker sees it: text in, text out.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Takes up a task. Called in the tokio task that will poll the future, so a panic ends only that.
    fn start(&self, task: TaskContext, input: Bytes) -> AnswerFuture;
}

/// A handler with an input and an output of its own types.
pub(crate) struct Typed<F, I> {
    handler: F,
    input: PhantomData<fn(I)>,
}

impl<F, I> Typed<F, I> {
    pub(crate) fn new(handler: F) -> Self {
        Self { handler, input: PhantomData }
    }
}

impl<F, Fut, I, O, E> Handler for Typed<F, I>
where
    F: Fn(TaskContext, I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<O, E>> + Send + 'static,
    I: DeserializeOwned + 'static,
    O: Serialize,
    E: Into<TaskError>,
{
    fn start(&self, task: TaskContext, input: Bytes) -> AnswerFuture {
        let input = match read::<I>(task.queue(), &input) {
            Ok(input) => input,
            Err(error) => return failed(error),
        };
        let output = (self.handler)(task, input);
        Box::pin(async move {
            match output.await {
                Ok(output) => write(&output),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// A handler on JSON text.
pub(crate) struct Raw<F> {
    handler: F,
}

impl<F> Raw<F> {
    pub(crate) fn new(handler: F) -> Self {
        Self { handler }
    }
}

impl<F, Fut, E> Handler for Raw<F>
where
    F: Fn(TaskContext, String) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, E>> + Send + 'static,
    E: Into<TaskError>,
{
    fn start(&self, task: TaskContext, input: Bytes) -> AnswerFuture {
        let Ok(input) = String::from_utf8(input.into()) else {
            return failed(TaskError::new(
                TaskError::INVALID_INPUT,
                format!(
                    "expected the input of `{}` as JSON text, found bytes that are not UTF-8",
                    task.queue()
                ),
            ));
        };
        let output = (self.handler)(task, input);
        Box::pin(async move { output.await.map(Bytes::from).map_err(Into::into) })
    }
}

fn failed(error: TaskError) -> AnswerFuture {
    Box::pin(std::future::ready(Err(error)))
}

fn read<I: DeserializeOwned>(queue: &str, input: &[u8]) -> Result<I, TaskError> {
    serde_json::from_slice(input).map_err(|error| {
        let expected = type_name::<I>();
        let cause = format!("expected the input of `{queue}` as JSON of a `{expected}`, found: {error}");
        TaskError::new(TaskError::INVALID_INPUT, cause)
    })
}

fn write<O: Serialize>(output: &O) -> Answer {
    serde_json::to_vec(output).map(Bytes::from).map_err(|error| {
        let expected = type_name::<O>();
        let cause = format!("expected to write a `{expected}` as JSON, found: {error}");
        TaskError::new(TaskError::INVALID_OUTPUT, cause)
    })
}
