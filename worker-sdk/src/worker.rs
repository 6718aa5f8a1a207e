//! [`Worker`]: handlers, settings, and a way to run them.

use std::collections::btree_map::Entry;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::backoff::Backoff;
use crate::connection;
use crate::endpoint::{Dialer, TlsOptions};
use crate::handler::{Handler, Handlers, Raw, Registered, TaskOptions, Typed};
use crate::session::{Session, Settings};
use crate::stream::Signals;
use crate::{Endpoint, Error, TaskContext, TaskError};

/// What the wire allows: see `Hello` in `worker.proto`.
const NAME_CHARS_MAX: usize = 80;
const QUEUES_MAX: usize = 1_000;

/// A worker: takes tasks from an engine, runs their handlers, answers.
///
/// Build one with [`Worker::builder`], run it with [`Worker::run_until`].
pub struct Worker {
    dialer: Dialer,
    settings: Settings,
    handlers: Handlers,
}

impl Worker {
    /// Begins a worker for the engine at this address, such as `http://127.0.0.1:7410`.
    pub fn builder(endpoint: impl Into<Endpoint>) -> WorkerBuilder {
        WorkerBuilder {
            endpoint: endpoint.into(),
            settings: Settings {
                name: format!("worker-{}", std::process::id()),
                concurrency: 100,
                drain_timeout: Duration::from_secs(30),
                cancel_grace: Duration::from_secs(5),
                manual_heartbeats: false,
                reconnect: Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(15) },
            },
            tasks: Vec::new(),
        }
    }

    /// Runs until the future resolves, and then drains: takes no more tasks, finishes those it has (for as
    /// long as [`WorkerBuilder::drain_timeout`]) and returns once the engine has confirmed every answer.
    ///
    /// A lost connection is mended, for as long as it takes; the handlers go on meanwhile, and no answer is
    /// lost. Dropping the returned future stops everything at once; the engine then gives the tasks to other
    /// workers.
    ///
    /// # Errors
    ///
    /// Only what trying again can't mend: [`Error::Unauthenticated`] and [`Error::Refused`].
    ///
    /// # Panics
    ///
    /// When called outside a tokio runtime. A handler's panic fails its task and nothing else.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let (drain, drained) = oneshot::channel();
        let (asks, beats) = mpsc::channel(beats_capacity(self.settings.concurrency));
        let session = Session::new(self.settings, self.handlers, asks);
        // A task of its own runs on the runtime's threads even where the caller is `block_on`, whose thread
        // is dear to wake. Inside a `JoinSet` it ends when this future is dropped.
        let mut connection = JoinSet::new();
        connection.spawn(connection::run(self.dialer, session, Signals { beats, drain: drained }));
        tokio::select! {
            ended = connection.join_next() => return outcome(ended),
            () = shutdown => drop(drain),
        }
        outcome(connection.join_next().await)
    }

    /// Runs for ever.
    ///
    /// # Errors
    ///
    /// As [`Worker::run_until`].
    pub async fn run(self) -> Result<(), Error> {
        self.run_until(std::future::pending()).await
    }

    /// The handler that serves this queue.
    pub(crate) fn handler(&self, queue: &str) -> Option<&Arc<Registered>> {
        self.handlers.get(queue)
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("engine", &self.dialer.address())
            .field("settings", &self.settings)
            .field("tasks", &self.handlers.keys().collect::<Vec<_>>())
            .finish()
    }
}

fn outcome(ended: Option<Result<Result<(), Error>, tokio::task::JoinError>>) -> Result<(), Error> {
    match ended {
        Some(Ok(result)) => result,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is being shut down, and everything with it.
            Err(_) => Ok(()),
        },
        None => Ok(()),
    }
}

/// One place for every handler that may run, as each has at most one heartbeat waiting.
fn beats_capacity(concurrency: u32) -> usize {
    usize::try_from(concurrency).unwrap_or(usize::MAX).clamp(16, 65_536)
}

