//! What outlives a stream: the handlers that run, and the answers without a receipt.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stepwell_proto::v1::{Verdict, work_request};
use stepwell_worker::{TaskContext, TaskError, WorkerBuilder};
use tokio::sync::Semaphore;
use tonic::Status;

use crate::fake_engine::{FakeEngine, Hello, run, soon, task};

/// `echo` answers at once; `gated` counts its starts and waits to be let go.
struct Handlers {
    gate: Arc<Semaphore>,
    starts: Arc<AtomicUsize>,
}

impl Handlers {
    fn new() -> Self {
        Self { gate: Arc::new(Semaphore::new(0)), starts: Arc::new(AtomicUsize::new(0)) }
    }

    fn register(&self, worker: WorkerBuilder) -> WorkerBuilder {
        let (gate, starts) = (self.gate.clone(), self.starts.clone());
        worker
            .concurrency(4)
            .task("echo", |_: TaskContext, n: u32| async move { Ok::<_, TaskError>(n) })
            .task("gated", move |_: TaskContext, n: u32| {
                let (gate, starts) = (gate.clone(), starts.clone());
                async move {
                    starts.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await?.forget();
                    Ok::<_, TaskError>(n)
                }
            })
    }
}

fn hello(credits: u32) -> Hello {
    Hello { name: "test".to_owned(), queues: vec!["echo".to_owned(), "gated".to_owned()], credits }
}

#[tokio::test]
async fn answers_without_a_receipt_are_sent_again() {
    let mut engine = FakeEngine::start().await;
    let handlers = Handlers::new();
    let _running = run(handlers.register(engine.worker()));

    let (mut link, said) = engine.welcome().await;
    assert_eq!(said, hello(4));
    link.tasks([task("echo", "a", "1"), task("echo", "b", "2")]).await;
    assert_eq!(link.outcomes_until(2).await, (vec!["a=1".to_owned(), "b=2".to_owned()], 2));
    link.receipts(Verdict::Accepted, &["a"]).await;
    // The receipt is ahead of the end of the stream, so it counts.
    drop(link);

    let (mut link, said) = engine.welcome().await;
    assert_eq!(said, hello(4));
    assert_eq!(link.outcomes().await, ("b=2".to_owned(), 0));
    link.fail(Status::internal("lost again")).await;

    let (mut link, _) = engine.welcome().await;
    assert_eq!(link.outcomes().await, ("b=2".to_owned(), 0));
    link.receipts(Verdict::AlreadyOver, &["b"]).await;
    drop(link);

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("echo", "c", "3")]).await;
    assert_eq!(link.outcomes().await, ("c=3".to_owned(), 1), "nothing of the past");
}

#[tokio::test]
async fn handlers_go_on_and_answer_on_the_new_stream() {
    let mut engine = FakeEngine::start().await;
    let handlers = Handlers::new();
    let _running = run(handlers.register(engine.worker()));

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("gated", "a", "1"), task("gated", "b", "2"), task("echo", "c", "3")]).await;
    assert_eq!(link.outcomes().await, ("c=3".to_owned(), 1));
    link.receipts(Verdict::Accepted, &["c"]).await;
    drop(link);

    let (mut link, said) = engine.welcome().await;
    assert_eq!(said, hello(2), "the concurrency less what still runs");
    handlers.gate.add_permits(2);
    assert_eq!(link.outcomes_until(2).await, (vec!["a=1".to_owned(), "b=2".to_owned()], 2));
}

#[tokio::test]
async fn a_task_that_comes_again_is_not_run_twice() {
    let mut engine = FakeEngine::start().await;
    let handlers = Handlers::new();
    let _running = run(handlers.register(engine.worker()));

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("echo", "done", "0"), task("gated", "a", "1")]).await;
    assert_eq!(link.outcomes().await.0, "done=0");
    drop(link);

    let (mut link, said) = engine.welcome().await;
    assert_eq!(said.credits, 3);
    assert_eq!(link.outcomes().await.0, "done=0", "it has no receipt");
    // Both used a credit and neither takes a place, so both credits come back.
    link.tasks([task("echo", "done", "0"), task("gated", "a", "1")]).await;
    assert_eq!(link.outcomes().await, ("done=0".to_owned(), 2), "answered already: answered again");
    handlers.gate.add_permits(1);
    assert_eq!(link.outcomes().await, ("a=1".to_owned(), 1));
    assert_eq!(handlers.starts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_engine_that_drains_gets_its_answers_first() {
    let mut engine = FakeEngine::start().await;
    let handlers = Handlers::new();
    let _running = run(handlers.register(engine.worker()));

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("gated", "a", "1")]).await;
    link.drain().await;
    handlers.gate.add_permits(1);
    assert_eq!(link.outcomes().await.0, "a=1");
    link.receipts(Verdict::Accepted, &["a"]).await;
    link.fail(Status::unavailable("shutting down")).await;

    let (mut link, said) = engine.welcome().await;
    assert_eq!(said, hello(4));
    link.tasks([task("echo", "b", "2")]).await;
    assert_eq!(link.outcomes().await.0, "b=2");
}

#[tokio::test]
async fn a_worker_that_ends_while_disconnected_still_delivers() {
    let mut engine = FakeEngine::start().await;
    let handlers = Handlers::new();
    let running = run(handlers.register(engine.worker()));

    let (mut link, _) = engine.welcome().await;
    link.tasks([task("echo", "a", "1")]).await;
    assert_eq!(link.outcomes().await.0, "a=1");
    drop(link);
    let mut unwelcomed = engine.link().await;
    unwelcomed.hello().await;
    let ended = running.shut_down();
    drop(unwelcomed);

    // The hello of a stream that was opened before the shutdown may still carry credits; the drain takes
    // them back.
    let (mut link, _) = engine.welcome().await;
    assert!(matches!(link.next().await.frame, Some(work_request::Frame::Drain(_))));
    assert_eq!(link.outcomes().await, ("a=1".to_owned(), 0));
    link.receipts(Verdict::Accepted, &["a"]).await;
    link.ended().await;
    drop(link);
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}
