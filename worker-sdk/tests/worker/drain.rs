//! How a worker ends.

use std::sync::Arc;
use std::time::Duration;

use stepwell_proto::v1::{Verdict, work_request};
use stepwell_worker::{TaskContext, TaskError};
use tokio::sync::Semaphore;

use crate::fake_engine::{FakeEngine, run, soon, task};

async fn hang(_: TaskContext, _: ()) -> Result<(), TaskError> {
    std::future::pending().await
}

#[tokio::test]
async fn a_draining_worker_finishes_what_it_has_and_hands_back_the_rest() {
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let gate = gate.clone();
        move |_: TaskContext, n: u32| {
            let gate = gate.clone();
            async move {
                gate.acquire().await?.forget();
                Ok::<_, TaskError>(n)
            }
        }
    };
    let mut engine = FakeEngine::start().await;
    let running = run(engine.worker().concurrency(8).task("work", handler));
    let (mut link, _) = engine.welcome().await;
    link.tasks_taken([task("work", "a", "1")]).await;

    let ended = running.shut_down();
    let drain = link.next().await;
    assert!(matches!(drain.frame, Some(work_request::Frame::Drain(_))), "{drain:?}");
    assert_eq!(drain.credits, 0);

    // These were on their way.
    link.tasks([task("work", "b", "2"), task("work", "c", "3")]).await;
    assert_eq!(link.outcomes().await, ("b< c<".to_owned(), 0));
    gate.add_permits(1);
    assert_eq!(link.outcomes().await, ("a=1".to_owned(), 0));

    // Not before the receipt: until then the worker repeats what it must.
    link.receipts(Verdict::TryAgain, &["a"]).await;
    assert_eq!(link.outcomes().await, ("a=1".to_owned(), 0));
    assert!(!ended.is_finished());
    link.receipts(Verdict::Accepted, &["a"]).await;
    link.ended().await;
    drop(link);
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn an_idle_worker_ends_at_once() {
    let mut engine = FakeEngine::start().await;
    let running = run(engine.worker().task("hang", hang));
    let (mut link, _) = engine.welcome().await;
    link.tasks_taken([]).await;
    let ended = running.shut_down();
    assert!(matches!(link.next().await.frame, Some(work_request::Frame::Drain(_))));
    link.ended().await;
    drop(link);
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_handler_that_hangs_is_left_behind() {
    let mut engine = FakeEngine::start().await;
    let running = run(engine.worker().drain_timeout(Duration::from_millis(50)).task("hang", hang));
    let (mut link, _) = engine.welcome().await;
    link.tasks_taken([task("hang", "a", "null")]).await;
    let ended = running.shut_down();
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}

#[tokio::test]
async fn a_worker_without_an_engine_can_be_ended() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let worker = stepwell_worker::Worker::builder(format!("http://127.0.0.1:{port}")).task("hang", hang);
    let ended = run(worker).shut_down();
    assert!(soon("the end of the worker", ended).await.expect("no panic").is_ok());
}