/// The settings and the handlers of a [`Worker`] to be.
///
/// State that handlers share is captured by them:
///
/// ```
/// # use std::sync::Arc;
/// # use stepwell_worker::{TaskContext, TaskError, Worker};
/// # struct Shop;
/// # impl Shop { async fn ship(&self, _: &str) -> Result<u64, std::io::Error> { Ok(1) } }
/// # fn main() -> Result<(), stepwell_worker::Error> {
/// let shop = Arc::new(Shop);
/// let worker = Worker::builder("http://127.0.0.1:7410")
///     .task("ship-order", move |_task: TaskContext, order_id: String| {
///         let shop = shop.clone();
///         async move { Ok::<_, TaskError>(shop.ship(&order_id).await?) }
///     })
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct WorkerBuilder {
    endpoint: Endpoint,
    settings: Settings,
    tasks: Vec<(String, Registered)>,
}

impl WorkerBuilder {
    /// A name for people, shown in lists and, for activities, in the history; at most 80 characters.
    /// By default `worker-` and the number of the process.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = name.into();
        self
    }

    /// How many tasks may be in work at the same time, at least 1; 100 by default. The engine never sends
    /// more. Tasks run as tokio tasks: for handlers that wait (for a database, for another service) hundreds
    /// are fine.
    pub fn concurrency(mut self, tasks: u32) -> Self {
        self.settings.concurrency = tasks;
        self
    }

    /// See [`Endpoint::bearer_token`].
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.endpoint = self.endpoint.bearer_token(token);
        self
    }

    /// See [`Endpoint::tls`].
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.endpoint = self.endpoint.tls(options);
        self
    }

    /// How long a worker that ends waits for the handlers that still run and for the engine's receipts;
    /// 30 seconds by default. Handlers that take longer are dropped, and their tasks go to other workers.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.settings.drain_timeout = timeout;
        self
    }

    /// How long a handler may go on after its task was cancelled, before it is dropped; 5 seconds by default.
    /// See [`TaskContext::cancelled`].
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.settings.cancel_grace = grace;
        self
    }

    /// The range of the delay before connecting again: it doubles from `first` up to `longest`, and what is
    /// waited is drawn between nothing and that. 100 milliseconds and 15 seconds by default. There is no
    /// limit to how often it is tried.
    pub fn reconnect_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.settings.reconnect = Backoff { first, longest };
        self
    }

    /// Makes [`TaskOptions::manual_heartbeats`] the rule for all tasks.
    pub fn manual_heartbeats(mut self) -> Self {
        self.settings.manual_heartbeats = true;
        self
    }

    /// Serves a task queue with an async function of the task's context and its input, which is read from
    /// JSON; what the function returns is written as JSON.
    ///
    /// The name is that of the function or activity, the `<name>` of `worker:<name>`, or for a service
    /// integration `service:action`.
    pub fn task<I, O, E, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        F: Fn(TaskContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize,
        E: Into<TaskError>,
    {
        self.task_with(name, TaskOptions::new(), handler)
    }

    /// As [`WorkerBuilder::task`], with options of its own.
    pub fn task_with<I, O, E, F, Fut>(self, name: impl Into<String>, options: TaskOptions, handler: F) -> Self
    where
        F: Fn(TaskContext, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
        I: DeserializeOwned + 'static,
        O: Serialize,
        E: Into<TaskError>,
    {
        self.register(name.into(), options, Typed::new(handler))
    }

    /// Serves a task queue with an async function of JSON text, which is passed on as it came. What the
    /// function returns is sent as it is; when it isn't JSON, it is the engine that says so.
    pub fn raw_task<E, F, Fut>(self, name: impl Into<String>, handler: F) -> Self
    where
        F: Fn(TaskContext, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<TaskError>,
    {
        self.raw_task_with(name, TaskOptions::new(), handler)
    }

    /// As [`WorkerBuilder::raw_task`], with options of its own.
    pub fn raw_task_with<E, F, Fut>(self, name: impl Into<String>, options: TaskOptions, handler: F) -> Self
    where
        F: Fn(TaskContext, String) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<TaskError>,
    {
        self.register(name.into(), options, Raw::new(handler))
    }

    fn register(mut self, name: String, options: TaskOptions, handler: impl Handler) -> Self {
        self.tasks.push((name, Registered { options, handler: Box::new(handler) }));
        self
    }

    /// Checks the settings. Does not connect yet.
    ///
    /// # Errors
    ///
    /// [`Error::Endpoint`] for an address, a token or TLS options that can't be used, [`Error::Setting`] for
    /// a setting out of its range and for a task that has no name or two handlers.
    pub fn build(self) -> Result<Worker, Error> {
        let Self { endpoint, settings, tasks } = self;
        if settings.concurrency == 0 {
            return Err(setting("expected a concurrency of at least 1, found 0"));
        }
        let characters = settings.name.chars().count();
        if characters > NAME_CHARS_MAX {
            return Err(setting(format!(
                "expected a worker name of at most {NAME_CHARS_MAX} characters, found {characters}"
            )));
        }
        Ok(Worker { dialer: endpoint.resolve()?, settings, handlers: handlers(tasks)? })
    }
}

impl fmt::Debug for WorkerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("endpoint", &self.endpoint)
            .field("settings", &self.settings)
            .field("tasks", &self.tasks.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish()
    }
}

fn handlers(tasks: Vec<(String, Registered)>) -> Result<Handlers, Error> {
    if tasks.is_empty() || tasks.len() > QUEUES_MAX {
        return Err(setting(format!("expected 1 to {QUEUES_MAX} tasks, found {}", tasks.len())));
    }
    let mut handlers = Handlers::new();
    for (name, registered) in tasks {
        if name.is_empty() {
            return Err(setting("expected a name for every task, found an empty one"));
        }
        match handlers.entry(name) {
            Entry::Vacant(place) => place.insert(Arc::new(registered)),
            Entry::Occupied(place) => {
                return Err(setting(format!(
                    "expected one handler per task, found two for `{}`",
                    place.key()
                )));
            }
        };
    }
    Ok(handlers)
}

fn setting(problem: impl Into<String>) -> Error {
    Error::Setting(problem.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(names: &[&str]) -> WorkerBuilder {
        names.iter().fold(Worker::builder("http://127.0.0.1:1"), |builder, name| {
            builder.raw_task(*name, |_, text| async move { Ok::<_, TaskError>(text) })
        })
    }

    #[test]
    fn settings_are_checked_when_building() {
        let many: Vec<String> = (0..1_001).map(|n| format!("task-{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let table = [
            (builder(&["a", "b"]), None),
            (builder(&["a"]).name("n".repeat(80)), None),
            (builder(&[]), Some("expected 1 to 1000 tasks, found 0")),
            (builder(&many), Some("expected 1 to 1000 tasks, found 1001")),
            (builder(&["a", "a"]), Some("expected one handler per task, found two for `a`")),
            (builder(&[""]), Some("found an empty one")),
            (builder(&["a"]).concurrency(0), Some("at least 1, found 0")),
            (builder(&["a"]).name("n".repeat(81)), Some("at most 80 characters, found 81")),
            (
                Worker::builder("nowhere").raw_task("a", |_, t| async { Ok::<_, TaskError>(t) }),
                Some("`nowhere`"),
            ),
        ];
        for (builder, problem) in table {
            let shown = format!("{builder:?}");
            match (builder.build(), problem) {
                (Ok(_), None) => {}
                (Err(error), Some(problem)) => assert!(error.to_string().contains(problem), "{error}"),
                (result, _) => panic!("{shown}: {result:?}"),
            }
        }
    }
}
