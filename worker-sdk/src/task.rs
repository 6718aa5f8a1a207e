//! [`TaskContext`]: what a handler knows about its task, and what it may ask of the worker meanwhile.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use stepwell_proto::v1;
use tokio::sync::{Notify, mpsc};

/// One delivery of one attempt at a task, as its handler sees it. Cheap to clone.
///
/// The one thing that no handler with a side effect can do without is [`TaskContext::idempotency_key`].
#[derive(Clone)]
pub struct TaskContext {
    inner: Arc<Inner>,
}

struct Inner {
    /// Without its input, which belongs to the handler.
    task: v1::Task,
    deadline: Option<SystemTime>,
    heartbeat_timeout: Option<Duration>,
    cancelled: AtomicBool,
    cancellation: Notify,
    /// Set while a heartbeat of this task waits in `beats`, so that a handler in a tight loop can't fill it.
    beat_waits: AtomicBool,
    beats: mpsc::Sender<Bytes>,
}

impl TaskContext {
    /// The context of a task that was delivered, and the task's input. `beats` carries the tokens of tasks
    /// whose handlers asked for a heartbeat.
    pub(crate) fn new(mut task: v1::Task, beats: mpsc::Sender<Bytes>) -> (Self, Bytes) {
        let input = std::mem::take(&mut task.input);
        // A copy, so that a task that runs for long doesn't keep alive the whole frame it came in.
        task.token = Bytes::copy_from_slice(&task.token);
        let inner = Inner {
            deadline: task.deadline_at.and_then(|at| SystemTime::try_from(at).ok()),
            heartbeat_timeout: task.heartbeat_timeout.and_then(|timeout| Duration::try_from(timeout).ok()),
            cancelled: AtomicBool::new(false),
            cancellation: Notify::new(),
            beat_waits: AtomicBool::new(false),
            beats,
            task,
        };
        (Self { inner: Arc::new(inner) }, input)
    }

    /// The same for every delivery and every attempt of this task, and for no other task: what a service
    /// must remember in order to do its work once. Tasks are delivered *at least* once, so a handler that
    /// charges a card passes this on as the charge's idempotency key.
    pub fn idempotency_key(&self) -> &str {
        &self.inner.task.idempotency_key
    }

    /// 1 for the first attempt; a `Retry` of the state counts one up.
    pub fn attempt(&self) -> u32 {
        self.inner.task.attempt
    }

    /// 1 for the first delivery of this attempt, more when earlier workers were lost with it. A hint only:
    /// an engine that restarted counts anew.
    pub fn delivery(&self) -> u32 {
        self.inner.task.delivery
    }

    /// The name of the execution, which is unique for its state machine.
    pub fn execution_name(&self) -> &str {
        &self.inner.task.execution_name
    }

    /// The ARN of the execution, which is unique altogether.
    pub fn execution_arn(&self) -> &str {
        &self.inner.task.execution_arn
    }

    /// The name of the state that the task belongs to.
    pub fn state(&self) -> &str {
        &self.inner.task.state
    }

    /// The task queue it came from: the name under which its handler is registered.
    pub fn queue(&self) -> &str {
        &self.inner.task.queue
    }

    /// When the attempt times out, by the engine's clock; `None` when it has no time-out. An answer after
    /// that is too late.
    pub fn deadline(&self) -> Option<SystemTime> {
        self.inner.deadline
    }

    /// The longest silence that the engine allows; `None` when it asks for no heartbeats.
    pub fn heartbeat_timeout(&self) -> Option<Duration> {
        self.inner.heartbeat_timeout
    }

    /// The W3C trace context of the attempt, to go on with in calls to other services; `None` when the
    /// execution is not traced.
    pub fn traceparent(&self) -> Option<&str> {
        Some(self.inner.task.traceparent.as_str()).filter(|text| !text.is_empty())
    }

    /// Says that the task is still being worked on. Never waits, and may be called as often as one likes:
    /// heartbeats are sent at most ten times per [`TaskContext::heartbeat_timeout`]. Does nothing for a task
    /// of which no heartbeats are asked.
    ///
    /// Only needed where automatic heartbeats are off: see
    /// [`TaskOptions::manual_heartbeats`](crate::TaskOptions::manual_heartbeats).
    pub fn heartbeat(&self) {
        let inner = &self.inner;
        if inner.heartbeat_timeout.is_none() || inner.beat_waits.swap(true, Ordering::AcqRel) {
            return;
        }
        // Full, or nobody listens any more: then this heartbeat is not waiting, and the next call tries again.
        if inner.beats.try_send(inner.task.token.clone()).is_err() {
            self.heartbeat_taken();
        }
    }

    /// Resolves when the task's answer is no longer wanted: it timed out, or its execution was stopped. The
    /// handler should then clean up and return; what it returns is dropped. After a grace period it is
    /// dropped itself, at its next `await`.
    ///
    /// ```
    /// # use stepwell_worker::{TaskContext, TaskError};
    /// # async fn copy(_: &str) {}
    /// async fn copy_all(task: TaskContext, files: Vec<String>) -> Result<(), TaskError> {
    ///     for file in &files {
    ///         tokio::select! {
    ///             () = task.cancelled() => return Err(TaskError::failed("Cancelled")),
    ///             () = copy(file) => task.heartbeat(),
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn cancelled(&self) {
        // Made before the look at the flag, so that a cancellation in between is not missed.
        let cancellation = self.inner.cancellation.notified();
        if !self.is_cancelled() {
            cancellation.await;
        }
    }

    /// Whether the task's answer is no longer wanted; see [`TaskContext::cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn cancel(&self) {
        self.inner.cancelled.store(true, Ordering::Release);
        self.inner.cancellation.notify_waiters();
    }

    /// The heartbeat that was asked for has been taken out of the channel.
    pub(crate) fn heartbeat_taken(&self) {
        self.inner.beat_waits.store(false, Ordering::Release);
    }

    pub(crate) fn token(&self) -> &Bytes {
        &self.inner.task.token
    }
}

impl fmt::Debug for TaskContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("queue", &self.queue())
            .field("execution_name", &self.execution_name())
            .field("state", &self.state())
            .field("attempt", &self.attempt())
            .field("delivery", &self.delivery())
            .field("idempotency_key", &self.idempotency_key())
            .finish_non_exhaustive()
    }
}
